"""Telling the network that graphflow is here, so that nobody has to type an address (zeroconf, an extra)."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from graphflow.control.oscquery.addresses import all_of

OSC, OSCQUERY = "_osc._udp.local.", "_oscjson._tcp.local."
LOOK = 30.0
"""Seconds between two looks at this computer's addresses, which a change of network changes."""
ENDS_WITHIN = 3.0
MISSING = "controllers do not find graphflow by themselves: zeroconf is missing; pip install 'graphflow-live[zeroconf]'"


def missing() -> str:
    """The line that says why nothing is told; "" if it can be."""
    return "" if find_spec("zeroconf") else MISSING


class Advertiser:
    """Tells of one port, by both names, from a thread of its own. `http`: whether there is OSCQuery too."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        http: bool,
        report: Callable[[str], None] = lambda line: None,
        interfaces: Sequence[str] | None = None,
    ) -> None:
        self._host, self._port, self._types = host, port, [OSC, *([OSCQUERY] if http else [])]
        self._report, self._interfaces = report, interfaces
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._live, name="zeroconf", daemon=True)

    def start(self) -> None:
        """Begin to tell; it takes a second until others know."""
        self._thread.start()

    def close(self) -> None:
        """Take it back."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(ENDS_WITHIN)

    def _live(self) -> None:
        try:
            self._loop.run_until_complete(self._run())
        finally:
            self._loop.close()

    async def _run(self) -> None:
        from zeroconf import Error, InterfaceChoice
        from zeroconf.asyncio import AsyncZeroconf

        addresses = all_of(self._host)
        try:
            zeroconf = AsyncZeroconf(interfaces=list(self._interfaces) if self._interfaces else InterfaceChoice.Default)
        except OSError as error:
            self._report(f"zeroconf is off: {error.strerror or error}")
            return
        try:
            infos = [self._info(type_, addresses) for type_ in self._types]
            for info in infos:
                await (await zeroconf.async_register_service(info, allow_name_change=True))
            while not await self._stopped():
                now = all_of(self._host)
                if now != addresses:
                    addresses = now
                    for info in infos:
                        info.addresses = [ipaddress.ip_address(address).packed for address in addresses]
                        await (await zeroconf.async_update_service(info))
        except (Error, OSError) as error:
            self._report(f"zeroconf is off: {error}")
        finally:
            await zeroconf.async_unregister_all_services()
            await zeroconf.async_close()

    async def _stopped(self) -> bool:
        """True when it is to end; False after a while."""
        try:
            await asyncio.wait_for(self._stop.wait(), LOOK)
        except TimeoutError:
            return False
        return True

    def _info(self, type_: str, addresses: Sequence[str]) -> Any:
        from zeroconf.asyncio import AsyncServiceInfo

        computer = socket.gethostname().partition(".")[0] or "computer"
        return AsyncServiceInfo(
            type_,
            f"graphflow on {computer}.{type_}",
            port=self._port,
            properties={"txtvers": "1"},
            server=f"{computer}.local.",
            parsed_addresses=list(addresses),
        )

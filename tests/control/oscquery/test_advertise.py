"""Found by others on the network: a real zeroconf browser on loopback."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from graphflow.control.oscquery.advertise import OSC, OSCQUERY, Advertiser

pytest.importorskip("zeroconf", reason="zeroconf is missing: pip install 'graphflow-live[zeroconf]'")


@pytest.mark.slow
def test_a_browser_finds_osc_and_oscquery_and_loses_them_at_the_end():
    from zeroconf import ServiceStateChange
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

    async def play() -> tuple[list[str], list[str], int]:
        here = ["127.0.0.1"]
        eyes = AsyncZeroconf(interfaces=here)
        came: asyncio.Queue[str] = asyncio.Queue()
        left: asyncio.Queue[str] = asyncio.Queue()

        def changed(zeroconf: Any, service_type: str, name: str, state_change: ServiceStateChange) -> None:
            if state_change is ServiceStateChange.Added:
                came.put_nowait(name)
            elif state_change is ServiceStateChange.Removed:
                left.put_nowait(name)

        browser = AsyncServiceBrowser(eyes.zeroconf, [OSC, OSCQUERY], handlers=[changed])
        telling = Advertiser("127.0.0.1", 7654, http=True, interfaces=here)
        telling.start()
        async with asyncio.timeout(20.0):
            names = sorted([await came.get(), await came.get()])
            info = await eyes.async_get_service_info(OSCQUERY, next(n for n in names if n.endswith(OSCQUERY)))
            await asyncio.to_thread(telling.close)
            gone = sorted([await left.get(), await left.get()])
        await browser.async_cancel()
        await eyes.async_close()
        return names, gone, info.port if info else 0

    names, gone, port = asyncio.run(play())
    assert [name.partition(".")[2] for name in names] in ([OSC, OSCQUERY], [OSCQUERY, OSC])
    assert all(name.startswith("graphflow on ") for name in names)
    assert (gone, port) == (names, 7654)

"""OSC: every live param by its address. `/gf/node/NAME/PARAM value` sets, without a value it asks.

python-osc is the codec only; its servers sleep in the event loop. Numbers are taken in any OSC type and brought into
the param's range; what is wrong is answered to the sender as `/gf/sys/error address line`.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from typing import Any

from pythonosc import osc_message
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import BuildError, OscMessageBuilder
from pythonosc.parsing import osc_types

from graphflow.core.declare import Choice, Numeric, Switch
from graphflow.core.errors import UserError, did_you_mean
from graphflow.session import Session

PORT = 7654
HOST = "127.0.0.1"
ROOT = "/gf"
MALFORMED = (osc_message.ParseError, osc_types.ParseError, ValueError, IndexError, struct.error)
"""What python-osc raises on bytes that are no OSC: each of its modules has a ParseError of its own."""
BUNDLE, BUNDLE_HEAD, DEEPEST = b"#bundle\0", 16, 8
"""How a bundle begins, its bytes before the first part (that and a time), and how deep bundles may lie in bundles."""
FIXED = {int: 4, float: 4}
"""The least a number takes, in bytes."""


@dataclass(frozen=True)
class OscStatistics:
    """What has come in. Malformed packets were no OSC at all; refused messages were answered with the reason."""

    messages: int
    refused: int
    malformed: int


class OscServer(asyncio.DatagramProtocol):
    """The session's params over UDP on loopback. Runs in the session's loop, so that a message is a plain call."""

    def __init__(self, session: Session, host: str = HOST, port: int = PORT) -> None:
        self._session = session
        self.host, self.port = host, port
        self._transport: asyncio.DatagramTransport | None = None
        self._messages = self._refused = self._malformed = 0

    async def start(self) -> None:
        """Begin to listen; port 0 takes a free one. Raises UserError where the port is taken."""
        loop = asyncio.get_running_loop()
        try:
            self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, self.port))
        except OSError as error:
            raise UserError(
                f"--osc {self.port}: the port cannot be had ({error.strerror or error}); another graphflow may "
                "hold it, choose another number"
            ) from error
        self.port = self._transport.get_extra_info("sockname")[1]

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def statistics(self) -> OscStatistics:
        return OscStatistics(self._messages, self._refused, self._malformed)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        try:
            messages = decoded(data)
        except MALFORMED:
            self._malformed += 1
            return
        for message in messages:
            self._messages += 1
            try:
                answer = self._take(message.address, list(message.params))
            except UserError as error:
                self._refused += 1
                self._reply(addr, f"{ROOT}/sys/error", [message.address, str(error)])
                continue
            if answer is not None:
                self._reply(addr, message.address, [answer])

    def _take(self, address: str, arguments: list[Any]) -> Any:
        """Carry out one message; the answer to a question, else None. Raises UserError."""
        parts = address.strip("/").split("/")
        if parts[:1] != [ROOT[1:]] or len(parts) < 2:
            raise UserError(f"{address}: expected an address below {ROOT}, like {ROOT}/node/NAME/PARAM")
        if parts[1] == "node" and len(parts) in (4, 5):
            return self._param(parts[2], parts[3], parts[4:] == ["norm"], len(parts) == 5, arguments, address)
        if parts[1] == "macro" and len(parts) == 3 and len(arguments) == 1:
            self._session.macro(parts[2], _number(address, arguments[0]))
            return None
        if parts[1] == "scene" and len(parts) == 3:
            self._session.scene(parts[2])
            return None
        if parts[1:] == ["hush"]:
            self._session.hush(not arguments or bool(_number(address, arguments[0])))
            return None
        if parts[1:] == ["panic"]:
            self._session.panic()
            return None
        if parts[1:] == ["sys", "ping"]:
            return arguments[0] if arguments else 1
        known = ["node", "macro", "scene", "hush", "panic", "sys"]
        raise UserError(f"{address}: no such address{did_you_mean(parts[1], known)}")

    def _param(self, node: str, param: str, norm: bool, twin: bool, arguments: list[Any], address: str) -> Any:
        if twin and not norm:
            raise UserError(f"{address}: no such address; expected {ROOT}/node/{node}/{param} or .../norm")
        _, declared = self._session.find(node, param)
        if norm and not isinstance(declared, Numeric):
            raise UserError(f"{address}: {param} is no number; it has no norm")
        if not arguments:
            value = self._session.get(node, param)
            return declared.norm(value) if norm and isinstance(declared, Numeric) else value
        if len(arguments) != 1:
            raise UserError(f"{address}: {len(arguments)} arguments; expected one value, or none to ask")
        value = arguments[0]
        if isinstance(declared, Numeric):
            value = _number(address, value)
            value = declared.value_at(value) if norm else value
        elif isinstance(declared, Choice) and isinstance(value, (int, float)):
            value = declared.choices[round(min(max(_number(address, value), 0.0), len(declared.choices) - 1))]
        elif isinstance(declared, Switch):
            value = _number(address, value)
        self._session.set(node, param, value, clip=True)
        return None

    def _reply(self, addr: Any, address: str, values: list[Any]) -> None:
        if self._transport is None:
            return
        builder = OscMessageBuilder(address)
        for value in values:
            builder.add_arg(int(value) if isinstance(value, bool) else value)
        try:
            self._transport.sendto(builder.build().dgram, addr)
        except BuildError:
            self._malformed += 1


def decoded(data: bytes, depth: int = 0) -> list[OscMessage]:
    """The messages of a packet, in order; bundles are opened.

    Not by python-osc: a part with a size below 0 keeps its reader busy for ever.
    """
    if data.startswith(BUNDLE):
        if len(data) < BUNDLE_HEAD or depth == DEEPEST:
            raise ValueError("no bundle")
        found: list[OscMessage] = []
        at = BUNDLE_HEAD
        while at < len(data):
            end = at + 4 + struct.unpack_from("!I", data, at)[0]
            if end > len(data):
                raise ValueError("cut off")
            found += decoded(data[at + 4 : end], depth + 1)
            at = end
        return found
    if not OscMessage.dgram_is_message(data):
        raise ValueError("neither a message nor a bundle")
    message = OscMessage(data)
    # python-osc reads a number that was cut off as 0
    if len(data) < sum(FIXED.get(type(value), 0) for value in message.params) + data.index(b",") + 4:
        raise ValueError("cut off")
    return [message]


def _number(address: str, value: Any) -> float:
    if isinstance(value, (int, float)) and value == value:
        return float(value)
    raise UserError(f"{address} is {value!r}; expected a number")

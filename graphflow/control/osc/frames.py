"""Packets in a TCP stream: SLIP as OSC 1.1 has it, or each with its size before it as OSC 1.0 had it.

Which of them a peer speaks is told by its first byte.
"""

from __future__ import annotations

from typing import Literal

from graphflow.control.osc.packet import LARGEST, Malformed

END, ESC, ESC_END, ESC_ESC = b"\xc0", b"\xdb", b"\xdb\xdc", b"\xdb\xdd"


class Framing:
    """One direction of one connection; what it has of an unfinished packet is never more than a packet."""

    def __init__(self) -> None:
        self.form: Literal["", "slip", "sized"] = ""
        self._rest = b""

    def packets(self, data: bytes) -> list[bytes]:
        """The packets that are complete now. Raises Malformed where the stream makes no sense any more."""
        if not self.form and data:
            self.form = "sized" if data[0] == 0 else "slip"
        return self._slip(data) if self.form == "slip" else self._sized(data)

    def _slip(self, data: bytes) -> list[bytes]:
        *whole, self._rest = (self._rest + data).split(END)
        if len(self._rest) > 2 * LARGEST:  # every byte may be escaped
            raise Malformed("a packet without an end")
        return [part.replace(ESC_END, END).replace(ESC_ESC, ESC) for part in whole if part]

    def _sized(self, data: bytes) -> list[bytes]:
        stream, found, at = self._rest + data, [], 0
        while at + 4 <= len(stream):
            size = int.from_bytes(stream[at : at + 4], "big")
            if size > LARGEST:
                raise Malformed(f"a packet of {size} bytes")
            if at + 4 + size > len(stream):
                break
            found.append(stream[at + 4 : at + 4 + size])
            at += 4 + size
        self._rest = stream[at:]
        return found

    def framed(self, packet: bytes) -> bytes:
        """A packet as this peer wants it."""
        if self.form == "sized":
            return len(packet).to_bytes(4, "big") + packet
        return END + packet.replace(ESC, ESC_ESC).replace(END, ESC_END) + END

"""The OSC server: packets come in by UDP and TCP, are carried out in the session's thread, and are answered.

It runs in the session's asyncio loop: a datagram is applied when it arrives, by a plain call, and is heard from the
next block on.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from graphflow.control.osc.astray import plain, why_not
from graphflow.control.osc.bundles import Bundles, BundleStatistics
from graphflow.control.osc.clock import Clock, LiveClock
from graphflow.control.osc.complaints import Complaints
from graphflow.control.osc.entry import ROOT, Entry
from graphflow.control.osc.feed import Feed, FeedStatistics
from graphflow.control.osc.files import PatchFiles
from graphflow.control.osc.gate import Gate, bare
from graphflow.control.osc.holder import holder_of
from graphflow.control.osc.lease import messages_of
from graphflow.control.osc.packet import NOW, Malformed, Message, message, read, written
from graphflow.control.osc.peer import Call, Peer, key_of
from graphflow.control.osc.service import Service
from graphflow.control.osc.space import Space
from graphflow.control.osc.tcp import TcpPort
from graphflow.control.osc.udp import UdpPort
from graphflow.core.errors import UserError

if TYPE_CHECKING:
    from graphflow.session import Session
    from graphflow.session.frame_clock import FrameClockStatistics

PORT = 7654
HOST = "127.0.0.1"
TRIES = 20
"""Free ports that are tried where any will do: the one after it has to be free too."""
ON_FRAMES = f"{ROOT}/node/", f"{ROOT}/macro/", f"{ROOT}/scene/", f"{ROOT}/transport/"
FRAMED = frozenset({"number", "norm", "switch", "choice", "text", "action"})
"""What the session sets on a frame by itself."""


@dataclass(frozen=True)
class OscStatistics:
    """What has come in and gone out.

    Malformed packets were no OSC at all; refused messages were answered with the reason; `strangers` are packets of
    hosts that are not let in; `dropped` could not be sent. `clock` tells how steadily blocks begin, which is how well a
    time tag's frame is known.
    """

    packets: int
    messages: int
    refused: int
    malformed: int
    strangers: int
    dropped: int
    bundles: BundleStatistics
    feed: FeedStatistics
    clock: FrameClockStatistics

    def __str__(self) -> str:
        parts = [f"{self.messages} messages"]
        for count, what in ((self.refused, "refused"), (self.malformed, "malformed"), (self.strangers, "strange")):
            parts += [f"{count} {what}"] if count else []
        late = self.bundles.late
        parts += [f"{late} late bundle{'s' if late > 1 else ''}"] if late else []
        return f"OSC: {', '.join(parts)}"


class OscServer:
    """A session's addresses on a port, UDP; TCP on the next one. `port` 0 takes free ones.

    `allow` are hosts that may send from elsewhere; `remote_files` whether they may load and save. `path` is the patch's
    file. `http_port` is told to who says hello; whoever serves HTTP sets it.
    """

    def __init__(
        self,
        session: Session,
        host: str = HOST,
        port: int = PORT,
        *,
        allow: Iterable[str] = (),
        remote_files: bool = False,
        path: Path | None = None,
        clock: Clock | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises UserError for a host in `allow` that there is not."""
        self.session, self.host, self.port, self.http_port = session, bare(host), port, 0
        self.steady = steady
        self.complaints = Complaints(session.report, steady)
        self.gate = Gate(allow, session.report)
        self.files = PatchFiles(session, path, remote=remote_files)
        self._service = Service(self)
        self.space = Space(session, self._service.bind)
        self.feed = Feed(self.space)
        self.bundles = Bundles(
            clock or LiveClock(session),
            session.rate,
            self._carry_out,
            self._waits,
            block=lambda: 0 if session.lockstep else session.engine.block,
            report=self._late,
            steady=steady,
        )
        self.udp = UdpPort(self.receive, self.gate)
        self.tcp = TcpPort(self.receive, self.gate, malformed=self._no_osc, left=self._left)
        self._packets = self._messages = self._refused = self._malformed = 0
        self._renewed: tuple[str, float] = ("", 0.0)

    # --- ports --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to listen. Raises UserError where a port cannot be had."""
        for tries_left in reversed(range(TRIES if self.port == 0 else 1)):
            wanted = self.port
            try:
                self.port = await self.udp.open(self.host, wanted)
            except OSError as error:
                raise self._taken(wanted, "udp", error) from error
            try:
                await self.tcp.open(self.host, self.port + 1)
                break
            except (OSError, OverflowError) as error:
                self.udp.close()
                if not tries_left:
                    raise self._taken(self.port + 1, "tcp", error) from error
                self.port = wanted
        self.session.listeners.append(self.look)

    def close(self) -> None:
        """Stop listening; who is connected is let go of."""
        if self.look in self.session.listeners:
            self.session.listeners.remove(self.look)
        self._service.close()
        self.udp.close()
        self.tcp.close()

    def _taken(self, port: int, transport: Literal["udp", "tcp"], error: Exception) -> UserError:
        number = getattr(error, "errno", None) or 0
        # asyncio's own words say the address again
        why = os.strerror(number) if number > 0 else getattr(error, "strerror", None) or str(error)
        if isinstance(error, socket.gaierror) or number in (errno.EADDRNOTAVAIL, errno.EINVAL):
            every = "0.0.0.0 takes all of them"
            return UserError(f"--listen {self.host}: this computer has no such address ({why}); {every}")
        holder = holder_of(port, transport)
        who = f"{holder} holds it" if holder else "another program may hold it"
        what = f"--osc {self.port}: " + ("" if port == self.port else f"its TCP port {port}: ")
        free = f"choose another, as in --osc {port + 10 if port < 65000 else PORT}"
        return UserError(f"{what}{self.host}:{port} cannot be had ({why}); {who}; {free}")

    @property
    def place(self) -> str:
        """Where it listens, as it is written: `127.0.0.1:7654`, `[::]:7654`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def udp_peer(self, host: str, port: int) -> Peer:
        """Whoever receives datagrams there."""
        return self.udp.peer_at(host, port)

    # --- packets ------------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, peer: Peer) -> None:
        """Carry out a packet, or what of it is for now. Never raises."""
        self._packets += 1
        self.space.refresh()
        try:
            if data.startswith(b"/"):  # the usual case, without a bundle's paths
                self._single(message(data), peer)
            else:
                packet = read(data)
                if packet.unknown:
                    self._no_osc(
                        peer, f"{packet.unknown} of a bundle's messages have a type that nobody knows", packet.unknown
                    )
                for bundle in packet.bundles:
                    self._messages += len(bundle.messages)
                    try:
                        self.bundles.take(bundle, peer)
                    except UserError as error:
                        self.refuse(peer, "#bundle", str(error))
        except Malformed as error:
            self._no_osc(peer, f"{len(data)} bytes that are no OSC ({error})")
            return
        self._renew(peer.host)

    def look(self, frame: int) -> None:
        """To be called every few ms: what has become due, and values to who wants them."""
        self.space.refresh()
        self.bundles.look(frame)
        self.feed.look(self.steady())

    def refuse(self, peer: Peer, address: str, line: str) -> None:
        """Tell a sender what is wrong; and the log, now and then."""
        self._refused += 1
        self.complaints.refused(f"{peer.host}:{peer.port}", address, line)
        peer.send(written(f"{ROOT}/sys/error", [address[:200], line[:1000]]))

    def statistics(self) -> OscStatistics:
        return OscStatistics(
            self._packets,
            self._messages,
            self._refused,
            self._malformed,
            self.gate.turned_away,
            self.udp.dropped + self.tcp.dropped,
            self.bundles.statistics(),
            self.feed.statistics(),
            self.session.frame_clock.statistics(),
        )

    def _single(self, told: Message, peer: Peer) -> None:
        self._messages += 1
        frame = self.bundles.soon()
        self._carry_out(told, Call(peer, frame if frame and self._waits(told) else 0))

    def _carry_out(self, told: Message, call: Call) -> None:
        """One message: set, ask, or do. What is wrong is told to its sender."""
        address, arguments = told.address, told.arguments
        self.space.refresh()  # what came before it in a bundle may have been an edit
        entry = self.space.entries.get(address)
        try:
            for one in (entry,) if entry is not None else self._meant(address):
                if arguments or one.value is None:
                    self._take(one, told, call)
                else:
                    for values in messages_of(one, one.value()):
                        call.peer.send(written(one.address, values))
        except UserError as error:
            self.refuse(call.peer, address, str(error).partition("\n")[0])
        except Exception as error:  # noqa: BLE001 - what nobody foresaw is refused too, and the rest goes on
            self.refuse(call.peer, address, f"{plain(address)}: {type(error).__name__}: {error}")

    def _meant(self, address: str) -> tuple[Entry, ...]:
        try:
            found = self.space.dispatch.find(address)
        except ValueError as error:
            raise UserError(f"{plain(address)}: {error}") from error
        if not found:
            raise UserError(why_not(address, self.space.entries, self.session))
        return found

    def _take(self, entry: Entry, told: Message, call: Call) -> None:
        arguments, most = told.arguments, len(entry.types)
        if entry.take is None:
            raise UserError(f"{entry.address}: it only tells; send it without arguments to ask")
        if entry.what != "heard" and not entry.fewest <= len(arguments) <= most:
            raise UserError(_miscounted(entry, len(arguments)))
        entry.take(arguments, call)
        if self.complaints.level == "all":
            self.complaints.taken(f"{call.peer.host}:{call.peer.port}", str(told))
        self.feed.moved(entry.address, call.peer, arguments, self.steady())

    def _waits(self, told: Message) -> bool:
        """Whether the session can do this on a frame by itself."""
        entry = self.space.entries.get(told.address)
        if entry is None or not (told.arguments or entry.what == "action"):
            return False
        return entry.address.startswith(ON_FRAMES) and entry.what in FRAMED

    def _renew(self, host: str) -> None:
        now = self.steady()
        if self._renewed[0] != host or now - self._renewed[1] > 1.0:
            self._renewed = host, now
            self.feed.heard_from(host, now)

    def _late(self, line: str) -> None:
        if self.complaints.level != "quiet":
            self.session.report(line)

    def _no_osc(self, peer: Peer, line: str, count: int = 1) -> None:
        """Told in the log alone: nobody at the other end may understand an answer."""
        self._malformed += count
        self.complaints.refused(f"{peer.host}:{peer.port}", "#packet", line)

    def _left(self, peer: Peer) -> None:
        self.feed.leave(key_of(peer))

    def __str__(self) -> str:
        return f"OSC on {self.place}, TCP on {self.port + 1}, {len(self.space.entries)} addresses"


def _miscounted(entry: Entry, count: int) -> str:
    most, least = len(entry.types), entry.fewest
    expected = "one value" if most == least == 1 else f"{least} to {most}" if least < most else f"{most}"
    asks = ", or none to ask" if entry.value is not None else ""
    return f"{entry.address}: {count} arguments; expected {expected or 'none'}{asks}"


__all__ = ["HOST", "NOW", "PORT", "OscServer", "OscStatistics"]

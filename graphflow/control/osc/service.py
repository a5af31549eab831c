"""What the server itself answers to: files, subscriptions, greetings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import graphflow
from graphflow.control.midi.desk import forget, learn
from graphflow.control.osc.astray import why_not
from graphflow.control.osc.bind import number, whole
from graphflow.control.osc.entry import ROOT, Entry
from graphflow.control.osc.feed import EVERYTHING
from graphflow.control.osc.files import word
from graphflow.control.osc.packet import precise, written
from graphflow.control.osc.pattern import is_pattern
from graphflow.control.osc.peer import Call, Peer, key_of
from graphflow.core.errors import UserError
from graphflow.core.units import level_of

if TYPE_CHECKING:
    from graphflow.control.osc.server import OscServer

Take = Callable[[Sequence[Any], Call], None]
QUIET_DB = -120.0


class Service:
    """Gives the addresses of `tree.always` that no session answers a meaning. `bind` is for `Space`.

    What `/gf/sys/version` holds is told by `value_sys_version`, what is sent to `/gf/sys/ping` goes to `take_sys_ping`.
    """

    def __init__(self, server: OscServer) -> None:
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()

    def bind(self, entry: Entry) -> Entry:
        name = entry.address.removeprefix(f"{ROOT}/").replace("/", "_")
        value = getattr(self, f"value_{name}", None)
        take = getattr(self, f"take_{name}", None)
        return entry if value is None and take is None else replace(entry, value=value, take=take)

    def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()

    # --- greetings ----------------------------------------------------------------------------------------------------

    def take_sys_ping(self, arguments: Sequence[Any], call: Call) -> None:
        call.peer.send(precise(f"{ROOT}/sys/pong", *arguments, time.time()))

    def take_sys_hello(self, arguments: Sequence[Any], call: Call) -> None:
        server, address = self._server, f"{ROOT}/sys/hello"
        name = server.session.patch.title or "graphflow"
        target = self._target(arguments, call.peer, address)
        here = server.udp.seen_from(call.peer.host, call.peer.port) or server.host
        target.send(written(address, [name, here, server.port, server.http_port]))
        owner = key_of(call.peer)
        server.feed.subscribe(target, EVERYTHING, server.steady(), owner=owner)

    def value_sys_version(self) -> tuple[str]:
        return (graphflow.__version__,)

    def value_sys_status(self) -> tuple[float, float, float, int]:
        engine = self._server.session.engine.statistics()
        seconds = engine.frame / self._server.session.rate
        return seconds, engine.load, max(level_of(max(engine.peak)), QUIET_DB), engine.xruns

    def value_sys_error(self) -> tuple[str, str]:
        return self._server.complaints.last

    def value_sys_log_level(self) -> tuple[str]:
        return (self._server.complaints.level,)

    def take_sys_log_level(self, arguments: Sequence[Any], call: Call) -> None:
        levels = ("quiet", "errors", "all")
        wanted = arguments[0]
        if not isinstance(wanted, str):
            wanted = levels[min(max(whole(f"{ROOT}/sys/log_level", wanted), 0), 2)]
        if wanted not in levels:
            raise UserError(f"{ROOT}/sys/log_level is {wanted!r}; expected {', '.join(levels)}")
        self._server.complaints.level = wanted

    # --- subscriptions ------------------------------------------------------------------------------------------------

    def take_subscribe(self, arguments: Sequence[Any], call: Call) -> None:
        address = f"{ROOT}/subscribe"
        pattern, *rest = arguments
        if not isinstance(pattern, str) or not pattern.startswith("/"):
            raise UserError(f"{address} is {pattern!r}; expected a pattern like {ROOT}/node/*/level")
        hz = number(address, rest[0]) if rest else 0.0
        owner = key_of(call.peer)
        target = self._target(rest[1:], call.peer, address)
        self._server.feed.subscribe(target, pattern, self._server.steady(), owner=owner, hz=hz)
        if not is_pattern(pattern):
            self._misses(pattern)

    def _misses(self, pattern: str) -> None:
        """Raises UserError for an address that has nothing to send; what may come there later is sent all the same."""
        entry = self._server.space.entries.get(pattern)
        if entry is None:
            why = why_not(pattern, self._server.space.entries, self._server.session)
            raise UserError(f"{why}; it is sent as soon as it is there")
        if entry.value is None:
            raise UserError(f"{pattern}: it holds no value that could be sent")

    def take_unsubscribe(self, arguments: Sequence[Any], call: Call) -> None:
        pattern = word(arguments, f"{ROOT}/unsubscribe") or None
        target = self._target(arguments[1:], call.peer, f"{ROOT}/unsubscribe")
        self._server.feed.unsubscribe(key_of(target), pattern)

    def _target(self, arguments: Sequence[Any], peer: Peer, address: str) -> Peer:
        """Who gets values: the sender, or another port of the same host."""
        if not arguments:
            return peer
        port = whole(address, arguments[0])
        if not 0 < port < 65536:
            raise UserError(f"{address}: port {port}; expected 1 to 65535")
        return self._server.udp_peer(peer.host, port)

    # --- files --------------------------------------------------------------------------------------------------------

    def take_patch_save(self, arguments: Sequence[Any], call: Call) -> None:
        address = f"{ROOT}/patch/save"
        self._server.files.check(call, address)
        over = len(arguments) > 1 and number(address, arguments[1]) != 0.0
        path = self._server.files.save(word(arguments, address), address, over=over)
        call.peer.send(written(address, [path.stem]))

    def take_patch_load(self, arguments: Sequence[Any], call: Call) -> None:
        address = f"{ROOT}/patch/load"
        self._server.files.check(call, address)
        path = self._server.files.place(word(arguments, address), address)
        self._later(self._server.files.load(path), call, address, path.stem)

    def take_patch_reload(self, arguments: Sequence[Any], call: Call) -> None:
        address = f"{ROOT}/patch/reload"
        if self._pressed(arguments, address):
            self._server.files.check(call, address)
            path = self._server.files.own(address)
            self._later(self._server.files.load(path), call, address, path.stem)

    def take_patch_undo(self, arguments: Sequence[Any], call: Call) -> None:
        if self._pressed(arguments, f"{ROOT}/patch/undo"):
            self._server.files.back()

    def take_patch_redo(self, arguments: Sequence[Any], call: Call) -> None:
        if self._pressed(arguments, f"{ROOT}/patch/redo"):
            self._server.files.again()

    def take_patch_list(self, arguments: Sequence[Any], call: Call) -> None:
        self._server.files.check(call, f"{ROOT}/patch/list")
        call.peer.send(written(f"{ROOT}/patch/list", self._server.files.names()))

    def take_patch_store(self, arguments: Sequence[Any], call: Call) -> None:
        self._server.session.store_scene(word(arguments, f"{ROOT}/patch/store"))

    # --- MIDI ---------------------------------------------------------------------------------------------------------

    def take_midi_learn(self, arguments: Sequence[Any], call: Call) -> None:
        address = f"{ROOT}/midi/learn"
        call.peer.send(written(address, [learn(self._server.session, word(arguments, address))]))

    def take_midi_forget(self, arguments: Sequence[Any], call: Call) -> None:
        address = f"{ROOT}/midi/forget"
        call.peer.send(written(address, [forget(self._server.session, word(arguments, address))]))

    @staticmethod
    def _pressed(arguments: Sequence[Any], address: str) -> bool:
        """False for a button that is let go of."""
        return not arguments or number(address, arguments[0]) != 0.0

    def _later(self, work: Coroutine[Any, Any, None], call: Call, address: str, done: str) -> None:
        """Do what takes its time, and answer when it is done."""

        async def run() -> None:
            try:
                await work
            except UserError as error:
                self._server.refuse(call.peer, address, str(error).partition("\n")[0])
            else:
                call.peer.send(written(address, [done]))

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

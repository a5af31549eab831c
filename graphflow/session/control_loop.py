"""Where control nodes run: one task each in an asyncio loop, woken when something they read has changed."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphflow.core.arrivals import Arrival
from graphflow.core.node import ControlNode
from graphflow.session.transport import Transport

Send = Callable[[ControlNode, str, Any, int, float | None], None]
"""The node, its outlet, the message, its frame (0: now), and seconds of glide (None: as usual)."""
Taker = Callable[[str, Any, int], None]
"""The name of the node that tells it, the message and its frame."""
Report = Callable[[str], None]


EARLY = 64
"""Messages from outside that are kept for a node that has just begun."""
WAITING = 4096
"""Changes that wait for a node that is busy; then the oldest go."""


class _Life:
    """One running control node: its task, and what has changed since it last looked.

    `idle`: it waits for a change or for a later frame, or has come to its end. A change rouses only a node that
    waits for one (`listens`). `arrived` is kept for a node that wants each change (`outside` is not None then).
    """

    def __init__(self, node: ControlNode) -> None:
        self.node = node
        self.changed: set[str] = set()
        self.arrived: deque[Arrival] = deque(maxlen=WAITING)
        self.early: deque[Arrival] = deque(maxlen=EARLY)  # from outside, before it has said to whom it listens
        self.outside: tuple[str, ...] | None = None
        self.woken = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.idle = self.listens = False
        self.lost = 0


@dataclass(frozen=True)
class ControlLoopStatistics:
    """How many nodes run, how many of them are busy, and how many changes came too fast for them."""

    nodes: int
    busy: int
    lost: int


class ControlLoop:
    """Runs control nodes. `send` is called with what they send; a node that raises is named and stays silent.

    Live, the loop runs by itself in the session's thread. Offline, `settle` runs it until every node waits, so that
    a render is the same from run to run. Time is the graph's: `advance` says how far it has come.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, send: Send, report: Report, rate: float, folder: Path = Path()
    ) -> None:
        self.folder = folder
        self.transport = Transport(rate)
        self.takers: dict[str, Taker] = {}
        """Services beside the graph that take what nodes tell them, by name."""
        self._loop, self._send, self._report, self._rate = loop, send, report, rate
        self._lives: dict[ControlNode, _Life] = {}
        self._frame = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None], _Life]] = []
        self._count = itertools.count()
        self._quiet = asyncio.Event()
        self._quiet.set()

    def start(self, node: ControlNode) -> None:
        """Begin the node's life."""
        life = self._lives[node] = _Life(node)
        self._quiet.clear()
        life.task = self._loop.create_task(self._live(life))

    def stop(self, node: ControlNode) -> None:
        """End the node's life."""
        life = self._lives.pop(node, None)
        if life is not None and life.task is not None:
            life.task.cancel()
        self._look()

    def close(self) -> None:
        for node in list(self._lives):
            self.stop(node)

    def change(self, node: ControlNode, name: str, value: Any = None, frame: int = 0) -> None:
        """Tell a node that one of its params or inlets has changed."""
        life = self._lives.get(node)
        if life is not None:
            life.changed.add(name)
            if life.outside is not None:
                self._arrive(life, Arrival(name, value, frame))
            self._wake(life)

    def enter(self, outside: str, message: Any, frame: int = 0) -> None:
        """A message of a service beside the graph, for every node that listens to it."""
        for life in self._lives.values():
            if life.outside is None:
                life.early.append(Arrival(outside, message, frame))
            elif outside in life.outside:
                self._arrive(life, Arrival(outside, message, frame))
                self._wake(life)

    def _arrive(self, life: _Life, arrival: Arrival) -> None:
        if len(life.arrived) == WAITING:
            if not life.lost:
                self.report(life.node, f": it is too slow for what comes; more than {WAITING} changes wait")
            life.lost += 1
        life.arrived.append(arrival)

    def advance(self, frame: int) -> None:
        """The graph has come to this frame: wake who slept until now."""
        self._frame = frame
        while self._sleepers and self._sleepers[0][0] <= frame:
            _, _, future, life = heapq.heappop(self._sleepers)
            if not future.done():
                self._rouse(life)
                future.set_result(None)

    async def settle(self) -> None:
        """Return when every node waits for a change or for a later frame."""
        await self._quiet.wait()

    def statistics(self) -> ControlLoopStatistics:
        lives = self._lives.values()
        return ControlLoopStatistics(len(lives), sum(not x.idle for x in lives), sum(x.lost for x in lives))

    def __str__(self) -> str:
        said = self.statistics()
        return f"{said.nodes} control nodes, {said.busy} busy, {said.lost} changes lost"

    # --- what a node asks of its host -----------------------------------------------------------------------------

    @property
    def frame(self) -> int:
        return self._frame

    @property
    def rate(self) -> float:
        return self._rate

    def send(self, node: ControlNode, outlet: str, message: Any, *, frame: int = 0, glide: float | None = None) -> None:
        self._send(node, outlet, message, frame, glide)

    def tell(self, node: ControlNode, outside: str, message: Any, frame: int) -> bool:
        take = self.takers.get(outside)
        if take is not None:
            take(node.name, message, frame)
        return take is not None

    def report(self, node: ControlNode, problem: str) -> None:
        self._report(f"nodes.{node.name}{problem}")

    async def changes(self, node: ControlNode) -> AsyncIterator[frozenset[str]]:
        life = self._lives[node]
        yield frozenset(node.spec.declarations)
        while True:
            if not life.changed:
                life.woken.clear()
                life.listens = True
                self._rest(life)
                await life.woken.wait()
            names, life.changed = frozenset(life.changed), set()
            yield names

    async def arrivals(self, node: ControlNode, outside: tuple[str, ...]) -> AsyncIterator[tuple[Arrival, ...]]:
        life = self._lives[node]
        life.outside = outside
        life.arrived.clear()
        life.arrived.extend(arrival for arrival in life.early if arrival.what in outside)
        life.early.clear()
        yield ()
        while True:
            if not life.arrived:
                life.woken.clear()
                life.listens = True
                self._rest(life)
                await life.woken.wait()
            arrived = tuple(life.arrived)
            life.arrived.clear()
            yield arrived

    async def sleep(self, node: ControlNode, seconds: float) -> None:
        life = self._lives[node]
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self._frame + max(1, round(seconds * self._rate))
        heapq.heappush(self._sleepers, (due, next(self._count), future, life))
        self._rest(life)
        await future

    async def blocking(self, node: ControlNode, function: Callable[..., Any], *arguments: Any) -> Any:
        # in a thread that nobody joins, as an executor's is: a folder that does not answer must not hold up the end
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def tell(result: Any, error: BaseException | None) -> None:
            if future.done():  # the node is gone
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        def work() -> None:
            result, error = None, None
            try:
                result = function(*arguments)
            except BaseException as raised:  # noqa: BLE001 - the node that asked gets it
                error = raised
            with contextlib.suppress(RuntimeError):  # the session has closed its loop
                loop.call_soon_threadsafe(tell, result, error)

        threading.Thread(target=work, name=f"blocking of {node.name}", daemon=True).start()
        return await future

    # --------------------------------------------------------------------------------------------------------------

    async def _live(self, life: _Life) -> None:
        try:
            await life.node.run()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - a node of somebody else may raise anything; the rest plays on
            place = _own_line(error, str(life.node.spec.file))
            self._report(f"nodes.{life.node.name}: {place}{type(error).__name__}: {error}; it sends nothing more")
        finally:
            life.listens = False
            self._rest(life)

    def _wake(self, life: _Life) -> None:
        """Let a node that waits for a change go on."""
        if life.listens:
            life.listens = False
            life.woken.set()
            self._rouse(life)

    def _rouse(self, life: _Life) -> None:
        life.idle = False
        self._quiet.clear()

    def _rest(self, life: _Life) -> None:
        life.idle = True
        self._look()

    def _look(self) -> None:
        if all(life.idle for life in self._lives.values()):
            self._quiet.set()


def _own_line(error: BaseException, file: str) -> str:
    """`file:line `, where in the node's own file it went wrong."""
    trace, line = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{file}:{line} " if line else ""

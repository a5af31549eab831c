"""A generator, seen from the session: its ring, its state, its figures."""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from graphflow.audio.ring import FADE, Ring
from graphflow.worker.channel import Message, Order
from graphflow.worker.events import GeneratorStatistics, Kind, State, WorkerError, WorkerEvent
from graphflow.worker.latencies import Latencies
from graphflow.worker.layout import STATE_BYTES, Control, Shape, SlotMemory
from graphflow.worker.lead import Lead
from graphflow.worker.life import LOAD_SECONDS, Life
from graphflow.worker.mailbox import Letter
from graphflow.worker.memory import SharedMemory
from graphflow.worker.process import WorkerProcess, last_words

WAIT_SECONDS = 0.1


class GeneratorLink:
    """One generator. Its memory outlives its worker's processes, so that state and snapshot reach the next one.

    Whoever hands `ring.address` to native code keeps the link until that code has let go of it.
    """

    def __init__(
        self,
        node: str,
        model: str,
        settings: dict[str, Any],
        *,
        rate: int,
        channels: int,
        start_frame: int,
        lockstep: bool,
        hears: int = 0,
        repeats: bool = False,
    ) -> None:
        self.node, self.model, self.settings = node, model, settings
        self.rate, self.start_frame, self.lockstep = rate, start_frame, lockstep
        self.device = str(settings.get("device", "auto"))
        self.state: State = "starting"
        self.traceback: tuple[str, ...] = ()
        self.life: Life | None = None
        self.deaths: deque[float] = deque(maxlen=3)
        self.changed = False
        self.retried = -math.inf
        self.closed = False
        self.repeats = repeats
        self.diary: Callable[[Message], None] | None = None
        """For a recorder: called with every message from the worker, and with every state that is sent to it."""
        self.crash = ""
        self.failure = ""
        self.restarts = 0
        self.figures: dict[str, float | int | str] = {}
        self._shape = Shape.of(channels, rate, hears)
        self._shared = SharedMemory(self._shape.size)
        self._memory = SlotMemory(self._shared.bytes(), self._shape, create=True)
        self._events: list[WorkerEvent] = []
        self._last_state = b""
        self._latencies = Latencies(rate)
        self._lead = Lead()
        self._missed = 0
        self._restored = 0
        self._margins_seen = 0
        self._woken = 0
        self._asked = self._repeated = 0
        self._set_lead()

    @property
    def ring(self) -> Ring:
        return self._memory.ring

    @property
    def heard(self) -> Ring | None:
        """Where the audio thread puts what is wired into the node; None where nothing can be."""
        return self._memory.heard

    @property
    def lead(self) -> float:
        """Seconds it plays ahead: as many as it says itself where it is made just in time."""
        own = int(self._memory.control[Control.OWN_LEAD])
        return own / self.rate if own else self._lead.seconds

    @property
    def ready(self) -> bool:
        """Whether it can be heard: it has made sound, or, in lockstep, would on demand."""
        return self.state == "playing"

    def publish(self, state: dict[str, Any], frame: int) -> int:
        """Make this the generator's whole state; takes effect with its next chunk. Returns the state's number.

        `frame` is the play position at which it was meant. The same state again changes nothing. Never waits.
        """
        text = json.dumps(state).encode()
        if len(text) > STATE_BYTES:
            raise WorkerError(
                f"nodes.{self.node}: its state is {len(text)} bytes; expected at most {STATE_BYTES}; shorten its texts"
            )
        if text == self._last_state:
            return self._memory.state.seq
        self._last_state = text
        seq = self._memory.state.put(text, frame)
        if self.diary is not None:
            self.diary({"do": "state", "seq": seq, "frame": frame, "state": state})
        if self.ready:
            self._latencies.sent(seq, frame)
        self.changed = True
        self._wake(seq)
        return seq

    def _wake(self, seq: int) -> None:
        """Tell a generator that can use a state at once; again only when it has, so that no messages pile up."""
        control = self._memory.control
        if self.life and control[Control.OWN_LEAD] and control[Control.APPLIED] >= self._woken:
            self._woken = seq
            self.life.process.send({"do": "wake", "slot": self.life.slot})

    def fill(self, until_frame: int) -> None:
        """In lockstep: wait until the frames before `until_frame`, and the fade's after them, are there."""
        goal = until_frame + FADE
        if self.ring.committed >= goal:
            return
        self.ring.target = goal
        if self.life is not None:
            self.life.process.send({"do": "wake", "slot": self.life.slot})
        self._wait(lambda: self.ring.committed >= goal)

    def ask(self, op: str, **rest: Any) -> None:
        """In a replay: have the worker do the next thing that it did then, and wait until it is done."""
        self._asked += 1
        if self.life is not None:
            message = {"do": "repeat", "slot": self.life.slot, "op": op, "number": self._asked, **rest}
            self.life.process.send(message)
        self._wait(lambda: self._repeated == self._asked)

    def _wait(self, done: Callable[[], bool]) -> None:
        waited = time.monotonic()
        while not done():
            life = self.life
            if self.failure or self.crash or life is None:
                raise WorkerError(f"nodes.{self.node}: {self.failure or self.crash or 'it is closed'}")
            life.process.pump(WAIT_SECONDS)
            if not life.process.alive:
                how = life.process.end()
                self.traceback = tuple(life.process.last_lines)
                self.fail(f"its worker {how}{last_words(life.process)}")
            elif life.quiet_for(self._memory, time.monotonic() - waited) > LOAD_SECONDS:
                life.process.end()
                self.fail(f"its worker showed no sign of life for {LOAD_SECONDS:.0f} s")
            waited = time.monotonic()

    def snapshot(self) -> Letter | None:
        """The last snapshot: its number, the frame it was taken at, its bytes."""
        return self._memory.snapshots.get()

    def request_snapshot(self) -> None:
        """Ask for a snapshot before the next chunk; an event says that it is there."""
        if self.life:
            self.life.process.send({"do": "snapshot", "slot": self.life.slot})

    def statistics(self) -> GeneratorStatistics:
        spent = float(self._memory.history(Control.NANOSECONDS).sum()) * 1e-9
        made = float(self._memory.history(Control.FRAMES).sum()) / self.rate
        rtf = self._memory.rtf(self.rate)
        reached = np.percentile(rtf, [50, 5, 1]) if len(rtf) else np.zeros(3)
        control = self._memory.control
        p50, p95 = self._latencies.seconds()
        return GeneratorStatistics(
            node=self.node,
            state=self.state,
            lead=self.lead,
            latency_p50=p50,
            latency_p95=p95,
            rtf=made / spent if spent else 0.0,
            rtf_p50=float(reached[0]),
            rtf_p95=float(reached[1]),
            rtf_p99=float(reached[2]),
            underruns=self.ring.underruns,
            misses=int(control[Control.MISSES]),
            skips=int(control[Control.SKIPS]),
            rollbacks=int(control[Control.ROLLBACKS]),
            late_rollbacks=int(control[Control.LATE_ROLLBACKS]),
            bad_chunks=int(control[Control.BAD]),
            epoch=self.ring.epoch,
            restarts=self.restarts,
            chunk=self._memory.chunk,
            applied_seq=int(control[Control.APPLIED]),
            figures=dict(self.figures),
        )

    def __str__(self) -> str:
        return str(self.statistics())

    # what the workers do with it

    def begin(self, process: WorkerProcess, slot: int, *, restore: bool) -> None:
        """Start a life in `process`; `restore` from the last snapshot, where there is one."""
        self.crash = self.failure = ""
        self._restored = self._memory.snapshots.frame if restore else 0
        self.life = Life(process, slot, self._memory)
        process.listeners[slot] = self
        order = Order(
            slot, self.model, self.settings, self.rate, self.start_frame, self.lockstep, restore, self.repeats
        )
        message = {
            "do": "open",
            "order": asdict(order),
            "channels": self._shape.channels,
            "capacity": self._shape.capacity,
            "hears": self._shape.hears,
            "tag": self._shared.tag,
        }
        process.send(message, self._shared.descriptor)

    def hear(self, message: Message) -> None:
        """One message from the worker."""
        do = message["do"]
        if self.diary is not None:
            self.diary(message)
        if dropped := message.get("dropped"):
            self.tell("log", f"{dropped} messages were lost while the session was busy")
        if do == "opened":
            if self.life:
                self.life.opened = True
            if self.lockstep:
                self._now_playing()
        elif do == "echo":
            self._hear_echo(message)
        elif do == "repeated":
            self._repeated = message["number"]
        elif do == "snapshot":
            text = f"snapshot of {message['size']} bytes"
            self.tell("snapshot", text, frame=message["frame"])
        elif do == "figures":
            self.figures = message["figures"]
        elif do == "log":
            self.tell("log", message["line"])
        elif do in ("failed", "crashed"):
            self.traceback = tuple(message["traceback"])
            if do == "failed":
                self.deaths.clear()  # trying again would not help
                self.fail(message["line"])
            else:
                self.crash = message["line"]

    def observe(self, now: int, elapsed: float, block: int) -> None:
        """Every poll: pass on the play position and the sound card's block, and see how the worker does.

        `now` and `block` in frames, `elapsed` in s.
        """
        if self.lockstep or self.life is None:
            return
        self._memory.control[Control.NOW] = now
        self._memory.control[Control.BLOCK] = block
        if self.life.made_sound(self._memory) and not self.ready:
            self._now_playing()
        missed = self.ring.underruns - self._missed
        self._missed += missed
        margins = self._memory.history(Control.MARGINS, self._margins_seen)
        self._margins_seen = self._memory.chunk
        if self.ready and not self._memory.control[Control.OWN_LEAD]:
            self._lead.observe(elapsed, missed, [int(margin) / self.rate for margin in margins])
            self._set_lead()
        self.ring.target = now + round(self.lead * self.rate)

    def stalled(self, elapsed: float) -> bool:
        """Whether its worker has shown no sign of life for too long."""
        behind = self.ring.written < self.ring.target
        return not self.lockstep and self.life is not None and self.life.stalled(self._memory, behind, elapsed)

    def tell_of_death(self) -> None:
        """For a recorder: how far the worker had come, by which it sees whether it has heard everything."""
        if self.diary is not None:
            control = self._memory.control
            applied, again = int(control[Control.APPLIED]), int(control[Control.ROLLBACKS])
            self.diary({"do": "died", "chunk": self._memory.chunk, "applied": applied, "again": again})

    def fail(self, reason: str) -> None:
        """No more of it, for `reason`."""
        self.tell_of_death()
        self.state = "failed"
        self.failure = reason
        self.changed = False
        self.leave()
        self.tell("failed", reason)

    def leave(self) -> None:
        """End this life; the memory stays."""
        if self.life:
            self.life.process.listeners.pop(self.life.slot, None)
            self.life.process.send({"do": "close", "slot": self.life.slot})
            self.life = None

    def close(self) -> None:
        """The generator ends; a worker without generators ends with the next poll."""
        self.closed = True
        self.leave()
        self._shared.close()

    def tell(self, kind: Kind, text: str, seq: int = 0, chunk: int = 0, frame: int = 0, epoch: int = 0) -> None:
        self._events.append(WorkerEvent(self.node, kind, text, seq, chunk, frame, epoch))

    def take_events(self) -> list[WorkerEvent]:
        taken, self._events = self._events, []
        return taken

    def _set_lead(self) -> None:
        self._memory.control[Control.LEAD] = round(self._lead.seconds * self.rate)

    def _now_playing(self) -> None:
        again = self.state == "restarting"
        self.state = "playing"
        self._margins_seen = self._memory.chunk
        taken = self.life.age if self.life else 0.0
        restored = self._restored and self._memory.control[Control.RESTORED]  # it may not have been fit for it
        since = f", from {(self.ring.start - self._restored) / self.rate:.1f} s before" if restored else ""
        text = f"plays again after {taken:.1f} s{since}" if again else f"ready after {taken:.1f} s"
        self.tell("restarted" if again else "ready", text, frame=self.ring.start, epoch=self.ring.epoch)

    def _hear_echo(self, message: Message) -> None:
        seq, frame = message["seq"], message["frame"]
        self._latencies.heard(seq, message["heard"])
        text = f"state {seq} in effect from frame {frame}"
        self.tell("echo", text, seq, message["chunk"], frame, message["epoch"])

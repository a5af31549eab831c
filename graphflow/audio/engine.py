"""The engine: one plan at a time, changed by crossfades, steered by commands, run by whatever clock there is."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from graphflow.audio import runner
from graphflow.audio.compile import compile_kernel, compiled_forms
from graphflow.audio.edits import MAX_BLOCK, Edit, Edits, FadeMode, Score
from graphflow.audio.instance import CHANNELS_KEPT, Instance, number_of
from graphflow.audio.journal import Diary, Journal
from graphflow.audio.layout import COMMAND, ENGINE, PARAM_WORDS
from graphflow.audio.python_node import PythonNode
from graphflow.audio.ring import Ring
from graphflow.core.declare import Ramp
from graphflow.core.node import Spec
from graphflow.core.plan import Link, Unit
from graphflow.core.routing import ROW, aligned, in_rows, widths

QUEUE = 8192
"""Commands that can wait; a power of two."""
SLOTS = 16384


@dataclass(frozen=True)
class EngineStatistics:
    """What the audio thread last said. Load is time to make a block / its length; it must stay below 1.

    On Windows the callback has no clock: load is 0 there, and `late` counts nothing.
    """

    frame: int
    blocks: int
    load: float
    load_peak: float
    xruns: int
    late: int
    peak: tuple[float, float]
    rms: tuple[float, float]
    clipped: int
    bad_samples: int
    commands_late: int
    commands_lost: int
    faults: tuple[tuple[str, int], ...]
    steps: int
    latency: int


class Engine:
    """Runs a graph of instances block by block. Not thread-safe: one thread (the session's) talks to it."""

    def __init__(self, rate: float = 48000.0, *, out_channels: int = 2, in_channels: int = 0, seed: int = 0) -> None:
        self.rate, self.seed = float(rate), seed
        self._words = np.zeros(ENGINE.COUNT, np.int64)
        self._doubles = self._words.view(np.float64)
        self._queue = np.zeros((QUEUE, COMMAND.WORDS), np.int64)
        self._pending = np.zeros((QUEUE, COMMAND.WORDS), np.int64)
        self._slots = np.zeros((SLOTS, 2), np.int64)
        self._generations: dict[int, int] = {}
        # the one freed longest ago is taken first: the callback may still be looking at the latest
        self._free_slots = deque(range(SLOTS))
        self._gone: deque[tuple[int, Instance]] = deque()
        self._clock_space = np.zeros(2, np.int64)
        self._durations = np.zeros(1 << 16, np.uint32)
        words, w = self._words, ENGINE
        self._doubles[w.RATE] = self.rate
        words[w.MAX_BLOCK] = MAX_BLOCK
        words[w.QUEUE], words[w.QUEUE_SIZE] = self._queue.ctypes.data, QUEUE
        words[w.PENDING] = self._pending.ctypes.data
        words[w.SLOTS], words[w.SLOT_COUNT] = self._slots.ctypes.data, SLOTS
        words[w.CLOCK], words[w.CLOCK_SPACE] = _clock_address(), self._clock_space.ctypes.data
        words[w.DURATIONS], words[w.DURATIONS_SIZE] = self._durations.ctypes.data, len(self._durations)
        self.channels(in_channels, out_channels)
        self._doubles[w.FADE] = self._doubles[w.FADE_TARGET] = 1.0
        self._python: dict[str, PythonNode] = {}
        self._alike: WeakKeyDictionary[type, int] = WeakKeyDictionary()
        self._edits = Edits(words, self.rate, self._release)

    # --- for clocks ---------------------------------------------------------------------------------------------

    @property
    def callback_address(self) -> int:
        """A PortAudio callback; give it `userdata`."""
        return int(runner.callback.address)

    @property
    def userdata(self) -> int:
        return int(self._words.ctypes.data)

    def channels(self, into: int, out: int) -> None:
        """How many channels the device has. Only while no clock runs."""
        self._words[ENGINE.IN_CHANNELS], self._words[ENGINE.OUT_CHANNELS] = into, out

    def run(self, frames: int, heard: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Make one block now, in this thread: float32 [frames, out channels]. `heard` is [frames, in channels]."""
        if self._python and frames > MAX_BLOCK:  # they are called between blocks
            starts = range(0, frames, MAX_BLOCK)
            ears = [None if heard is None else heard[at : at + MAX_BLOCK] for at in starts]
            return np.concatenate(
                [self.run(min(MAX_BLOCK, frames - at), ear) for at, ear in zip(starts, ears, strict=True)]
            )
        out = np.empty((frames, int(self._words[ENGINE.OUT_CHANNELS])), np.float32)
        into = np.ascontiguousarray(heard, np.float32) if heard is not None else None
        runner.callback.ctypes(
            ctypes.cast(into.ctypes.data if into is not None else 0, ctypes.POINTER(ctypes.c_float)),
            ctypes.cast(out.ctypes.data, ctypes.POINTER(ctypes.c_float)),
            frames,
            None,
            0,
            self.userdata,
        )
        for node in list(self._python.values()):
            node.work()
        return out

    # --- what plays ---------------------------------------------------------------------------------------------

    @property
    def frame(self) -> int:
        """The absolute frame of the next block."""
        return int(self._words[ENGINE.FRAME])

    @property
    def blocks(self) -> int:
        return int(self._words[ENGINE.BLOCKS])

    @property
    def begun(self) -> tuple[int, float]:
        """The first frame of the last block, and when it began, by `time.monotonic`.

        Where the callback has no clock (Windows) it is the next block that is told, as beginning now.
        """
        now = time.monotonic()
        frame, blocks = self.frame, self.blocks
        when = int(self._words[ENGINE.INTERVAL_LAST]) * 1e-9
        if self.blocks == blocks and 0.0 <= now - when < 1.0:
            return frame - self.block, when
        return frame, now

    @property
    def block(self) -> int:
        """Frames the device took last; 0 before the first block."""
        return int(self._words[ENGINE.BLOCK])

    def make(
        self,
        name: str,
        spec: Spec,
        values: Mapping[str, Any],
        *,
        files: Mapping[str, NDArray[np.float32]] | None = None,
        foreign: bool = False,
        channels: int = CHANNELS_KEPT,
    ) -> Instance:
        """A new instance, compiled and ready, in no plan yet. Raises CompileError."""
        native = spec.room != "audio" or bool(spec.cls.native)  # type: ignore[attr-defined]
        kernels = compiled_forms(spec, foreign=foreign) if spec.room == "audio" and native else {}
        if not self._free_slots:
            raise RuntimeError(f"more than {SLOTS} nodes at once")
        slot = self._free_slots[0]
        generation = self._generations[slot] = self._generations.get(slot, 0) + 1
        made = Instance(
            name, generation * SLOTS + slot, slot, spec, values,
            rate=self.rate, seed=self.seed, files=files, kernels=kernels, channels=channels,
        )  # fmt: skip
        made.foreign = foreign
        if in_rows(Unit(made.key, spec)) and not foreign:
            self._alike[spec.cls] = self._alike.get(spec.cls, 0) + 1
            if self._alike[spec.cls] == ROW:
                compile_kernel(spec, "row")
        if not native:
            self._python[made.key] = PythonNode(made, self.rate)
        self._free_slots.popleft()
        self._slots[slot, 1] = made.params.ctypes.data
        self._slots[slot, 0] = made.generation
        return made

    def discard(self, instance: Instance) -> None:
        """Give up an instance that was made and never played."""
        self._release(instance)

    def play(
        self,
        instances: Iterable[Instance],
        links: Iterable[Link],
        *,
        fade_frames: int = 0,
        at_frame: int = 0,
        mode: FadeMode = "cross",
        inherits: Mapping[str, str] | None = None,
    ) -> None:
        """Go over to these instances and links by a crossfade, at the first frame from `at_frame` on.

        An edit that comes during a fade waits for its end; several that wait become one, at the latest frame any of
        them asked for. Removed nodes with a tail ring on, unless there is no fade. `out-in` fades the old out before
        the new comes in, so that both never play at once. `inherits` maps keys of new instances to those that they
        take the place of: a state that both declare alike goes on in the new one, from the frame where it begins.
        """
        kept = {i.key: i for i in instances}
        level, latency = aligned({k: Unit(k, i.spec) for k, i in kept.items()}, links)
        self._edits.play(Edit(Score(kept, level, latency), fade_frames, at_frame, mode, inherits or {}))

    def poll(self) -> None:
        """Go on with edits: end fades and tails, begin waiting ones, free old plans. Call it every few blocks."""
        self._edits.poll()
        while self._gone and self._gone[0][0] + 2 <= self.blocks:
            self._gone.popleft()

    @property
    def playing(self) -> Score:
        """What the last edit that is through has made; removed nodes that ring on are part of it."""
        return self._edits.playing

    @property
    def settled(self) -> bool:
        """True when no edit waits and no fade runs; removed nodes may still ring."""
        return self._edits.settled

    @property
    def rings(self) -> tuple[str, ...]:
        """Keys of removed instances that ring on."""
        return self._edits.rings

    def needed_channels(self, specs: Mapping[str, Spec], links: Iterable[Link]) -> dict[str, int]:
        """How wide each node would be."""
        return widths({k: Unit(k, s) for k, s in specs.items()}, links)

    def _release(self, instance: Instance) -> None:
        self._slots[instance.slot, 0] = 0
        self._gone.append((self.blocks, instance))  # the callback may be carrying out a command for it
        self._free_slots.append(instance.slot)
        self._alike[instance.spec.cls] = self._alike.get(instance.spec.cls, 1) - 1
        if instance.key in self._python:
            self._python.pop(instance.key).stop()

    # --- commands --------------------------------------------------------------------------------------------------

    def set(self, instance: Instance, param: str, value: Any, *, frame: int = 0, glide: int | None = None) -> bool:
        """Give a param a new value at a frame (0: at the next block). False when the queue is full."""
        declaration = instance.spec.declarations[param]
        if glide is None:
            glide = round(declaration.glide * self.rate / 1000.0) if isinstance(declaration, Ramp) else 0
        number = number_of(declaration, value) if hasattr(declaration, "default") else float(value)
        return self.command(instance, param, number, glide, frame)

    def command(self, instance: Instance, param: str, value: float, glide: int, frame: int = 0) -> bool:
        """As `set`, with the number that the kernel reads, over `glide` frames."""
        words, w = self._words, ENGINE
        written = int(words[w.QUEUE_WRITTEN])
        if written - int(words[w.QUEUE_READ]) >= QUEUE:
            return False
        if (diary := self._edits.diary) is not None:
            diary.command(written + 1, instance, param, value, glide)
        row = self._queue[written % QUEUE]
        row[COMMAND.OP], row[COMMAND.FRAME], row[COMMAND.SLOT] = COMMAND.SET, frame, instance.slot
        row[COMMAND.GENERATION], row[COMMAND.PARAM] = instance.generation, instance.records[param]
        row.view(np.float64)[COMMAND.VALUE] = value
        row[COMMAND.GLIDE] = glide
        words[w.QUEUE_WRITTEN] = written + 1
        return True

    def fade(self, gain: float, seconds: float) -> None:
        """Bring the whole output to a gain: in at the start, out at the end, hush in between."""
        self._doubles[ENGINE.FADE_STEP] = 1.0 / max(1.0, seconds * self.rate)
        self._doubles[ENGINE.FADE_TARGET] = gain

    def silence(self) -> None:
        """No sound until the next fade, from this frame on."""
        # the callback may be about to store its own FADE: a step this large takes it to 0 all the same
        self._doubles[ENGINE.FADE_STEP] = 1.0
        self._doubles[ENGINE.FADE_TARGET] = self._doubles[ENGINE.FADE] = 0.0

    @property
    def gain(self) -> float:
        """The gain of the output, or to where it fades."""
        return float(self._doubles[ENGINE.FADE_TARGET])

    @property
    def silent(self) -> bool:
        """Has the output's fade reached silence?"""
        return bool(self._doubles[ENGINE.FADE] == 0.0)

    # --- for recorders and replays ---------------------------------------------------------------------------------

    def record(self, diary: Diary, out: Ring, heard: Ring | None = None) -> Journal:
        """Tell `diary` everything that is asked for, note what the audio thread does, and take its sound down.

        The rings have two channels; whoever records empties them, and keeps them and the journal until the clock has
        stopped. To be called before the first block.
        """
        journal = Journal(self._words)
        self._edits.diary = diary
        self._words[ENGINE.TAPE] = out.address
        self._words[ENGINE.HEARD] = heard.address if heard is not None else 0
        return journal

    def record_no_more(self) -> None:
        """Undo `record`. From any thread; the callback may be using what it has for one more block."""
        self._words[ENGINE.JOURNAL] = self._words[ENGINE.TAPE] = self._words[ENGINE.HEARD] = 0
        self._edits.diary = None

    def repeat(self, edit: Edit | None, now: int = 0) -> None:
        """For a replay: take up an edit's first plan, or the next of the last one, at the next block."""
        self._edits.repeat(edit, now)
        while self._gone and self._gone[0][0] + 2 <= self.blocks:
            self._gone.popleft()

    def has(self, instance: Instance) -> bool:
        """Whether an instance plays or may still play."""
        return bool(self._slots[instance.slot, 0] == instance.generation)

    def put_gain(self, gain: float, target: float, step: float) -> None:
        """For a replay: the output's gain, where it fades, and by how much per frame."""
        doubles, w = self._doubles, ENGINE
        doubles[w.FADE], doubles[w.FADE_TARGET], doubles[w.FADE_STEP] = gain, target, step

    # --- what it says ----------------------------------------------------------------------------------------------

    def statistics(self) -> EngineStatistics:
        words, doubles, w = self._words, self._doubles, ENGINE
        return EngineStatistics(
            frame=self.frame,
            blocks=self.blocks,
            load=float(doubles[w.LOAD]),
            load_peak=float(doubles[w.LOAD_PEAK]),
            xruns=int(words[w.XRUNS]),
            late=int(words[w.LATE]),
            peak=(float(doubles[w.PEAK]), float(doubles[w.PEAK + 1])),
            rms=(float(doubles[w.POWER]) ** 0.5, float(doubles[w.POWER + 1]) ** 0.5),
            clipped=int(words[w.CLIPPED]),
            bad_samples=int(words[w.BAD_SAMPLES]),
            commands_late=int(words[w.COMMANDS_LATE]),
            commands_lost=int(words[w.COMMANDS_LOST]),
            faults=tuple((i.name, int(i.fault[0])) for i in self._edits.score.instances.values() if i.fault[0]),
            steps=len(self._edits.bound.plan.steps),
            latency=self._edits.score.latency,
        )

    def python_errors(self) -> dict[str, str]:
        """What nodes that are not native have raised, by name."""
        return {node.instance.name: node.error for node in self._python.values() if node.error}

    def durations(self) -> NDArray[np.uint32]:
        """Nanoseconds each of the last callbacks took, oldest first (up to 65536)."""
        done, size = self.blocks, len(self._durations)
        if done < size:
            return self._durations[:done].copy()
        return np.roll(self._durations, -(done % size))

    def __str__(self) -> str:
        return str(self._edits.bound.plan)


def _clock_address() -> int:
    """The address of clock_gettime; 0 on Windows, where load is not measured."""
    if sys.platform == "win32":
        return 0
    library = ctypes.CDLL(None)
    return ctypes.cast(library.clock_gettime, ctypes.c_void_p).value or 0


__all__ = ["MAX_BLOCK", "PARAM_WORDS", "QUEUE", "Engine", "EngineStatistics", "Score"]

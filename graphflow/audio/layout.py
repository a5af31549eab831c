"""Where a kernel finds things: the words of its context, of a node's params, and of the engine.

A context belongs to a plan and holds addresses; params and state belong to the node's instance and outlive plans.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple
from weakref import WeakKeyDictionary, ref

from graphflow.core.declare import AudioIn, AudioOut, Choice, Held, Ramp, Setting, SoundFile, Switch
from graphflow.core.node import Spec

PARAM_WORDS = 5
"""A live number: target, step per frame, frames remaining, min, max (all float64). Others use only the first."""
TARGET, STEP, REMAINING, MIN, MAX = range(PARAM_WORDS)


@dataclass(frozen=True)
class Layout:
    """Word offsets in the context of one kind. Words 0 to 3: width, rate (float64), address of
    the params, and 1 where the node moves its own glides on (a copy that plays beside it does not)."""

    ins: dict[str, int] = field(default_factory=dict)  # [address, channels]
    outs: dict[str, int] = field(default_factory=dict)  # [address, channels]
    ramps: dict[str, int] = field(default_factory=dict)  # [address of the wire or 0, address of scratch]
    helds: dict[str, int] = field(default_factory=dict)  # [address of the wire or 0]
    states: dict[str, int] = field(default_factory=dict)  # [address, numbers per channel]
    files: dict[str, int] = field(default_factory=dict)  # [address, frames, channels]
    params: dict[str, int] = field(default_factory=dict)  # index of the record in the params
    glides: int = 3
    size: int = 4


# a kind that is saved again and again lets go of what it was before
_layouts: WeakKeyDictionary[type, tuple[ref[Spec], Layout]] = WeakKeyDictionary()


def layout_of(spec: Spec) -> Layout:
    """The layout of a kind; a pure function of its declaration, made once: every plan asks for every node's."""
    known = _layouts.get(spec.cls)
    if known is None or known[0]() is not spec:
        known = _layouts[spec.cls] = ref(spec), _layout(spec)
    return known[1]


def _layout(spec: Spec) -> Layout:
    layout = Layout()
    at = layout.size
    for name, declaration in spec.declarations.items():
        if isinstance(declaration, AudioIn):
            layout.ins[name], at = at, at + 2
        elif isinstance(declaration, AudioOut):
            layout.outs[name], at = at, at + 2
        elif isinstance(declaration, Ramp):
            layout.ramps[name], at = at, at + 2
        elif isinstance(declaration, Held):
            layout.helds[name], at = at, at + 1
    for name in spec.states:
        layout.states[name], at = at, at + 2
    for name in spec.sound_files:
        layout.files[name], at = at, at + 3
    for index, name in enumerate(param_names(spec)):
        layout.params[name] = index
    return replace(layout, size=at)


def param_names(spec: Spec) -> list[str]:
    """Everything that has a record in the params: live numbers, choices, switches, and settings that are numbers."""
    return [
        name
        for name, d in spec.declarations.items()
        if isinstance(d, (Ramp, Held, Choice, Switch))
        or (isinstance(d, Setting) and not isinstance(d, SoundFile) and not isinstance(d.default, str))
        or (isinstance(d, Setting) and bool(d.choices))
    ]


class EngineWords(NamedTuple):
    """Words of the engine's header, shared by the callback and the session. (s): written by the session."""

    PLAN: int = 0  # the plan in use
    NEXT: int = 1  # (s) the plan to take up, 0 when none
    NEXT_FRAME: int = 2  # (s) not before this frame
    FRAME: int = 3  # absolute frame of the next block
    BLOCKS: int = 4  # blocks finished: the epoch
    RATE: int = 5  # (s) float64
    MAX_BLOCK: int = 6  # (s)
    QUEUE: int = 7  # (s) address of the command ring
    QUEUE_SIZE: int = 8  # (s) commands it holds, a power of two
    QUEUE_WRITTEN: int = 9  # (s)
    QUEUE_READ: int = 10
    PENDING: int = 11  # (s) address of the commands waiting for their frame, a heap
    PENDING_COUNT: int = 12
    SLOTS: int = 13  # (s) address of the slot table: [generation, address of params] per slot
    SLOT_COUNT: int = 14  # (s)
    IN_CHANNELS: int = 15  # (s) of the device
    OUT_CHANNELS: int = 16  # (s) of the device
    CLOCK: int = 17  # (s) address of clock_gettime, 0 where there is none
    CLOCK_SPACE: int = 18  # (s) address of two words for it
    LOAD: int = 19  # float64, smoothed: time to make a block / its length
    LOAD_PEAK: int = 20  # float64, decaying
    XRUNS: int = 21  # what the device reported
    LATE: int = 22  # blocks that took longer than they last
    BAD_SAMPLES: int = 23  # non-finite samples stopped at the output
    CLIPPED: int = 24  # frames cut at full scale at the output
    COMMANDS_LATE: int = 25  # commands that came after their frame
    COMMANDS_LOST: int = 26  # commands for nodes that are gone, or beyond what can wait
    FADE: int = 27  # (float64) gain of the output now
    FADE_TARGET: int = 28  # (s) float64
    FADE_STEP: int = 29  # (s) float64 per frame
    PEAK: int = 30  # float64 per channel, 2 words
    POWER: int = 32  # float64 mean square per channel, 2 words
    DURATIONS: int = 34  # (s) address of uint32 nanoseconds per callback, 0 for none
    DURATIONS_SIZE: int = 35  # (s) a power of two
    INTERVAL_LAST: int = 36  # ns, when the last callback began
    SILENT: int = 37  # frames since the output was last above -90 dB
    RAISED: int = 38  # blocks that ended in an exception of the engine's own: always 0
    BLOCK: int = 40  # frames the device took last
    JOURNAL: int = 41  # (s) address of notes for a recorder, 0 for none
    JOURNAL_WRITTEN: int = 42
    JOURNAL_READ: int = 43  # (s)
    JOURNAL_LOST: int = 44
    PIECE: int = 45  # frames made in one go, as noted last
    GAIN_LEFT: int = 46  # float64: the gain as the last piece left it, then target and step as noted last
    TAPE: int = 49  # (s) address of the ring that takes the output down, 0 for none
    HEARD: int = 50  # (s) address of the ring that takes down what the device hears, 0 for none
    COUNT: int = 64


class CommandWords(NamedTuple):
    """A command: op, frame, slot, generation, param, value (float64), glide in frames, and its number."""

    SET: int = 1
    WORDS: int = 8
    OP: int = 0
    FRAME: int = 1
    SLOT: int = 2
    GENERATION: int = 3
    PARAM: int = 4
    VALUE: int = 5
    GLIDE: int = 6
    TAKEN: int = 7


class PlanWords(NamedTuple):
    """Words of a plan's header."""

    STEPS: int = 0  # address
    STEP_COUNT: int = 1
    DEVICE_IN: int = 2  # address of float32 [in channels, frames], 0 for none
    DEVICE_IN_CHANNELS: int = 3
    DEVICE_OUT: int = 4  # address of float32 [2, frames], 0 for silence
    FADED: int = 5  # frames of the fade already played; below 0 while what is late fills up
    FADE_FRAMES: int = 6
    NUMBER: int = 7  # which plan it is, counted from 1
    COUNT: int = 8


class StepWords(NamedTuple):
    """A step: kernel, context, its fault word, its guards (float32 outs to look through)."""

    KERNEL: int = 0
    CONTEXT: int = 1
    FAULT: int = 2  # address of 0 well, 1 raised, 2 made a non-finite sample; 0: nobody to blame, silent for a block
    GUARDS: int = 3  # address of [address, channels] pairs
    GUARD_COUNT: int = 4
    METER: int = 5  # address of the node's meter, 0 for none
    ROW: int = 6  # address of a kernel that plays this step and the next three at once, 0 for none
    ROW_CONTEXT: int = 7  # address of the addresses of their contexts
    WORDS: int = 8


ENGINE, COMMAND, PLAN, STEPS = EngineWords(), CommandWords(), PlanWords(), StepWords()

WELL, RAISED, NOT_FINITE = 0, 1, 2

PEAK_NOW, WATCHED, HIGHEST, POWER = range(4)
METER_WORDS = 4
"""A node's meter, 32 bits each: the last block's peak (float32); whether the rest is kept up to date (int32, written by
the session); the peak, falling, and the mean square (float32)."""

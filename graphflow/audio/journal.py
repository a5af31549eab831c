"""What the audio thread did, and on which frame: notes for a recorder, from one writer to one reader.

Nobody waits: where the reader is too slow, notes are lost and counted. Without a reader nothing is written. The order
of two notes is that in which the things happened; all that is noted of one frame happened before its samples.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from graphflow.audio.kernel_parts import INLINED
from graphflow.audio.layout import ENGINE
from graphflow.audio.native import doubles, load_acquire, store_release, words

if TYPE_CHECKING:
    from graphflow.audio.edits import Edit
    from graphflow.audio.instance import Instance

E = ENGINE
ROW = 8
"""Words of a note: its kind, the frame, and what the kind says."""
SIZE = 16384
"""Notes that can wait, a power of two."""
PLENTY = 1 << 62
"""`written` of a ring that holds all that was asked for and more: how much more does not matter."""


class Noted(IntEnum):
    """Kinds of note, and the words that follow kind and frame."""

    PIECE = 1  # frames that are made in one go, from here on
    PLAN = 2  # number of the plan that was taken up
    SET = 3  # number of the command, and 1 where it was carried out
    GAIN = 4  # the output's gain, where it fades, its step per frame (float64)
    RING = 5  # generation of the instance, then what its reader saw: epoch, start, written or PLENTY
    OUT_LOST = 6  # frames of the output that could not be taken down
    IN_LOST = 7  # frames of what the device heard that could not be


PIECE, PLAN, SET, GAIN, RING, OUT_LOST, IN_LOST = (int(kind) for kind in Noted)


@njit(**INLINED)  # type: ignore[untyped-decorator]
def room(header: int) -> int:
    """The address of the next note, 0 where there is none; `noted` hands it over."""
    engine = words(header, E.COUNT)
    rows = engine[E.JOURNAL]  # read once: the recorder may let go of it at any moment
    if rows == 0:
        return 0
    written = engine[E.JOURNAL_WRITTEN]
    if written - load_acquire(header + 8 * E.JOURNAL_READ) >= SIZE:
        engine[E.JOURNAL_LOST] += 1
        return 0
    return int(rows + 8 * ROW * (written % SIZE))


@njit(**INLINED)  # type: ignore[untyped-decorator]
def noted(header: int) -> None:
    store_release(header + 8 * E.JOURNAL_WRITTEN, words(header, E.COUNT)[E.JOURNAL_WRITTEN] + 1)


@njit(**INLINED)  # type: ignore[untyped-decorator]
def note(header: int, kind: int, frame: int, first: int, second: int) -> None:
    place = room(header)
    if place != 0:
        row = words(place, ROW)
        row[0], row[1], row[2], row[3] = kind, frame, first, second
        noted(header)


@njit(**INLINED)  # type: ignore[untyped-decorator]
def note_gain(header: int, frame: int, gain: float, target: float, step: float) -> None:
    place = room(header)
    if place != 0:
        row, numbers = words(place, ROW), doubles(place, ROW)
        row[0], row[1] = GAIN, frame
        numbers[2], numbers[3], numbers[4] = gain, target, step
        noted(header)


@njit(**INLINED)  # type: ignore[untyped-decorator]
def note_ring(header: int, frame: int, owner: int, epoch: int, start: int, written: int) -> None:
    place = room(header)
    if place != 0:
        row = words(place, ROW)
        row[0], row[1], row[2], row[3], row[4], row[5] = RING, frame, owner, epoch, start, written
        noted(header)


class Journal:
    """The reader's end. `taken` answers what has been noted since."""

    def __init__(self, engine_words: NDArray[np.int64]) -> None:
        self._words = engine_words
        self._rows = np.zeros((SIZE, ROW), np.int64)
        engine_words[E.JOURNAL_READ] = engine_words[E.JOURNAL_WRITTEN]
        engine_words[E.PIECE] = 0
        engine_words.view(np.float64)[E.GAIN_LEFT] = np.nan
        engine_words[E.JOURNAL] = self._rows.ctypes.data

    @property
    def lost(self) -> int:
        """Notes for which there was no room."""
        return int(self._words[E.JOURNAL_LOST])

    def taken(self) -> NDArray[np.int64]:
        """The notes since the last call, [notes, ROW]."""
        at, end = int(self._words[E.JOURNAL_READ]), int(self._words[E.JOURNAL_WRITTEN])
        rows = self._rows[np.arange(at, end) % SIZE]
        self._words[E.JOURNAL_READ] = end
        return rows


class Diary(Protocol):
    """Who writes down what the engine is asked for; told before the audio thread can know of it."""

    def edit(self, edit: Edit, now: int, number: int) -> None:
        """An edit begins while the engine is at frame `now`; its first plan is `number`, its next ones follow on."""

    def command(self, number: int, instance: Instance, param: str, value: float, glide: int) -> None:
        """A param is to get a value, over `glide` frames."""


def numbers(row: NDArray[np.int64]) -> tuple[float, float, float]:
    """The three float64 of a gain's note."""
    gain, target, step = row.view(np.float64)[2:5]
    return float(gain), float(target), float(step)


__all__ = ["PLENTY", "ROW", "SIZE", "Diary", "Journal", "Noted", "note", "note_gain", "note_ring", "numbers"]

"""Whether a stream is still music: a watcher over its chunks, and what to go back to when it is not.

Left alone for many minutes the model may fall silent, grow until it clips, or repeat itself: others have seen it.
Everything here counts chunks of 40 ms and knows no clock, so that a render is watched as a performance is. States are
values: whoever takes a chunk back takes the old ones up again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from graphflow.models.magenta.config import CHUNK, RATE

SECOND = RATE // CHUNK
"""Chunks."""

SILENT, AUDIBLE = -70.0, -50.0
"""dB, RMS of a chunk. Recordings' own noise lies above the first; quiet music lies above the second now and then."""
SILENT_CHUNKS = 8 * SECOND
"""Longer than a pause between two pieces, which is 2 to 5 s."""

CLIPPED, CLIPPED_SHARE, CLIPPED_CHUNKS = 0.999, 0.005, 3 * SECOND
"""The model plays at half its codec's level: clipping means that the codec is 6 dB over full scale. A mastered
recording touches full scale with single samples of many thousands; this is one of 200, for seconds."""
LOUD, LOUD_CHUNKS = -6.0, 4 * SECOND
"""dB, RMS. The loudest masters reach -6 dB where a codec plays them at full scale, so -12 dB here. A sudden rise is no
sign by itself (music has drops), and one that does not reach this does no harm."""

PERIODS, STUCK_CHUNKS = SECOND, 4 * SECOND
"""A loop of at most so many chunks, each of its tokens the same. Every token is drawn from up to 1024 by chance, so
that two equal chunks hardly ever follow each other, and not a hundred."""
SAME, SAME_CHUNKS = -80.0, 10 * SECOND
"""dB below the sound, what a chunk differs from the one before. Even a held organ note, which repeats itself where its
pitch is a multiple of 25 Hz, is not made so exactly by tokens that differ."""

RECOVERY = 2
"""By so much a count falls with every chunk that is well: a rest now and then does not hide what goes on."""

KEEP_CHUNKS, CONTENT_CHUNKS, KEPT = 5 * SECOND, 2 * SECOND, 2
"""Between two states that are kept, how long all was well before one is, and how many there are."""
SOON = 30 * SECOND
"""Trouble within so many chunks of a rescue is still the same trouble."""

Cause = Literal["", "numbers", "silence", "loudness", "stuck"]
Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Health:
    """What the watcher knows after a chunk. Counts are in chunks, `level` in dB (RMS of the last one)."""

    level: float = -200.0
    audible: bool = False
    quiet: int = 0
    clipped: int = 0
    loud: int = 0
    same: int = 0
    recent: tuple[tuple[int, ...], ...] = ()
    runs: tuple[int, ...] = (0,) * PERIODS
    well: int = 0
    last: Sound | None = field(default=None, compare=False, repr=False)

    def after(
        self, sound: Sound, tokens: tuple[int, ...], *, may_be_silent: bool = False, by_chance: bool = True
    ) -> tuple[Health, Cause]:
        """The next chunk, [channels, frames], and its tokens: how it is then, and what is wrong, if anything.

        `may_be_silent`: silence is what was asked for; `by_chance`: tokens are drawn, so that repeating is no wish.
        """
        if not np.isfinite(sound).all():
            return replace(self, well=0, last=None), "numbers"
        level = decibels(float(np.mean(np.square(sound, dtype=np.float64))))
        share = float(np.mean(np.abs(sound) >= CLIPPED))
        matches = [len(self.recent) >= p and self.recent[-p] == tokens for p in range(1, PERIODS + 1)]
        health = Health(
            level,
            self.audible or level > AUDIBLE,
            self.quiet + 1 if level < SILENT and self.audible and not may_be_silent else 0,
            _count(self.clipped, share > CLIPPED_SHARE),
            _count(self.loud, level > LOUD),
            self.same + 1 if self._same(sound, level) else 0,
            (*self.recent, tokens)[-PERIODS:],
            tuple(run + 1 if match else 0 for run, match in zip(self.runs, matches, strict=True)),
            0,
            sound,
        )
        doubt = health.quiet or health.clipped or health.loud or health.same > SECOND or max(health.runs) > SECOND
        return replace(health, well=0 if doubt else self.well + 1), health._trouble(by_chance)

    def _same(self, sound: Sound, level: float) -> bool:
        if self.last is None or self.last.shape != sound.shape or level < AUDIBLE:
            return False
        return decibels(float(np.mean(np.square(sound - self.last, dtype=np.float64)))) < level + SAME

    def _trouble(self, by_chance: bool) -> Cause:
        if self.quiet >= SILENT_CHUNKS:
            return "silence"
        if self.clipped >= CLIPPED_CHUNKS or self.loud >= LOUD_CHUNKS:
            return "loudness"
        repeats = max(self.runs) >= STUCK_CHUNKS or self.same >= SAME_CHUNKS
        return "stuck" if repeats and by_chance and self.level > AUDIBLE else ""


def _count(count: int, yes: bool) -> int:
    return count + 1 if yes else max(0, count - RECOVERY)


def decibels(power: float) -> float:
    return float(10.0 * np.log10(power + 1e-20))


Way = Literal["back", "anew", "none"]


@dataclass(frozen=True)
class Care:
    """States of the stream from when it was well, newest last, and how it was rescued so far.

    A rescue goes back to the newest; trouble that comes again soon, to the one before, and then to the stream's
    beginning. After that it is left alone until it has been well for a while. While it is on trial nothing is kept.
    """

    kept: tuple[Any, ...] = ()
    waited: int = 0
    calm: int = SOON
    anew: bool = False
    rescues: int = 0
    helpless: int = 0
    causes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def after(self) -> Care:
        """A chunk later."""
        calm = min(self.calm + 1, SOON)
        return replace(self, waited=self.waited + 1, calm=calm, anew=self.anew and calm < SOON)

    def keeps(self, health: Health) -> bool:
        """Whether it is time to keep a state, and the stream is well enough."""
        return self.waited >= KEEP_CHUNKS and self.calm >= SOON and health.well >= CONTENT_CHUNKS

    def keep(self, state: Any) -> Care:
        return replace(self, kept=(*self.kept, state)[-KEPT:], waited=0)

    def rescue(self, cause: Cause) -> tuple[Care, Way, Any]:
        """What to do about trouble; with "back" the state to go back to."""
        causes = MappingProxyType({**self.causes, cause: self.causes.get(cause, 0) + 1})
        tried = replace(self, calm=0, waited=0, causes=causes)
        if self.kept:
            return replace(tried, kept=self.kept[:-1], rescues=self.rescues + 1), "back", self.kept[-1]
        if not self.anew:
            return replace(tried, anew=True, rescues=self.rescues + 1), "anew", None
        return replace(tried, helpless=self.helpless + 1), "none", None

    def forget(self) -> Care:
        """The stream is another one now."""
        return replace(Care(), rescues=self.rescues, helpless=self.helpless, causes=self.causes)

    def __str__(self) -> str:
        counted = ", ".join(f"{count} {cause}" for cause, count in self.causes.items()) or "none"
        return counted + (f" ({self.helpless} in vain)" if self.helpless else "")

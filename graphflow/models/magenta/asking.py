"""What somebody asks of the model in Python: prompt, notes, controls and a beginning, read and checked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias, TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from graphflow.core.errors import UserError, did_you_mean
from graphflow.core.messages import Part, Style
from graphflow.models.magenta.config import CHUNK, PITCHES, RATE
from graphflow.models.magenta.controls import Controls, in_short, plain, whole
from graphflow.models.magenta.style.blend import Encoder, blend
from graphflow.models.magenta.style.recording import read_recording

One: TypeAlias = str | Path | Part
Prompt: TypeAlias = One | Style | tuple[One, float] | Sequence[One | tuple[One, float]] | None
"""Words, raw tokens as in "musiccoca:660,1016", the path of a recording, a mixture of such with weights, or nothing."""
NoteList: TypeAlias = Iterable[int | tuple[int, float, float]] | None
"""MIDI pitches held throughout, or (pitch, begin, end) in seconds."""
Prefill: TypeAlias = str | Path | npt.ArrayLike | None
"""A sound file, sound [frames, 2] at 48 kHz, or codes [chunks, levels] of whole numbers."""
Score: TypeAlias = dict[int, tuple[frozenset[int], Mapping[int, int]]]
"""By chunk: the pitches held from then on, and how often each was struck by then."""

PER_SECOND = RATE // CHUNK
KINDS = {float: "a number", int: "a whole number", str: "a word", frozenset: "a list of pitches", tuple: "12 codes"}
LONGEST = 1e9  # seconds
LARGEST_SEED = 2**63 - 1


class Asking(TypedDict, total=False):
    """The controls of `Controls` that a caller sets by name."""

    temperature: float
    top_k: int
    guidance_style: float
    guidance_notes: float
    guidance_drums: float
    drums: str
    onsets: str
    unmask: int


def parts_of(prompt: Prompt) -> list[dict[str, Any]]:
    """A prompt as the parts of a style. Raises UserError."""
    if prompt is None:
        return []
    if isinstance(prompt, Style):
        return [part.data() for part in prompt.parts]
    if (one := _part(prompt)) is not None:
        return [one]
    if isinstance(prompt, Sequence) and not isinstance(prompt, bytes | bytearray):
        parts = [(_part(item), item) for item in prompt]
        for part, item in parts:
            if part is None:
                raise _no_prompt(item)
        return [part for part, _ in parts if part is not None]
    raise _no_prompt(prompt)


def _part(item: object) -> dict[str, Any] | None:
    """None for what is no single part."""
    if isinstance(item, Part):
        return item.data()
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], Real):
        part = _part(item[0])
        if part is not None and item[1] < 0:
            raise UserError(f"prompt has {in_short(item)}; expected a weight of 0 or more")
        return None if part is None else {**part, "weight": plain(item[1])}
    if isinstance(item, str):
        if not _is_text(item):
            raise UserError(f"prompt has {in_short(item)}, which is no text; expected characters of Unicode (UTF-8)")
        return {"text": item, "weight": 1.0}
    return {"audio": str(item), "weight": 1.0} if isinstance(item, Path) else None


def _is_text(words: str) -> bool:
    """Not so for halves of a character, as Python makes of bytes that the terminal's encoding does not know."""
    try:
        words.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_prompt(item: object) -> UserError:
    return UserError(
        f"prompt has {in_short(item)}; expected words, (words, weight), the pathlib.Path of a recording, or a list of "
        "such"
    )


def style_of(prompt: Prompt, encoder: Encoder) -> tuple[int, ...]:
    """The twelve codes of a prompt. Takes some tenths of a second for new words. Raises UserError."""
    made = blend(parts_of(prompt), encoder)
    assert made is not None  # only a hasty blend gives up
    if made.trouble:
        raise UserError(made.trouble)
    return made.codes


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Controls by name, each of its type and in its range. Raises UserError."""
    found: dict[str, Any] = {}
    standard = {name: value for name, value in vars(Controls()).items() if name != "strikes"}
    for name, value in values.items():
        if not isinstance(name, str):
            raise UserError(f"{in_short(name)} is no control; expected one of {', '.join(standard)}")
        if name not in standard:
            raise UserError(
                f"{name} is no control{did_you_mean(name, standard)}; expected one of {', '.join(standard)}"
            )
        try:
            found[name] = seeds_of(value, 1)[0] if name == "seed" else _like(standard[name], value)
            replace(Controls(), **{name: found[name]}).check()
        except (TypeError, OverflowError):
            raise UserError(f"{name} is {in_short(value)}; expected {KINDS[type(standard[name])]}") from None
        except ValueError as error:
            raise UserError(str(error)) from error
    return found


def _like(standard: Any, value: Any) -> Any:
    """The value, of the standard's type. Raises TypeError."""
    if isinstance(standard, frozenset):
        return frozenset(whole(pitch) for pitch in value)
    if isinstance(standard, tuple):
        return tuple(whole(code) for code in value)
    if isinstance(standard, str) and not isinstance(value, str):
        raise TypeError
    if isinstance(standard, float):
        if isinstance(value, bool | str) or not math.isfinite(value):
            raise TypeError
        return float(value)
    return whole(value) if isinstance(standard, int) else value


def seeds_of(seed: int, count: int) -> range:
    """One seed per sample, from `seed` on. Raises UserError."""
    found = []
    for name, value in (("seed", seed), ("num_samples", count)):
        try:
            found.append(whole(value))
        except TypeError:
            raise UserError(f"{name} is {in_short(value)}; expected a whole number") from None
    first, number = found
    if not 1 <= number <= LARGEST_SEED:
        raise UserError(f"num_samples is {in_short(number)}; expected 1 or more, of as many seeds as there are")
    if not 0 <= first <= LARGEST_SEED - number:
        raise UserError(f"seed is {in_short(first)}; expected 0 to {LARGEST_SEED - number}")
    return range(first, first + number)


def frames_of(name: str, seconds: float) -> int:
    """A duration in frames. Raises UserError."""
    try:
        frames = 0 if isinstance(seconds, bool | str) else round(float(seconds) * RATE)
    except (TypeError, ValueError, OverflowError):  # no number, not a number, without end
        frames = 0
    if not 0 < frames < LONGEST * RATE:
        raise UserError(f"{name} is {in_short(seconds)}; expected seconds, above 0 and below {LONGEST:g}")
    return frames


def score_of(notes: NoteList) -> Score:
    """Notes by the chunk in which something changes. A note lasts a chunk (40 ms) at least. Raises UserError."""
    spans: list[tuple[int, float, float]] = []
    if notes is not None and not isinstance(notes, Iterable):
        raise UserError(f"notes is {in_short(notes)}; expected a list of pitches or of (pitch, begin, end) in seconds")
    for note in () if notes is None else notes:
        try:
            pitch, begin, end = note if isinstance(note, Sequence) else (note, 0.0, math.inf)
            pitch = whole(pitch)
            if not (0 <= pitch < PITCHES and 0.0 <= begin < end):
                raise ValueError
        except (TypeError, ValueError):
            raise UserError(
                f"notes has {in_short(note)}; expected a pitch, 0 to {PITCHES - 1}, or (pitch, begin, end) in seconds"
            ) from None
        first = round(begin * PER_SECOND)
        spans.append((pitch, first, max(first + 1, end if end == math.inf else round(end * PER_SECOND))))
    edges = sorted({int(edge) for _, *both in spans for edge in both if edge < math.inf})
    score: Score = {}
    for edge in edges:
        held = frozenset(pitch for pitch, begin, end in spans if begin <= edge < end)
        begun = [pitch for pitch, begin, _ in spans if begin <= edge]
        score[edge] = held, MappingProxyType({pitch: begun.count(pitch) for pitch in begun})
    return score


def beginning_of(prefill: Prefill, levels: int) -> tuple[Tensor | None, Tensor | None]:
    """Codes [chunks, levels] or sound [frames, 2] at 48 kHz; the other is None. Raises UserError."""
    if prefill is None:
        return None, None
    if isinstance(prefill, str | Path):
        return None, _recorded(Path(prefill).expanduser())
    try:
        given = np.asarray(prefill)
    except (TypeError, ValueError) as error:  # lists of unequal length
        raise UserError(f"prefill is {in_short(prefill)}; expected sound as floats [frames, 2], or codes") from error
    if given.dtype.kind in "iu" and given.ndim == 2 and given.shape[1] == levels:
        return torch.from_numpy(given.astype(np.int64)), None
    if given.dtype.kind != "f":
        raise UserError(
            f"prefill is {given.dtype} {list(given.shape)}; expected sound as floats [frames, 2], or codes as whole "
            f"numbers [chunks, {levels}]"
        )
    with np.errstate(over="ignore"):
        sound = given.astype(np.float32)
    if not np.isfinite(sound).all():
        raise UserError("prefill has sound that is no number or endless; expected -1 to 1")
    return None, torch.from_numpy(_stereo("prefill", sound))


def _recorded(path: Path) -> Tensor:
    import soxr

    if not path.is_file():
        raise UserError(f"prefill {path}: no such file; expected one of sound (wav, flac, ogg, mp3)")
    try:
        samples, rate = read_recording(path)  # more of it than is used
    except UserError as error:
        raise UserError(f"prefill: {error}") from error
    sound = _stereo(f"prefill {path}", samples.T)
    if rate != RATE:
        sound = soxr.resample(sound, rate, RATE)
    return torch.from_numpy(np.ascontiguousarray(np.nan_to_num(sound), np.float32))


def _stereo(place: str, sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if sound.ndim == 1:
        sound = sound[:, None]
    if sound.ndim != 2 or sound.shape[1] not in (1, 2):
        raise UserError(f"{place} is {list(sound.shape)}; expected [frames, 2], or one channel")
    return np.array(np.broadcast_to(sound, (len(sound), 2)), order="C")

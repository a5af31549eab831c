"""Magenta RealTime 2 for who wants the model alone: prompt in, samples out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, Unpack
from weakref import WeakSet

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from graphflow.core.errors import UserError
from graphflow.models.catalogue import MODELS, amount
from graphflow.models.magenta.asking import (
    Asking,
    NoteList,
    Prefill,
    Prompt,
    beginning_of,
    checked,
    frames_of,
    score_of,
    seeds_of,
    style_of,
)
from graphflow.models.magenta.batch import Batch
from graphflow.models.magenta.config import CHUNK, RATE
from graphflow.models.magenta.controls import in_short
from graphflow.models.magenta.files import Files, find
from graphflow.models.magenta.loading import load_files, memory_of_computer, out_of_memory
from graphflow.models.magenta.model import Model
from graphflow.models.magenta.prefill import heard
from graphflow.models.magenta.saving import Show, save, silent
from graphflow.models.magenta.stream import Samples, Stream, Work
from graphflow.models.magenta.streaming import StreamingGenerator
from graphflow.models.magenta.style.musiccoca import MusicCoCa

F32 = npt.NDArray[np.float32]
UNKNOWN = "not known"
CERTAIN = 64
"""Samples in one batch that any computer holds which holds the model."""


@dataclass(frozen=True)
class Statistics:
    """Seconds of music made and what that took; `rtf` is one over the other. Streams that are open."""

    made: float
    took: float
    streams: int

    @property
    def rtf(self) -> float:
        """Seconds made per second of computing."""
        return self.made / self.took if self.took else 0.0

    def __str__(self) -> str:
        return f"{self.made:.1f} s made in {self.took:.1f} s, {self.rtf:.2f} times real time, {self.streams} open"


class MagentaRT:
    """A model that is loaded and ready. Use it from one thread; changes to its streams may come from any.

    Two calls with the same arguments give the same samples on the same machine with as many threads. On another
    device, in another precision or with another `num_samples` sums are rounded otherwise, so that a sample may be
    slightly different and, once a token fell otherwise, go another way.
    """

    sample_rate = RATE

    def __init__(self, files: Files, device: str | torch.device = "auto", precision: str = "auto") -> None:
        self.files, self._precision = files, precision
        self._model: Model | None = load_files(files, _named(device), precision)
        self._words = MusicCoCa(files.musiccoca)
        self._idle: list[StreamingGenerator] = []
        self._streams: WeakSet[Stream] = WeakSet()  # one that is left is closed
        self._work = Work()

    @classmethod
    def from_pretrained(cls, model: str | Path, device: str | torch.device = "auto", precision: str = "auto") -> Self:
        """A model by its name (`mrt2-small`, `mrt2-base`) or its folder. Nothing is downloaded. Raises UserError.

        device: auto, cpu, mps or cuda:N. precision: auto (the device's usual one), or one by its name: float32, ...
        """
        return cls(find(str(model)), device, precision)

    @property
    def model(self) -> Model:
        """What is loaded. Raises UserError after `close`."""
        if self._model is None:
            raise UserError(f"{self.files.name} is closed; load it again")
        return self._model

    @property
    def fingerprint(self) -> str:
        """Which weights these are."""
        return self.model.fingerprint

    @property
    def device(self) -> str:
        return str(self.model.device)

    @property
    def precision(self) -> str:
        return self.model.precision

    @property
    def licence(self) -> str:
        """Of the weights."""
        known = MODELS.get(self.model.config.name)
        return known.licence if known else self._told("licence")

    @property
    def attribution(self) -> str:
        """The line that the weights' licence asks for."""
        known = MODELS.get(self.model.config.name)
        return known.attribution if known else self._told("attribution")

    def _told(self, key: str) -> str:
        """What a saved model's config.json says besides its sizes."""
        if self.files.config is None or not self.files.config.is_file():
            return UNKNOWN
        return str(json.loads(self.files.config.read_text(encoding="utf-8")).get(key, UNKNOWN))

    def to(self, device: str | torch.device) -> Self:
        """The same model on another device, loaded anew from its files; streams that are open stay where they are.

        Raises UserError, and is then as it was.
        """
        name = _named(device)
        if name == str(self.model.device):
            return self
        model = load_files(self.files, name, self._precision)
        self._rest()
        self._model = model
        return self

    def generate(
        self,
        prompt: Prompt = None,
        duration: float = 30.0,
        *,
        seed: int = 1,
        num_samples: int = 1,
        notes: NoteList = None,
        prefill: Prefill = None,
        progress: Callable[[float, float], None] | None = None,
        **controls: Unpack[Asking],
    ) -> F32:
        """Music as float32 [num_samples, frames, 2] at 48 kHz, as fast as it goes; sample i has the seed `seed` + i.

        prompt: words, a list of (words, weight), the `pathlib.Path` of a recording, "musiccoca:1,2,3" or None.
        notes: pitches that are held, or (pitch, begin, end) in seconds.
        prefill: sound, or a sound file, that the music goes on from: its first 28 s, without a second at both ends.
        progress: hears how many seconds of each sample are done, and of how many.
        controls: temperature, top_k, guidance_style, guidance_notes, guidance_drums, drums, onsets, unmask, as
        `Controls` has them. Raises UserError.
        """
        frames = frames_of("duration", duration)
        seeds = seeds_of(seed, num_samples)
        try:
            made = np.empty((len(seeds), frames, 2), np.float32)
        except MemoryError as error:
            size = amount(8 * frames * len(seeds))
            raise UserError(
                f"duration is {duration:g} s and num_samples {len(seeds)}; {size} do not fit into memory; "
                "make less at once, or use generate_streaming"
            ) from error
        samples = self._begin(seeds, prompt, notes, prefill, controls)
        try:
            for begin in range(0, frames, CHUNK):
                end = min(begin + CHUNK, frames)
                made[:, begin:end] = samples.next()[:, : end - begin]
                if progress is not None:
                    progress(end / RATE, frames / RATE)
        finally:
            samples.close()
        return made

    def generate_streaming(
        self,
        prompt: Prompt = None,
        total_duration: float | None = 30.0,
        chunk_duration: float = 1.0,
        *,
        seed: int = 1,
        notes: NoteList = None,
        prefill: Prefill = None,
        **controls: Unpack[Asking],
    ) -> Stream:
        """The same music as `generate` makes, piece by piece: an iterator of (number, sound [frames, 2]).

        It makes a piece when it is asked for it, and can be told to go another way meanwhile: `stream.set("prompt",
        "...")`, `stream.set("temperature", 0.8)`. total_duration: seconds, or None for as long as it is iterated.
        Raises UserError.
        """
        total = None if total_duration is None else frames_of("total_duration", total_duration)
        piece = frames_of("chunk_duration", chunk_duration)
        samples = self._begin(seeds_of(seed, 1), prompt, notes, prefill, controls)
        stream = Stream(samples, total, piece, self._style_of)
        self._streams.add(stream)
        return stream

    def set(self, control: str, value: Any) -> None:
        """Change every stream that is open, as `Stream.set` does. Raises UserError."""
        if not self._open():
            raise UserError(f"{control}: no stream is open; set it while one is iterated, or give it to generate")
        for stream in self._open():
            stream.set(control, value)

    def save_pretrained(self, folder: str | Path, progress: Show = silent) -> Path:
        """Copy the model's files into a new folder that `from_pretrained` loads. Raises UserError."""
        about = {**self.model.config.data(), "licence": self.licence, "attribution": self.attribution}
        return save(self.files, about, Path(folder), progress)

    def _style_of(self, prompt: Prompt) -> tuple[int, ...]:
        return style_of(prompt, self._words)

    def _begin(
        self, seeds: Sequence[int], prompt: Prompt, notes: NoteList, prefill: Prefill, controls: Asking
    ) -> Samples:
        model = self.model
        values = checked(controls)
        score, style = score_of(notes), self._style_of(prompt)
        codes, sound = beginning_of(prefill, model.config.levels)
        try:
            codes = codes if sound is None else _heard(model, sound)
            generator = self._generator(len(seeds))
            return Samples(generator, seeds, {"style": style, **values}, score, codes, self._work, self._give_back)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            raise UserError(
                f"num_samples is {len(seeds)}, which do not fit into the memory of {model.device}; make fewer at once"
            ) from error

    def _generator(self, slots: int) -> StreamingGenerator:
        """With exactly so many slots: another number would round otherwise."""
        kept = next((generator for generator in self._idle if generator.slots == slots), None)
        self._idle = [generator for generator in self._idle if generator is not kept]
        self._rest()
        if kept is not None:
            return kept
        if slots > CERTAIN and slots * state_of_one(self.model) > memory_of_computer():
            raise MemoryError  # the system would lend it first and end the whole program later
        return StreamingGenerator(self.model, slots)

    def _give_back(self, generator: StreamingGenerator) -> None:
        if generator.model is self._model:
            self._idle.append(generator)
        else:
            generator.close()

    def _rest(self) -> None:
        for generator in self._idle:
            generator.close()
        self._idle.clear()

    def _open(self) -> list[Stream]:
        return [stream for stream in self._streams if not stream.closed]

    def close(self) -> None:
        """End its streams and give its memory back."""
        for stream in self._open():
            stream.close()
        self._rest()
        self._model = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def statistics(self) -> Statistics:
        return Statistics(self._work.made, self._work.took, len(self._open()))

    def __str__(self) -> str:
        if self._model is None:
            return f"{self.files.name}: closed"
        model = self._model
        return f"{model.config.name} in {model.precision} on {model.device}: {self.statistics()}"


def _named(device: object) -> str:
    """torch's own device, or its name. Raises UserError."""
    if not isinstance(device, str | torch.device):
        raise UserError(f"device is {in_short(device)}; expected auto, cpu, mps or cuda:N")
    return str(device)


def state_of_one(model: Model) -> int:
    """Bytes that a stream needs for what it remembers; to compute it needs more."""
    return Batch(model.lm, model.decoder, 1, model.device).size()


@torch.inference_mode()
def _heard(model: Model, sound: Tensor) -> Tensor:
    return heard(model, sound)

"""How the sound that was played would have gone on, where a stream had looked ahead in vain: a seam begins with it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from graphflow.models.magenta.batch import Light
from graphflow.models.magenta.capture import capture, pinned

if TYPE_CHECKING:
    from graphflow.models.magenta.model import Model

SEAM = 480
"""Frames (10 ms) in which a stream goes over to what it should have played."""


class Seam:
    """One slot's sound from the codec's memory after what was played, and the codes that came instead."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def joined(self, memory: Light, ids: Tensor, sound: Tensor) -> Tensor:
        """`sound` [1920, 2], entered from what `memory` goes on with, given the token ids [levels]. On the host."""
        went_on = self._sound(list(memory), self.model.lm.codes(ids[None]))
        rise = (torch.arange(1, SEAM + 1) / SEAM)[:, None]
        made = sound.clone()
        made[:SEAM] = went_on[:SEAM] + rise * (sound[:SEAM] - went_on[:SEAM])
        return made

    def _sound(self, memory: list[Tensor], codes: Tensor) -> Tensor:
        return self.model.sound_after(codes.to(self.model.device), memory).cpu()

    def close(self) -> None:
        """Give up what it holds."""

    def __str__(self) -> str:
        return f"{type(self).__name__} of {SEAM} frames on {self.model.device}"


class CapturedSeam(Seam):
    """The same on CUDA, replayed as one graph: a wrong guess costs two steps already, and nothing may be cold then.

    Where it cannot be captured a warning says so, and it is made as it is written.
    """

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        levels = model.config.levels
        self._memory = model.decoder.memory(1)
        self._codes = torch.zeros(1, levels, dtype=torch.int64, device=model.device)
        self._graph: torch.cuda.CUDAGraph | None = None
        try:
            self._graph, self._made = capture(self._make, model.device)
        except torch.OutOfMemoryError:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever the device's libraries raise, there is another way
            warnings.warn(f"Magenta makes its seams slowly, {type(fault).__name__}: {fault}", stacklevel=2)
            return
        self._host_codes, self._host_sound = pinned(self._codes), pinned(self._made)

    def _make(self) -> Tensor:
        sound: Tensor = self.model.sound_after(self._codes, self._memory)
        return sound.contiguous()  # else its way to the host needs a buffer of its own

    def _sound(self, memory: list[Tensor], codes: Tensor) -> Tensor:
        if self._graph is None:
            return super()._sound(memory, codes)
        self._host_codes.copy_(codes)
        self._codes.copy_(self._host_codes, non_blocking=True)
        torch._foreach_copy_(self._memory, memory)
        self._graph.replay()
        self._host_sound.copy_(self._made, non_blocking=True)
        torch.cuda.current_stream(self.model.device).synchronize()
        return self._host_sound.clone()

    def close(self) -> None:
        if self._graph is not None:
            self._graph.reset()

"""A step on a CPU: compiled loops over weights in few bits, all cores at one chunk.

A chunk's codes and then its sound are worked out by all cores together: they read each matrix in parts, and left and
right are decoded side by side. `PipelinedStep` makes a chunk's codes while the codec is still at the chunk before. Its
threads meet twice a chunk instead of hundreds of times, which yields more where cores are busy with other things; but
each sound comes a chunk later, and 40 ms are much to a player. So live play takes `CpuStep`.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from graphflow.audio.compile import cache_folder
from graphflow.models.magenta.codec.decoder import Decoder, played
from graphflow.models.magenta.codec.fast import FastDecoder, adopt
from graphflow.models.magenta.compiled import SOURCES
from graphflow.models.magenta.config import CHUNK
from graphflow.models.magenta.cpu_lm import CpuLanguageModel, Draw
from graphflow.models.magenta.cpu_team import Team
from graphflow.models.magenta.crew import Crew
from graphflow.models.magenta.lm import LanguageModel
from graphflow.models.magenta.quantised import QuantisedLinear
from graphflow.models.magenta.step import Step

BEHIND = 1 << 40
"""Added to the codec's count of chunks while the last codes of a slot have not been decoded. It is part of the slot's
state, so a snapshot, a rewind or a new beginning brings the right one along."""

MOST_CORES = 4
"""Taken without being asked for; more have not been measured."""

WORTH_HELP = 512
"""Hidden width from which on products last longer than calling for help."""

log = logging.getLogger(__name__)


class CpuStep(Step):
    """One chunk of every running slot, slot after slot. `cores`: how many it may use, up to four by default.

    In float32 the codec runs as it is written, for comparing; in every other precision it is `FastDecoder`.
    """

    delay_chunks = 0
    """Chunks that sound comes later than from the plain step."""

    def __init__(
        self, lm: LanguageModel, decoder: Decoder, slots: int, device: torch.device, *, cores: int | None = None
    ) -> None:
        super().__init__(lm, decoder, slots, device)
        self.batch.codec = adopt(self.batch.codec)
        self.cores = cores or min(available(), MOST_CORES)
        self._crew = Crew(self.cores)
        large = lm.config.temporal.ffn >= WORTH_HELP
        at_model, at_codec = self._teams() if large else (Team(), Team())
        self._lm = CpuLanguageModel(lm, at_model)
        self._fast = None if exact(lm) else FastDecoder(decoder, self._crew, at_codec)
        self._torch_cores = self.cores if large and self._fast is None else 1
        self._warm_up()

    def _teams(self) -> tuple[Team, Team]:
        """Who is at the language model and who at the codec: the same cores one after the other."""
        team = Team(self._crew, self.cores - 1)
        return team, team

    def _warm_up(self) -> None:
        """Compile what is not compiled yet, which takes long only once."""
        begun, mark = time.perf_counter(), compiled_mark(self.lm)
        if not mark.exists():
            log.info("compiling the model's loops for this processor, once: about 25 s")
        self.wanted.running[0] = True
        with torch.inference_mode():
            for _ in range(2):
                self.run()
        self.batch.begin(0)  # what the ring holds is not seen again
        self.wanted.running[0] = False
        if not mark.exists():
            log.info("compiled in %.0f s", time.perf_counter() - begun)
            try:
                mark.parent.mkdir(parents=True, exist_ok=True)
                mark.touch()
            except OSError:
                log.debug("no mark at %s: the next start will announce a compilation that may be quick", mark)

    def run(self) -> tuple[Tensor, Tensor]:
        """Sound [B, 1920, 2] and ids [B, levels]; zeros where a slot does not run."""
        running = self._running()
        for slot in running:
            if self._behind(slot):  # a pipelined step left it; that chunk's sound has no place any more
                self._decode(slot)
        ids = self._compose(running)
        self._keep(running, ids)
        return self._sound(running), ids

    def _running(self) -> list[int]:
        return [slot for slot in range(self.batch.slots) if bool(self.wanted.running[slot])]

    def _compose(self, running: list[int]) -> Tensor:
        """The next ids [B, levels] of the running slots; writes their rings."""
        batch, wanted = self.batch, self.wanted
        ids = torch.zeros_like(batch.previous)
        for slot in running:
            draw = Draw(
                float(wanted.temperature[slot]),
                int(wanted.top_k[slot]),
                int(wanted.seed[slot]),
                int(batch.chunk[slot]),
            )
            with torch_threads(1):
                made = self._lm(wanted.conditions[slot], batch.previous[slot], batch.memory, slot, draw)
            ids[slot] = torch.tensor(made)
        return ids

    def _keep(self, running: list[int], ids: Tensor) -> None:
        for slot in running:
            self.batch.previous[slot] = ids[slot]
            self.batch.chunk[slot] += 1

    def _sound(self, running: list[int]) -> Tensor:
        sound = torch.zeros(self.batch.slots, CHUNK, 2)
        for slot in running:
            with torch_threads(self._torch_cores):
                sound[slot] = self._decode(slot)
        return sound

    def _behind(self, slot: int) -> bool:
        return int(self.batch.codec[-2][slot]) >= BEHIND

    @torch.inference_mode()
    def _decode(self, slot: int) -> Tensor:
        """The sound [1920, 2] of the slot's last codes; its codec is then no longer behind."""
        codec, codes = self.batch.codec, self.lm.codes(self.batch.previous[slot])
        codec[-2][slot] %= BEHIND
        if self._fast is not None:
            return self._fast(codes, codec, slot)
        memory = self.batch.light(slot)[2:]
        wave, new = self.decoder(codes[None], memory)
        torch._foreach_copy_(memory, new)
        return played(wave)[0]

    def close(self) -> None:
        self._crew.close()


class PipelinedStep(CpuStep):
    """Makes a chunk's codes while it decodes those of the chunk before, and so plays a chunk later.

    Both halves begin at the same edge of a chunk and end before `run` does, so between runs nothing is in flight and
    a slot's state can be kept, taken back and restored as ever.
    """

    delay_chunks = 1

    def _teams(self) -> tuple[Team, Team]:
        """Half of the cores each."""
        helpers = max(0, self.cores // 2 - 1)
        return Team(self._crew, helpers), Team(self._crew, helpers)

    def run(self) -> tuple[Tensor, Tensor]:
        """Sound [B, 1920, 2] of the chunk before, silence at a stream's beginning, and ids [B, levels] of this one."""
        running = self._running()
        late = self._crew.start(self._sound, [slot for slot in running if self._behind(slot)])
        ids = self._compose(running)
        sound = late.result()
        self._keep(running, ids)
        for slot in running:
            self.batch.codec[-2][slot] += BEHIND
        return sound, ids


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch's operations in this thread take so many meanwhile. Torch's own go on asking for work for milliseconds
    when they have none, on cores that the others need."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def available() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def exact(lm: LanguageModel) -> bool:
    """Whether the weights are as they were trained."""
    weight = lm.depth.adapter.weight
    return isinstance(weight, Tensor) and weight.dtype == torch.float32


def compiled_mark(lm: LanguageModel) -> Path:
    """A file that says that these loops have been compiled here for this precision."""
    adapter = lm.depth.adapter
    weights = adapter.weight.codes if isinstance(adapter, QuantisedLinear) else adapter.weight
    return cache_folder() / "kernels" / f"magenta_{SOURCES[:16]}_{str(weights.dtype).removeprefix('torch.')}"

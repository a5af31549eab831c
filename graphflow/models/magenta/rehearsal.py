"""Everything that may happen first in the middle of playing, done once before: a GPU takes long over what it has never
done. Kernels are loaded and memory is taken, and no trace stays in the state."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from graphflow.models.magenta.streaming import StreamingGenerator

KEPT = 3
"""Snapshots that there may be at once: two that the watcher keeps, and the one on its way to the session."""


def rehearse(generator: StreamingGenerator) -> None:
    """Play, guess wrongly, take back, take and restore snapshots, begin anew. No session may be open.

    Where that fails (a device may lack an operation that is seldom needed) a warning says so, and the music may go on
    without it.
    """
    try:
        _play(generator)
    except (torch.OutOfMemoryError, torch.AcceleratorError):
        raise
    except Exception as fault:  # noqa: BLE001 - whatever the device's libraries raise
        warnings.warn(f"Magenta's rehearsal failed, {type(fault).__name__}: {fault}", stacklevel=2)
    finally:
        for session in generator.sessions:
            session.close()
    batch = generator.step_.batch
    for slot in range(batch.slots):
        batch.begin(slot)
    for ring in batch.memory.tensors:
        ring[:, :, 1:] = 0.0  # all but the sink


def _play(generator: StreamingGenerator) -> None:
    session, batch = generator.open(ahead=True, rewinds=True), generator.step_.batch
    for seed in (0, 0, 1, 1, 2):  # after a change the guess was wrong
        session.set("seed", seed)
        generator.step([session])
    for seed in (2, 3):  # taken back: made again as it was, then otherwise
        session.rewind()
        session.set("seed", seed)
        generator.step([session])
    kept = [session.snapshot() for _ in range(KEPT)]
    full = [batch.remembered(session.slot, batch.window) for _ in range(KEPT)]  # as large as they become
    for snapshot in (kept[-1], kept[0].to("cpu")):
        session.restore(snapshot)
        generator.step([session])
    batch.remember(session.slot, batch.window, full[0])
    full[0].cpu()
    session.reset()
    generator.step([session])

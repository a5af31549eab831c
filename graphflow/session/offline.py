"""Rendering: the same plan as live, in lockstep with control nodes and generators, as fast as it goes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from graphflow.session.session import Session

PERIOD = 512
"""Frames between two looks at control nodes and generators; live it is about as often (10.7 ms at 48 kHz)."""


def render(session: Session, frames: int) -> Iterator[NDArray[np.float32]]:
    """The next frames of a session in lockstep, as blocks [frames, 2]. The same from run to run.

    Raises UserError when a generator cannot go on.
    """
    block = session.patch.engine.block
    end = session.engine.frame + frames
    while session.engine.frame < end:
        until = min(session.engine.frame + PERIOD, end)
        session.pump()
        session.loop.run_until_complete(session.settle())
        session.fill(until)
        while session.engine.frame < until:
            yield session.engine.run(min(block, until - session.engine.frame))

"""Python's collections of garbage, kept short while generators play.

A full one looks through all objects that a model and its library have made, and stops every thread for as long as
several chunks. So what is there when a generator begins is set aside; what it leaves behind in circles is looked for
when one begins while no other plays.
"""

from __future__ import annotations

import gc
import threading

_lock = threading.Lock()
_playing = 0


def begin() -> None:
    """A generator is loaded and about to play."""
    global _playing  # the collector is one for the whole process, and so is the count
    with _lock:
        if not _playing:
            gc.unfreeze()
            gc.collect()
        gc.freeze()
        _playing += 1


def end() -> None:
    """One that had begun has ended."""
    global _playing
    with _lock:
        _playing -= 1

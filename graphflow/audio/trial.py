"""A foreign node is tried in a process of its own before it may enter a plan: a crash there is no crash here."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

COMPILE_WITHIN, PLAY_WITHIN = 120.0, 5.0
"""Seconds a node may take to compile, and then to play half a second of sound."""
READY, DONE = "ready", "done"


def trial(file: Path, kind: str, *, seconds: float = PLAY_WITHIN) -> str | None:
    """Compile and play a kind from a node file in a child process. One line if it crashes or hangs, else None.

    What can only go wrong in one's own process, such as a wrong declaration, is left to the caller to find.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", __name__, str(file), kind],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    said: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(child, said), name=f"trial of {kind}", daemon=True).start()
    try:
        if said.get(timeout=COMPILE_WITHIN) == READY:
            said.get(timeout=seconds)
    except queue.Empty:
        child.kill()
        return f"{file}: {kind} did not come to an end within {seconds:g} s of a trial; it is left out"
    finally:
        child.wait()
    if child.returncode != 0:
        return f"{file}: {kind} crashed in a trial ({_ending(child.returncode)}); it is left out"
    return None


def _listen(child: subprocess.Popen[str], said: queue.Queue[str]) -> None:
    assert child.stdout is not None  # it was asked for
    for line in child.stdout:
        said.put(line.strip())
    said.put("")  # the end of a process that said less


def _ending(code: int) -> str:
    if code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"


def play(file: Path, kind: str) -> None:
    """What the child does: compile, then play at both ends of every range, mono and stereo, with sound and without."""
    import numpy as np

    from graphflow.audio import solo
    from graphflow.audio.compile import compiled_forms
    from graphflow.audio.source import CompileError
    from graphflow.core.declare import Numeric
    from graphflow.core.library import classes_of, load

    specs = {cls.spec.kind: cls.spec for cls in classes_of(load(file, f"graphflow_trial_{kind}"))}
    spec = specs[kind]
    if spec.room != "audio" or not spec.cls.native:  # type: ignore[attr-defined]
        return
    try:
        compiled_forms(spec, foreign=True)
    except CompileError:  # the caller meets it too, and has the better place to say so
        return
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    noise = np.random.default_rng(1).uniform(-1.0, 1.0, (2, 4096)).astype(np.float32)
    numbers = {n: d for n, d in spec.params.items() if isinstance(d, Numeric)}
    for params in ({}, {n: d.min for n, d in numbers.items()}, {n: d.max for n, d in numbers.items()}):
        for channels in (1, 2):
            given = {n: noise[: d.channels or channels] for n, d in {**spec.audio_ins, **spec.device_ins}.items()}
            solo.run(spec, given, params, blocks=[1024, 128, 64, 1, 1000], foreign=True, width=channels)


if __name__ == "__main__":
    play(Path(sys.argv[1]), sys.argv[2])
    sys.stdout.write(f"{DONE}\n")

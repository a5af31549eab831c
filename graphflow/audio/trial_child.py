"""The process in which a foreign node is tried: `python -m graphflow.audio.trial_child`, then one line of JSON."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

from graphflow.audio import solo
from graphflow.audio.autopsy import explain
from graphflow.audio.compile import compiled_forms, prepare, uncached
from graphflow.audio.engine import Engine
from graphflow.audio.source import CompileError
from graphflow.audio.trial import COMPILE_WITHIN, COMPILED, DONE, LOAD_WITHIN, LOADED, MUTED, WARM, passed
from graphflow.core.declare import AudioIn, AudioOut, Numeric, Ramp, State
from graphflow.core.library import classes_of, load
from graphflow.core.node import AudioNode, Spec

LENGTHS = [1024, 128, 64, 1, 1000]


class Straight(AudioNode):
    """Nothing but a node whose compiling makes the compiler warm."""

    input = AudioIn()
    factor = Ramp(1.0)
    last = State()
    out = AudioOut()

    @staticmethod
    def tick(input: float, factor: float, last: float) -> tuple[float, float]:
        return last * factor, input


def main() -> None:
    # what the file prints must not be taken for what is said here
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def say(word: str, kind: str = "") -> None:
        said.write(f"{word} {kind}\n".replace(" \n", "\n"))
        said.flush()

    prepare(lambda line: None)
    if not asked():
        warm_up()
    say(WARM)
    line = sys.stdin.readline()
    if not line:
        return
    job = json.loads(line)
    if hasattr(signal, "alarm"):  # not on Windows: an end, though whoever waits for this process has died
        signal.alarm(round(LOAD_WITHIN + (1 + len(job["kinds"])) * 2 * COMPILE_WITHIN))
    try:
        classes = classes_of(load(Path(job["file"]), "graphflow_trial"))
    except (Exception, SystemExit):  # noqa: BLE001 - the caller meets it too, and has the better place to say so
        classes = []
    say(LOADED)
    for spec in [cls.spec for cls in classes if cls.spec.kind in job["kinds"]]:
        try_kind(spec, say)
        for params in job["values"].get(spec.kind, ()):
            if why := muted_at_once(spec, params):
                say(MUTED, f"{spec.kind} {why}")
                break
    say(DONE)


def asked() -> bool:
    """Does a file wait already? Windows cannot say."""
    return sys.platform != "win32" and bool(select.select([sys.stdin], [], [], 0.0)[0])


def warm_up() -> None:
    """Do once what makes the first node's compiling slower than the next one's."""
    uncached(Straight.spec, "tick")
    play(Straight.spec)


def try_kind(spec: Spec, say: Any) -> None:
    if spec.room != "audio" or not spec.cls.native:  # type: ignore[attr-defined]
        return
    say(LOADED, spec.kind)
    try:
        compiled_forms(spec, foreign=True)
    except CompileError:  # the caller meets it too, and has the better place to say so
        return
    say(COMPILED, spec.kind)
    play(spec)
    with contextlib.suppress(OSError):  # a cache that cannot be written: the node is tried again next time
        mark = passed(spec)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def play(spec: Spec) -> None:
    """At both ends of every range, mono and stereo, with sound coming in."""
    noise = np.random.default_rng(1).uniform(-1.0, 1.0, (2, 4096)).astype(np.float32)
    numbers = {n: d for n, d in spec.params.items() if isinstance(d, Numeric)}
    for params in ({}, {n: d.min for n, d in numbers.items()}, {n: d.max for n, d in numbers.items()}):
        for channels in (1, 2):
            given = {n: noise[: d.channels or channels] for n, d in {**spec.audio_ins, **spec.device_ins}.items()}
            solo.run(spec, given, params, blocks=LENGTHS, foreign=True, width=channels)


def muted_at_once(spec: Spec, values: dict[str, float]) -> str:
    """Why the node would be mute from its first blocks on, on silence and with these values; "" where it would not."""
    if spec.room != "audio" or not spec.cls.native:  # type: ignore[attr-defined]
        return ""
    params = {name: value for name, value in values.items() if name in spec.numeric}
    try:
        _, fault = solo.run(spec, {}, params, blocks=LENGTHS, foreign=True)
    except CompileError:  # the caller meets it too, and has the better place to say so
        return ""
    if not fault:
        return ""
    instance = Engine().make("tried", spec, params, foreign=True)
    instance.fault[0] = fault
    return explain(instance, 48_000.0)


if __name__ == "__main__":
    main()

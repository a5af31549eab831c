"""A foreign node is tried in a process of its own before it may enter a plan: a crash there is no crash here."""

from __future__ import annotations

import contextlib
import hashlib
import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import graphflow
from graphflow.audio.compile import cache_folder, forms_of, kernel_hash
from graphflow.core.node import Spec

START_WITHIN, LOAD_WITHIN, COMPILE_WITHIN, PLAY_WITHIN = 60.0, 20.0, 120.0, 5.0
"""Seconds the process may take to start, a file to be run, a node to compile, and to play half a second of sound."""
WARM, LOADED, COMPILED, MUTED, DONE = "warm", "loaded", "compiled", "muted", "done"
"""What the process says, each with the kind it speaks of: before the file is run, after it, and for each kind; that
one would be mute at once, and why."""
CHILD = "graphflow.audio.trial_child"


@dataclass(frozen=True)
class TrialStatistics:
    """How many files were tried, how many were refused, whether a process waits, and what the last took in s."""

    tried: int
    refused: int
    waiting: bool
    seconds: float


class Trials:
    """Tries node files. Once told to keep warm, a process waits for the next file, so that a trial takes no start.

    The process has run somebody else's code afterwards and is thrown away. For any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: _Process | None = None
        self._working: set[_Process] = set()
        self._warm = self._closed = False
        self._tried = self._refused = 0
        self._seconds = 0.0

    def keep_warm(self) -> None:
        """Have a process ready from now on; it takes some 150 MB and a second to start, beside everything else."""
        with self._lock:
            self._warm = not self._closed
            if self._warm and self._waiting is None:
                with contextlib.suppress(OSError):  # then the next trial says why
                    self._waiting = _Process()

    def run(
        self,
        file: Path,
        kinds: Iterable[str],
        *,
        seconds: float = PLAY_WITHIN,
        values: Mapping[str, Sequence[Mapping[str, float]]] | None = None,
    ) -> str | None:
        """Run a node file, compile and play some of its kinds there. One line if that crashes or hangs, else None.

        `values` are params of nodes by their kinds: one that would be mute at once with them is a fault as well.
        What can only go wrong in one's own process, such as a wrong declaration, is left to the caller to find.
        """
        begun = time.monotonic()
        with self._lock:
            if self._closed:
                return f"{file}: it was not tried, as the session has ended"
            process, self._waiting = self._waiting, None
            try:
                process = process if process is not None and process.alive else _Process()
            except OSError as error:
                return f"{file}: no process can be started to try it in ({error.strerror or error})"
            self._working.add(process)
        try:
            fault = process.play(file, list(kinds), seconds, values or {})
        finally:
            process.end()
            with self._lock:
                self._working.discard(process)
            if self._warm:
                self.keep_warm()
        with self._lock:
            self._tried, self._refused = self._tried + 1, self._refused + bool(fault)
            self._seconds = time.monotonic() - begun
        return fault

    def close(self) -> None:
        """End the process that waits, and those that work; no other is started."""
        with self._lock:
            self._warm, self._closed = False, True
            processes = [*self._working, *([self._waiting] if self._waiting is not None else [])]
            self._waiting = None
        for process in processes:
            process.end()

    def statistics(self) -> TrialStatistics:
        return TrialStatistics(self._tried, self._refused, self._waiting is not None, self._seconds)

    def __str__(self) -> str:
        said = self.statistics()
        return f"{said.tried} files tried, {said.refused} refused{', a process waits' if said.waiting else ''}"


class _Process:
    """One child. It imports what a trial needs, says so, and waits for a file."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", CHILD],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True,  # a Ctrl-C at the prompt is not meant for it; Windows knows no sessions
        )  # fmt: skip
        self._said: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, name="trial", daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._child.poll() is None

    def play(
        self, file: Path, kinds: list[str], seconds: float, values: Mapping[str, Sequence[Mapping[str, float]]]
    ) -> str | None:
        """What went wrong with the file, in one line."""
        assert self._child.stdin is not None  # it was asked for
        what = kinds[0] if len(kinds) == 1 else file.stem
        try:
            self._child.stdin.write(json.dumps({"file": str(file), "kinds": kinds, "values": values}) + "\n")
            self._child.stdin.flush()
        except OSError:  # it has died; how is told below
            self._said.put("")
        last, limit, mute = "", START_WITHIN, ""
        try:
            while last != DONE:
                last, _, kind = self._said.get(timeout=limit).partition(" ")
                if last == MUTED:
                    kind, _, why = kind.partition(" ")
                    mute = mute or f"{why}; it would be mute"
                what = kind or what
                if not last:
                    break
                limit = {WARM: LOAD_WITHIN, LOADED: COMPILE_WITHIN, COMPILED: seconds}.get(last, COMPILE_WITHIN)
        except queue.Empty:
            doing = {"": "get a process", WARM: "load", LOADED: "compile"}.get(last, "come to an end")
            return f"{file}: {what} did not {doing} within {limit:g} s of a trial"
        return (mute or None) if last == DONE else f"{file}: {what} crashed in a trial ({_ending(self._child.wait())})"

    def end(self) -> None:
        self._child.kill()
        self._child.wait()
        assert self._child.stdin is not None  # it was asked for
        with contextlib.suppress(OSError):  # what was not sent any more
            self._child.stdin.close()

    def _listen(self) -> None:
        assert self._child.stdout is not None  # it was asked for
        with self._child.stdout as pipe:  # whoever else closed it might wait for a child of the child
            for line in pipe:
                self._said.put(line.strip())
        self._said.put("")  # the end of a process that said less


def trial(file: Path, kind: str, *, seconds: float = PLAY_WITHIN) -> str | None:
    """Try one kind of a file in a process that is started for it. One line if it crashes or hangs, else None."""
    fault = Trials().run(file, [kind], seconds=seconds)
    return f"{fault}; it is left out" if fault else None


def passed(spec: Spec) -> Path:
    """The file that says a kind, as its code and declarations are now, has been tried. Raises CompileError."""
    digest = hashlib.sha256(graphflow.__version__.encode())
    for name, declared in spec.declarations.items():
        digest.update(f"{name} {type(declared).__name__} {sorted(vars(declared).items())}".encode())
    for form in forms_of(spec):
        digest.update(kernel_hash(spec, form, True).encode())
    return cache_folder() / "tried" / f"{spec.kind}_{digest.hexdigest()[:16]}"


def _ending(code: int) -> str:
    if code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"

"""graphflow replay: a performance that was recorded, played again."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from graphflow.cli.opening import library_for, writable
from graphflow.cli.progress import Progress
from graphflow.cli.render import opened_file
from graphflow.cli.trusted import is_trusted
from graphflow.core.errors import UserError
from graphflow.session import take
from graphflow.session.output import FILES
from graphflow.session.replay import Replay
from graphflow.session.replay_check import Check
from graphflow.session.sound_files import why_not_written
from graphflow.session.take_sound import TakeSound

Block = NDArray[np.float32]


def run(arguments: Namespace) -> int:
    folder, target = arguments.take, arguments.output
    head = take.read_head(folder)
    if target is not None:
        if target.suffix.lower() not in FILES:
            raise UserError(f"-o {target}: expected a name ending in {', '.join(FILES)}")
        if target.exists() and folder.resolve() in target.resolve().parents:
            raise UserError(f"-o {target} is a part of the take; name a file elsewhere")
        writable(target, "-o")
    beside = Path(head.folder) if Path(head.folder).is_dir() else None
    library = library_for(beside, arguments.nodes)
    progress = Progress(str(folder), 0.0, "s")
    replay = Replay(folder, library, trusted=is_trusted(folder / take.NODES), report=progress.line)
    progress = Progress(str(folder), round(replay.frames / replay.rate, 1), "s")
    check: Check | None = None
    began = time.monotonic()
    try:
        check = Check(replay)
        blocks = compared(replay.blocks(), check)
        if target is not None:
            blocks = written(blocks, target, replay.rate)
        if head.engine != take.Head.here(rate=1, seed=0, block=0).engine:
            progress.line(f"{folder} was made by {head.graphflow} on {head.machine}; it may sound different here")
        if arguments.play:
            listen(replay, blocks, arguments.device, progress)
        else:
            for _ in blocks:
                progress.show(replay.engine.frame / replay.rate)
    finally:
        progress.end()
        if check is not None:
            check.close()
        replay.close()
    return told(arguments, replay, check, time.monotonic() - began)


def compared(blocks: Iterator[Block], check: Check) -> Iterator[Block]:
    for block in blocks:
        check.compare(block)
        yield block


def listen(replay: Replay, blocks: Iterator[Block], device: str, progress: Progress) -> None:
    from graphflow.session.replay_out import ReplayOut

    out = ReplayOut(replay.rate, replay.head.block or 128, device, progress.line)
    progress.line(f"{replay.folder}: {out.output.where}")
    out.run(blocks, lambda frame: progress.show(frame / replay.rate))


def written(blocks: Iterator[Block], target: Path, rate: int) -> Iterator[Block]:
    """Also to a file: a WAV of float32, the very samples; other kinds of file as they can. Raises UserError."""
    done = 0
    try:
        if target.suffix.lower() == ".wav":
            target.unlink(missing_ok=True)
            file: TakeSound | soundfile.SoundFile = TakeSound(target, rate)
        else:
            file = opened_file(target, rate)
        try:
            for block in blocks:
                file.write(block)
                done += len(block)
                yield block
        finally:
            file.close()
    except (soundfile.LibsndfileError, OSError) as error:
        why = why_not_written(target, error)
        raise UserError(f"-o {target}: writing has ended after {done / rate:.1f} s ({why})") from error


def told(arguments: Namespace, replay: Replay, check: Check, took: float) -> int:
    """Say how it went; the exit code."""
    seconds, found = replay.frames / replay.rate, check.statistics()
    where = f", written to {arguments.output}" if arguments.output is not None else ""
    speed = "" if arguments.play else f", {seconds / max(took, 1e-9):.1f} times real time"
    counts = f"{replay.edits} edits, {replay.sets} values"
    print(f"{replay.folder}: {seconds:.1f} s again, {counts}{speed}{where}")
    if found.same:
        print(f"the same as it was heard, in all {found.frames} frames")
        return 0
    place = f"frame {found.first} ({found.first / replay.rate:.3f} s)"
    loud = 20.0 * np.log10(found.largest)
    print(f"not as it was heard from {place} on: {found.different} frames differ, by up to {loud:.1f} dB")
    return 1 if arguments.check or not (arguments.play or arguments.output) else 0

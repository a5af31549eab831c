"""graphflow render: a patch as a sound file, as fast as it goes, the same from run to run."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path

import soundfile

from graphflow.cli.opening import foreign, open_patch, writable
from graphflow.cli.progress import Progress
from graphflow.core.errors import UserError
from graphflow.core.units import level_of, show
from graphflow.session import Session
from graphflow.session.offline import render
from graphflow.session.output import FILES
from graphflow.session.sound_files import why_not_written


def run(arguments: Namespace) -> int:
    opened = open_patch(arguments)
    target = arguments.output
    if target.suffix.lower() not in FILES:
        raise UserError(f"-o {target}: expected a name ending in {', '.join(FILES)}")
    writable(target, "-o")
    rate = opened.patch.engine.rate
    frames = round(arguments.seconds * rate)
    progress = Progress(f"{target}", arguments.seconds, "s")
    session = Session(
        opened.library,
        rate=rate,
        seed=arguments.seed,
        folder=opened.folder,
        report=progress.line,
        lockstep=True,
        foreign=foreign,
    )
    begun, peak = time.monotonic(), 0.0
    try:
        session.play(opened.patch, quant="now")
        with opened_file(target, rate) as file:
            for block in render(session, frames):
                file.write(block)
                peak = max(peak, float(abs(block).max()))
                progress.show(session.engine.frame / rate)
    except (soundfile.LibsndfileError, OSError) as error:
        done = session.engine.frame / rate
        raise UserError(
            f"-o {target}: writing has ended after {done:.1f} s ({why_not_written(target, error)})"
        ) from error
    except KeyboardInterrupt:
        if session.engine.frame:
            progress.line(f"{target}: ended by hand after {session.engine.frame / rate:.1f} s")
        raise
    finally:
        progress.end()
        session.close()
    took = time.monotonic() - begun
    print(
        f"{target}: {arguments.seconds:g} s in {took:.1f} s, "
        f"{arguments.seconds / took:.1f} times real time, peak {level_of(peak):.1f} dB"
    )
    return 0


def opened_file(path: Path, rate: int) -> soundfile.SoundFile:
    """The file, begun. Raises UserError."""
    try:
        return soundfile.SoundFile(path, "w", rate, 2)
    except (soundfile.LibsndfileError, OSError, ValueError) as error:
        why = why_not_written(path, error)
        other = "name a file elsewhere" if path.suffix.lower() == ".wav" else "try .wav"
        raise UserError(f"-o {path}: it cannot be written at {show(rate, 'Hz')} ({why}); {other}") from error

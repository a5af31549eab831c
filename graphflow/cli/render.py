"""graphflow render: a patch as a sound file, as fast as it goes, the same from run to run."""

from __future__ import annotations

import sys
import time
from argparse import Namespace

import soundfile

from graphflow.cli.opening import foreign, open_patch, writable
from graphflow.cli.progress import Progress
from graphflow.core.errors import UserError
from graphflow.core.units import level_of
from graphflow.session import Session
from graphflow.session.offline import render


def run(arguments: Namespace) -> int:
    opened = open_patch(arguments)
    writable(arguments.output, "-o")
    rate = opened.patch.engine.rate
    frames = round(arguments.seconds * rate)
    session = Session(
        opened.library,
        rate=rate,
        seed=arguments.seed,
        folder=opened.folder,
        report=lambda line: print(line, file=sys.stderr),
        lockstep=True,
        foreign=foreign,
    )
    begun, peak = time.monotonic(), 0.0
    progress = Progress(f"{arguments.output}", arguments.seconds, "s")
    try:
        session.play(opened.patch, quant="now")
        with soundfile.SoundFile(arguments.output, "w", rate, 2) as file:
            for block in render(session, frames):
                file.write(block)
                peak = max(peak, float(abs(block).max()))
                progress.show(session.engine.frame / rate)
    except (soundfile.LibsndfileError, OSError) as error:
        raise UserError(f"-o {arguments.output}: writing has ended ({error})") from error
    finally:
        progress.end()
        session.close()
    took = time.monotonic() - begun
    print(
        f"{arguments.output}: {arguments.seconds:g} s in {took:.1f} s, "
        f"{arguments.seconds / took:.1f} times real time, peak {level_of(peak):.1f} dB"
    )
    return 0

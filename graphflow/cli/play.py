"""graphflow play: a patch, out loud, until Ctrl-C."""

from __future__ import annotations

import itertools
import traceback
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from graphflow.cli.opening import Opened, foreign, open_patch, writable
from graphflow.cli.trusted import trust
from graphflow.core.errors import UserError
from graphflow.core.node import WorkerNode
from graphflow.worker.workers import Workers

UNHEARD_SECONDS = 60.0
"""How long a patch is written to a file where there is no sound card and no --seconds."""


def run(arguments: Namespace) -> int:
    return perform(arguments, open_patch(arguments))


def perform(arguments: Namespace, opened: Opened, greeting: str = "") -> int:
    """Play a patch until it is ended; at a prompt, `greeting` is the first that is read."""
    workers = Workers()
    for model, device in models(opened):
        workers.prepare(model, device)
    try:
        return play(arguments, opened, workers, greeting)
    except KeyboardInterrupt:  # before there was anything to end
        return 0
    finally:
        workers.close()


def play(arguments: Namespace, opened: Opened, workers: Workers, greeting: str) -> int:
    # imported here, while the workers load: the compiler alone takes half a second
    from graphflow.cli.beside import Beside
    from graphflow.cli.faces import Faces
    from graphflow.cli.following import following
    from graphflow.cli.hearing import Hearing, check
    from graphflow.cli.playing_midi import PlayingMidi
    from graphflow.cli.status import Status
    from graphflow.session import Session
    from graphflow.session.live import Live, fallback_file
    from graphflow.session.output import FILES, Output
    from graphflow.session.take import NODES
    from graphflow.session.take_writer import TakeWriter, record

    if Path(arguments.device).suffix.lower() in FILES:
        writable(Path(arguments.device), "--device")
    check(arguments)
    status = Status()
    faces = Faces(arguments, opened, status, greeting=greeting)
    session = Session(
        opened.library,
        rate=opened.patch.engine.rate,
        folder=opened.folder,
        report=faces.report,
        foreign=foreign,
        workers=workers,
    )
    output = Output(session.engine, opened.patch.engine.block, faces.report, inputs=inputs(opened))
    reloading = following(session, opened, arguments, faces.report)
    reloading.elsewhere, reloading.patch.taken = faces.file, faces.followed
    hearing: Hearing | None = None
    midi: PlayingMidi | None = None
    beside: Beside | None = None
    taking: TakeWriter | None = None

    try:
        if arguments.record is not None:
            engine = opened.patch.engine
            taking = record(session, arguments.record, opened.text, inputs=inputs(opened), block=engine.block)
        hearing = Hearing(session, arguments, opened, faces.report)
        hearing.share(lambda: faces.files)
        hearing.start()  # before anything is compiled: the port may be taken
        midi = PlayingMidi(session, arguments, opened, faces.report)
        fallback = fallback_file(opened.path.name)
        start = output.prepare(arguments.device, fallback)
        if not arguments.device and not output.wants_card:
            writable(fallback, "no sound card;")
        unheard = not (output.wants_card or arguments.device or arguments.repl)
        seconds = arguments.seconds or (UNHEARD_SECONDS if unheard else None)
        status.line(f"{opened.patch.title or opened.path.stem}: {output.where}")
        hearing.tell()
        midi.start()
        if hearing.server is not None:
            beside = Beside(hearing.server, opened.patch.title or opened.path.stem, faces.report)
        if arguments.reload:
            reloading.start()
        Live(session, output).run(opened.patch, start, seconds=seconds, show=faces.show)
    except KeyboardInterrupt as interrupted:  # while it was getting ready, or a node held everything up
        if held := culprit(interrupted, opened):
            status.line(held)
    except OSError as error:
        raise UserError(str(error)) from error
    finally:
        reloading.stop()
        faces.close()
        status.end()
        if beside is not None:
            beside.close()
        if hearing is not None:
            hearing.close()
        output.close()
        session.close()
        if midi is not None:
            midi.close()
    beside_it = [face.summary() for face in (hearing, midi) if face is not None]
    for line in [*status.summary(session), *itertools.chain(*beside_it)]:
        status.line(line)
    if taking is not None and not taking.trouble:
        status.line(f"{arguments.record}: {taking.statistics().frames / session.rate:.1f} s recorded")
        trust_nodes(arguments.record / NODES, status.line)
    return 0


def trust_nodes(folder: Path, tell: Callable[[str], None]) -> None:
    """A take's copies of node files are those that played here, so that a replay here needs not ask."""
    if not folder.is_dir():
        return
    try:
        trust(folder)
    except OSError as error:
        tell(f"{folder} could not be trusted ({error.strerror}); before a replay: graphflow trust {folder}")


def models(opened: Opened) -> list[tuple[str, str]]:
    """The models the patch will open, each with its device."""
    found = []
    for node in opened.patch.nodes.values():
        cls = opened.library.get(node.kind)
        if cls is not None and issubclass(cls, WorkerNode):
            device = cls.spec.settings.get("device")
            found.append((cls.generator, str(node.values.get("device", device.default if device else "auto"))))
    return found


def inputs(opened: Opened) -> int:
    """How many channels the patch wants to hear from the sound card."""
    kinds = [opened.library[n.kind].spec for n in opened.patch.nodes.values() if n.kind in opened.library]
    return max([0, *(d.channels for spec in kinds for d in spec.device_ins.values())])


def culprit(interrupted: BaseException, opened: Opened) -> str:
    """The node of a user's that ran when a signal came, as a line; "" where there was none."""
    kinds = {
        name: opened.library[node.kind].spec for name, node in opened.patch.nodes.items() if node.kind in opened.library
    }
    files = {str(spec.file): name for name, spec in kinds.items() if foreign(spec)}
    found = ""
    for frame, line in traceback.walk_tb(interrupted.__traceback__):
        file = frame.f_code.co_filename
        if file in files:
            found = f"nodes.{files[file]}: {file}:{line} kept everything waiting; use await self.blocking(...) there"
    return found

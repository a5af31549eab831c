"""graphflow devices: the sound cards and MIDI devices there are."""

from __future__ import annotations

from argparse import Namespace

from graphflow.audio.devices import Devices
from graphflow.control.midi.ports import plain
from graphflow.control.midi.rtmidi_ports import RtMidi
from graphflow.core.errors import UserError


def run(arguments: Namespace) -> int:
    devices = Devices()
    found = devices.all()
    print("\n".join(map(str, found)) or "no sound card")
    devices.close()
    print("\n".join(midi()))
    return 0


def midi() -> list[str]:
    """A line for each MIDI device, or one that says why there are none."""
    try:
        backend = RtMidi()
    except UserError as error:
        return [str(error)]
    try:
        plays, played = [[plain(name) for name in names] for names in (backend.inputs(), backend.outputs())]
    except OSError as error:
        return [f"MIDI devices cannot be listed ({error})"]
    finally:
        backend.close()
    ways = {name: [way for way, names in (("in", plays), ("out", played)) if name in names] for name in plays + played}
    return [f"MIDI {' and '.join(way)}: {name}" for name, way in ways.items()] or [f"no MIDI device ({backend.name})"]

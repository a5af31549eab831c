"""graphflow devices: the sound cards there are."""

from __future__ import annotations

from argparse import Namespace

from graphflow.audio.devices import Devices


def run(arguments: Namespace) -> int:
    devices = Devices()
    found = devices.all()
    print("\n".join(map(str, found)) or "no sound card")
    devices.close()
    return 0

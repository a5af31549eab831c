"""graphflow doctor: what could keep graphflow from playing, with a repair for each."""

from __future__ import annotations

from argparse import Namespace

from graphflow import doctor


def run(arguments: Namespace) -> int:
    return doctor.main()

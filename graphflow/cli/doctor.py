"""graphflow doctor: what could keep graphflow from playing, with a repair for each."""

from __future__ import annotations

from argparse import Namespace

from graphflow import doctor


def run(arguments: Namespace) -> int:
    findings = doctor.examine()
    print(doctor.report(findings))
    return 2 if any(finding.state == "bad" for finding in findings) else 0

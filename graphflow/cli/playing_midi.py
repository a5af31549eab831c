"""MIDI of a performance: where it is asked for, or where the patch has a use for it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from graphflow.cli.opening import Opened
from graphflow.control.midi.rtmidi_ports import RtMidi
from graphflow.control.midi.service import MidiService
from graphflow.core.errors import UserError
from graphflow.core.patch import Patch
from graphflow.session import Session

KINDS = ("midi_in", "midi_out")
"""Nodes that are nothing without it."""


def wants_midi(patch: Patch) -> str:
    """What of a patch needs MIDI, or nothing."""
    if nodes := [name for name, node in patch.nodes.items() if node.kind in KINDS]:
        return ", ".join(nodes)
    if patch.transport.follow == "midi":
        return "transport.follow"
    return "midi" if patch.midi else ""


class PlayingMidi:
    """The service of a session, or why there is none. Asked for by `--midi` it must be had; else the patch plays on."""

    def __init__(self, session: Session, arguments: Namespace, opened: Opened, report: Callable[[str], None]) -> None:
        """Raises UserError where it is asked for and cannot be had."""
        self.service: MidiService | None = None
        self._report = report
        self._backend: RtMidi | None = None
        asked = arguments.midi is not None or arguments.midi_clock is not None
        wanted = wants_midi(opened.patch)
        if not asked and not wanted:
            return
        try:
            self._backend = RtMidi()
        except UserError as error:
            if asked:
                raise
            report(f"{wanted}: {error}; playing without MIDI")
            return
        self.service = MidiService(
            session, self._backend, wanted=arguments.midi or "", clock=arguments.midi_clock or ""
        )

    def start(self) -> None:
        """Begin, and say what is heard."""
        if self.service is not None and self._backend is not None:
            self.service.start()
            devices = str(self.service.ports)
            self._report(f"MIDI ({self._backend.name}) {devices}; devices may be plugged in at any time")

    def summary(self) -> list[str]:
        """What came and went, once it is over; nothing where nothing did."""
        statistics = self.service.statistics() if self.service is not None else None
        if statistics is None or not (statistics.received or statistics.sent or statistics.lost):
            return []
        lost = f", {statistics.lost} lost" if statistics.lost else ""
        return [f"MIDI: {statistics.received} messages in, {statistics.sent} out{lost}"]

    def close(self) -> None:
        """To be called when the session is closed, so that its nodes could let go of their notes."""
        if self.service is not None:
            self.service.close()
        if self._backend is not None:
            self._backend.close()


__all__ = ["PlayingMidi", "wants_midi"]

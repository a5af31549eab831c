"""MIDI devices that are plugged in by hand and speak MIDI's own bytes, and a session that hears them."""

from __future__ import annotations

from typing import Any

from graphflow.control.midi.service import MidiService
from graphflow.core.library import Library
from graphflow.core.patch_text import read
from graphflow.session import Session
from graphflow.session.offline import render


class Keyboard:
    """An input: what is played waits to be read."""

    def __init__(self) -> None:
        self.waiting: list[tuple[float, bytes]] = []
        self.broken = False
        self.open = True

    def play(self, *data: int, after: float = 0.0) -> None:
        self.waiting.append((after, bytes(data)))

    def read(self) -> list[tuple[float, bytes]]:
        if self.broken:
            raise OSError("no such device")
        waiting, self.waiting = self.waiting, []
        return waiting

    def close(self) -> None:
        self.open = False


class Synth:
    """An output: it keeps what it was sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.broken = False
        self.open = True

    def send(self, data: bytes) -> None:
        if self.broken:
            raise OSError("no such device")
        self.sent.append(data)

    def close(self) -> None:
        self.open = False

    def hex(self) -> list[str]:
        return [data.hex(" ") for data in self.sent]


class Rack:
    """A system's MIDI with devices that are plugged in and pulled out."""

    name = "rack"

    def __init__(self) -> None:
        self.keyboards: dict[str, Keyboard] = {}
        self.synths: dict[str, Synth] = {}
        self.busy: set[str] = set()
        self.broken = False

    def keyboard(self, name: str) -> Keyboard:
        self.keyboards[name] = Keyboard()
        return self.keyboards[name]

    def synth(self, name: str) -> Synth:
        self.synths[name] = Synth()
        return self.synths[name]

    def inputs(self) -> list[str]:
        if self.broken:
            raise OSError("server is down")
        return list(self.keyboards)

    def outputs(self) -> list[str]:
        return list(self.synths)

    def open_input(self, name: str) -> Keyboard:
        if name in self.busy:
            raise OSError("busy")
        return self.keyboards[name]

    def open_output(self, name: str) -> Synth:
        return self.synths[name]


class Stage:
    """A patch in lockstep with MIDI beside it, on a clock that is wound by hand."""

    def __init__(self, text: str, **options: Any) -> None:
        self.said: list[str] = []
        self.rack = Rack()
        self.session = Session(Library.builtin(), report=self.said.append, lockstep=True)
        self.edit(text)
        self.now = 100.0
        self.midi = MidiService(
            self.session,
            self.rack,
            now=lambda: self.now,
            frame_at=lambda seconds: round((seconds - 100.0) * self.session.rate),
            **options,
        )

    def edit(self, text: str) -> None:
        patch, problems = read(text)
        assert problems == []
        self.session.play(patch)

    def pass_by(self, seconds: float) -> None:
        """Let time pass, looking every few ms as a performance does."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now = min(self.now + 512 / 48_000, end)
            self.midi.look()
            for _ in render(self.session, round((self.now - 100.0) * 48_000) - self.session.engine.frame):
                pass

    def close(self) -> None:
        self.session.close()
        self.midi.close()

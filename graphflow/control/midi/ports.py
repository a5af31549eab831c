"""The MIDI devices that are plugged in: opened as they come, let go of as they go."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

LOOK = 2.0
"""Seconds between two looks at what is plugged in; no system tells of it everywhere."""
STALE = 0.5
"""Seconds; what seems to be older shows that the driver's times are not to be trusted."""
OURS = "graphflow"
"""What our own ports are called, so that we do not listen to ourselves."""
THROUGH = "midi through"
"""ALSA's port that gives back what it is sent."""


class Input(Protocol):
    """A device that plays."""

    def read(self) -> list[tuple[float, bytes]]:
        """What has come since: seconds since the message before it, and its bytes. Never waits."""

    def close(self) -> None: ...


class Output(Protocol):
    """A device that is played."""

    def send(self, data: bytes) -> None: ...
    def close(self) -> None: ...


class Backend(Protocol):
    """A system's MIDI. Whatever it does may raise OSError."""

    name: str

    def inputs(self) -> list[str]: ...
    def outputs(self) -> list[str]: ...
    def open_input(self, name: str) -> Input: ...
    def open_output(self, name: str) -> Output: ...


def plain(name: str) -> str:
    """A port's name without the numbers that ALSA gives it anew each time it is plugged in."""
    return re.sub(r"\s+\d+:\d+$", "", name)


@dataclass
class _Opened:
    name: str
    input: Input
    last: float | None = None  # when the latest message came


class Ports:
    """All devices whose name has `wanted` in it, whatever its case.

    `came` and `went` are called with a device's plain name and whether it plays (or is played).
    """

    def __init__(
        self,
        backend: Backend,
        wanted: str = "",
        *,
        came: Callable[[str, bool], None] = lambda name, plays: None,
        went: Callable[[str, bool], None] = lambda name, plays: None,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.backend, self.wanted = backend, wanted
        self._came, self._went, self._report = came, went, report
        self._inputs: dict[str, _Opened] = {}
        self._outputs: dict[str, Output] = {}
        self._next = 0.0
        self._told: set[str] = set()
        self.playing = False
        """Whether outputs are wanted too."""

    @property
    def inputs(self) -> list[str]:
        return [opened.name for opened in self._inputs.values()]

    @property
    def outputs(self) -> list[str]:
        return [plain(name) for name in self._outputs]

    def look(self, now: float) -> None:
        """Every now and then, see what has come and gone."""
        if now >= self._next:
            self._next = now + LOOK
            self.refresh()

    def refresh(self) -> None:
        try:
            here = [name for name in self.backend.inputs() if self._meant(name)]
            there = [name for name in self.backend.outputs() if self._meant(name)] if self.playing else []
        except OSError as error:
            self._tell(f"MIDI devices cannot be listed ({error})")
            return
        for name in [name for name in self._inputs if name not in here]:
            self._lose_input(name)
        for name in [name for name in self._outputs if name not in there]:
            self._lose_output(name)
        for name in here:
            if name not in self._inputs:
                self._open_input(name)
        for name in there:
            if name not in self._outputs:
                self._open_output(name)

    def _meant(self, name: str) -> bool:
        low = name.lower()
        return self.wanted.lower() in low and not low.startswith((OURS, THROUGH))

    def _open_input(self, name: str) -> None:
        try:
            self._inputs[name] = _Opened(plain(name), self.backend.open_input(name))
        except OSError as error:
            self._tell(f"MIDI device '{plain(name)}' cannot be heard ({error}); is another program using it?")
            return
        self._came(plain(name), True)

    def _open_output(self, name: str) -> None:
        try:
            self._outputs[name] = self.backend.open_output(name)
        except OSError as error:
            self._tell(f"MIDI device '{plain(name)}' cannot be played ({error}); is another program using it?")
            return
        self._came(plain(name), False)

    def _lose_input(self, name: str) -> None:
        opened = self._inputs.pop(name)
        try:
            opened.input.close()
        except OSError:  # it is gone anyway
            pass
        self._went(opened.name, True)

    def _lose_output(self, name: str) -> None:
        try:
            self._outputs.pop(name).close()
        except OSError:  # it is gone anyway
            pass
        self._went(plain(name), False)

    def read(self, now: float) -> list[tuple[str, float, bytes]]:
        """What has come since: the device, when (on the clock of `now`), its bytes."""
        found: list[tuple[str, float, bytes]] = []
        for name, opened in list(self._inputs.items()):
            try:
                messages = opened.input.read()
            except OSError as error:
                self._tell(f"MIDI device '{opened.name}' cannot be read ({error})")
                self._lose_input(name)
                continue
            for after, data in messages:
                # the driver knows the time between two messages; what seems to come from the future shows that the
                # one before was read late
                due = now if opened.last is None else min(opened.last + after, now)
                opened.last = now if now - due > STALE else due
                found.append((opened.name, opened.last, data))
        return found

    def send(self, data: bytes, port: str = "") -> list[str]:
        """To every device with `port` in its name; the names of those that took it."""
        if not self.playing:
            self.playing = True
            self.refresh()
        reached = []
        for name, output in list(self._outputs.items()):
            if port.lower() not in name.lower():
                continue
            try:
                output.send(data)
                reached.append(plain(name))
            except OSError as error:
                self._tell(f"MIDI device '{plain(name)}' cannot be played ({error})")
                self._lose_output(name)
        return reached

    def _tell(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self._report(line)

    def close(self) -> None:
        for name in list(self._inputs):
            self._lose_input(name)
        for name in list(self._outputs):
            self._lose_output(name)

    def __str__(self) -> str:
        heard, played = ", ".join(self.inputs) or "none", ", ".join(self.outputs) or "none"
        return f"hears {heard}; plays {played}" if self.playing else f"hears {heard}"

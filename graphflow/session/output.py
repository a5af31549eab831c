"""Where the sound goes: a sound card if there is one, else a file or nowhere; and what happens when a card is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from graphflow.audio.devices import Device, DeviceError, Devices, DeviceStream, NoPortAudio
from graphflow.audio.engine import Engine
from graphflow.session.clock import FileClock, NullClock

RETRY = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds between attempts to get a lost device back; the last one repeats."""
FILES = (".wav", ".flac", ".aiff", ".ogg", ".mp3")


class Output:
    """Drives the engine. `open` chooses; `supervise` keeps it running while cards come and go.

    A lost card: the null clock takes over at once, so that the graph goes on in time, and the card is looked for by
    its name; when it is back the sound fades in.
    """

    def __init__(self, engine: Engine, block: int, report: Callable[[str], None], *, inputs: int = 0) -> None:
        self._engine, self._block, self._report, self._inputs = engine, block, report, inputs
        self._devices: Devices | None = None
        self._stream: DeviceStream | None = None
        self._clock: NullClock | None = None
        self._wanted: Device | None = None
        self._next_try = 0.0
        self._tries = 0
        self.losses = 0
        self._place = "no sound card"
        self._told = ""

    @property
    def name(self) -> str:
        """What plays now, as a status line shows it."""
        if self._stream is not None:
            return self._stream.device.name
        return self._clock.name if self._clock is not None else "stopped"

    @property
    def wants_card(self) -> bool:
        """Whether `prepare` has found a sound card to play to."""
        return self._wanted is not None

    @property
    def where(self) -> str:
        """Where the sound will go, once prepared."""
        return str(self._wanted) if self._wanted is not None else self._place

    @property
    def latency(self) -> float:
        """Seconds from the engine to the ear, as the driver reports it."""
        return self._stream.latency if self._stream is not None else 0.0

    @property
    def has_card(self) -> bool:
        return self._stream is not None

    def prepare(self, device: str, fallback: Path | None) -> Callable[[], None]:
        """Find what `device` names: part of a card's name, "null", a sound file, or "" for the usual card.

        Without a card and without a name `fallback` is written instead, and that is said. Returns what starts it.
        Raises DeviceError or UserError.
        """
        if device == "null":
            self._place = "unheard"
            return lambda: self._start(NullClock(self._engine, self._block))
        if Path(device).suffix.lower() in FILES:
            return self._to_file(Path(device))
        try:
            self._devices = Devices()
            self._wanted = self._devices.find(device)
        except DeviceError as reason:
            if device or fallback is None:
                raise
            why = f"{reason}, playing to a file" if isinstance(reason, NoPortAudio) else "no sound card"
            self._report(f"{why}: writing {fallback} in real time")
            return self._to_file(fallback)
        return self._start_card

    def _to_file(self, path: Path) -> Callable[[], None]:
        self._place = f"to {path}"
        return lambda: self._start(FileClock(self._engine, self._block, path))  # no file before there is sound for it

    def _start(self, clock: NullClock) -> None:
        self._clock = clock
        self._engine.channels(0, 2)
        clock.start()

    def _start_card(self) -> None:
        assert self._devices is not None and self._wanted is not None  # prepare has found them
        card = self._wanted
        outputs = min(2, card.outputs)
        inputs = min(self._inputs, card.inputs)
        self._engine.channels(inputs, outputs)
        self._stream = self._devices.open(
            card,
            rate=int(self._engine.rate),
            block=self._block,
            callback=self._engine.callback_address,
            userdata=self._engine.userdata,
            outputs=outputs,
            input=card if inputs else None,
            inputs=inputs,
            kept=self._engine,
        )

    async def supervise(self, now: float) -> None:
        """To be called every few ms with the time in seconds: notice a lost card, try to get it back."""
        if self._stream is not None:
            lost = self._stream.check(self._engine.blocks)
            if lost:
                self.losses += 1
                self._report(f"{lost}; playing on without sound, looking for it again")
                stream, self._stream = self._stream, None
                await asyncio.get_running_loop().run_in_executor(None, stream.close)
                self._start(NullClock(self._engine, self._block))
                self._tries, self._next_try = 0, now + RETRY[0]
        elif self._wanted is not None and self._devices is not None and now >= self._next_try:
            await self._look_again(now)
        if isinstance(self._clock, FileClock):
            self._tell(self._clock.trouble)

    async def _look_again(self, now: float) -> None:
        devices, wanted = self._devices, self._wanted
        assert devices is not None and wanted is not None  # the caller has looked
        self._tries += 1
        self._next_try = now + RETRY[min(self._tries, len(RETRY) - 1)]
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(None, devices.refresh)
            self._wanted = devices.find(wanted.name)
        except DeviceError:
            return  # not back yet; the line that said it was lost still stands
        clock, self._clock = self._clock, None
        if clock is not None:
            await loop.run_in_executor(None, clock.stop)
        gain = self._engine.gain  # it may have been hushed meanwhile
        self._engine.silence()
        try:
            self._start_card()
        except DeviceError as reason:
            self._tell(str(reason))
            return
        finally:
            self._engine.fade(gain, 0.3)
            if self._stream is None:
                self._start(NullClock(self._engine, self._block))
        self._report(f"device '{self._wanted.name}' is back")

    def _tell(self, line: str) -> None:
        """Report a line, once."""
        if line and line != self._told:
            self._told = line
            self._report(line)

    def close(self) -> None:
        """Stop the clock or the card."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        if self._clock is not None:
            self._clock.stop()
            if isinstance(self._clock, FileClock):
                self._tell(self._clock.trouble)
            self._clock = None
        if self._devices is not None:
            self._devices.close()

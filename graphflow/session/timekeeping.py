"""The bars and beats of a session: what an edit, a hand or another clock makes of them, and from which frame on."""

from __future__ import annotations

from dataclasses import replace

from graphflow.audio.engine import Engine
from graphflow.core.errors import UserError
from graphflow.core.patch import TRANSPORT
from graphflow.session.flow import Flow
from graphflow.session.transport import Transport


class Timekeeping:
    """The part of a session that counts beats. Use it from the session's thread."""

    engine: Engine
    transport: Transport
    _flow: Flow

    def _set_transport(self, tempo: float | None, beats_per_bar: int, frame: int = 0) -> None:
        if (tempo, beats_per_bar) != (self.transport.tempo, self.transport.beats_per_bar):
            now = self.engine.frame
            moved = self.transport.since(now).with_tempo(tempo, frame or now)
            self.transport = self._flow.transport = replace(moved, beats_per_bar=beats_per_bar)
            self._flow.stale()

    def follow(self, transport: Transport) -> None:
        """Take over bars and beats as somebody else counts them, such as a MIDI clock. The patch stays as it is."""
        self.transport = self._flow.transport = replace(transport, before=None)
        self._flow.stale()

    def tempo(self, bpm: float | None, frame: int = 0) -> None:
        """Go on at another tempo from here; None: at none. The patch stays as it is. Raises UserError.

        `frame` is one to come, or one that was reached just now (0: the engine's).
        """
        try:
            tempo = None if bpm is None else TRANSPORT["tempo"].parse(bpm)
            self._set_transport(tempo, self.transport.beats_per_bar, frame)
        except ValueError as error:
            raise UserError(f"transport.tempo {error}") from error

    def roll(self, yes: bool = True, frame: int = 0) -> None:
        """Let the beats go on from where they stand; not: let them stand still, and what counts beats wait.

        `frame` is one to come, or one that was reached just now (0: the engine's).
        """
        now = self.engine.frame
        if yes != self.transport.at(frame or now).running:
            rolling = self.transport.since(now).rolling(yes, frame or now)
            self.transport = self._flow.transport = rolling.since(now)
            self._flow.stale()

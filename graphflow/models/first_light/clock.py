"""The musical clock: which 16th note a chunk is, and exactly how many frames it lasts."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Transport:
    """A clock from outside: `beat` is what it shows at `frame`, both at the generator's rate."""

    tempo: float
    frame: float
    beat: float


@dataclass(frozen=True)
class Tick:
    """One 16th note. The chunk covers `frames`; the step itself begins `wait` frames into it."""

    step: int  # since the beginning, or since beat 0 of the transport
    frames: int
    wait: float
    length: float  # of a 16th, in frames and their fractions


@dataclass
class Clock:
    """Step boundaries lie at origin + n * length, never at a sum of rounded chunks, so tempo stays exact for hours."""

    rate: int
    origin: float = 0.0  # frame of step `first`
    first: int = 0
    tempo: float = 0.0  # bpm
    expected: int = 0  # frame at which the next chunk should start
    step: int = 0  # the next step

    def tick(self, frame: int, tempo: float, transport: Transport | None) -> Tick:
        """The chunk that starts at a frame. With a transport, steps land on its 16ths."""
        length = self.rate * 15.0 / tempo
        if transport is not None:
            place = (transport.beat + (frame - transport.frame) * transport.tempo / (60.0 * self.rate)) * 4.0
            step = round(place)
            start = frame + (step - place) * length
            self.origin, self.first = start, step
        else:
            if frame != self.expected:
                self.origin, self.first = float(frame), self.step
            elif tempo != self.tempo:
                self.origin, self.first = self.origin + (self.step - self.first) * self._length(), self.step
            step = self.step
            start = self.origin + (step - self.first) * length
        end = round(start + length)
        self.tempo, self.step, self.expected = tempo, step + 1, end
        return Tick(step, max(2, end - frame), max(0.0, start - frame), length)

    def _length(self) -> float:
        return self.rate * 15.0 / self.tempo if self.tempo else 0.0

    def facts(self) -> dict[str, object]:
        return asdict(self)

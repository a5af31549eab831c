"""Standard MIDI files read into notes on beats (the MIDI Association's RP-001), from bytes to data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

HEAD, TRACK = b"MThd", b"MTrk"
META, SYSEX, ESCAPE = 0xFF, 0xF0, 0xF7
SET_TEMPO, END_OF_TRACK = 0x51, 0x2F
LENGTHS = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
USUAL_TEMPO = 120.0


@dataclass(frozen=True)
class MidiNote:
    """A key at a beat; velocity 0 to 1, 0 lets go of it; channels count from 1."""

    beat: float
    pitch: int
    velocity: float
    channel: int


@dataclass(frozen=True)
class MidiSong:
    """All tracks of a file together, in order, letting go before striking at one beat.

    `length` in beats, `tempo` in bpm: the first that the file gives.
    """

    notes: tuple[MidiNote, ...]
    length: float
    tempo: float

    @classmethod
    def read(cls, data: bytes) -> MidiSong:
        """The song that a file's bytes hold. Raises ValueError whose text says what is wrong with it."""
        if data[:4] != HEAD or len(data) < 14:
            raise ValueError("is no MIDI file")
        division = int.from_bytes(data[12:14], "big")
        if division & 0x8000 or not division:
            raise ValueError("counts in film frames, not in beats")
        notes: list[MidiNote] = []
        tempos: list[tuple[int, float]] = []
        last = 0
        for track in _chunks(data, 8 + int.from_bytes(data[4:8], "big")):
            tick = 0
            for tick, status, body in _events(track):
                if status == META and body[0] == SET_TEMPO and len(body) == 4:
                    tempos.append((tick, 60_000_000.0 / max(int.from_bytes(body[1:], "big"), 1)))
                elif status & 0xF0 in (0x80, 0x90) and status < SYSEX:
                    velocity = body[1] / 127.0 if status >= 0x90 else 0.0
                    notes.append(MidiNote(tick / division, body[0], velocity, (status & 0x0F) + 1))
            last = max(last, tick)
        notes.sort(key=lambda note: (note.beat, note.velocity > 0.0))
        return cls(tuple(notes), last / division, min(tempos)[1] if tempos else USUAL_TEMPO)


def _chunks(data: bytes, at: int) -> Iterator[bytes]:
    """The tracks; other chunks are skipped, as the standard asks for."""
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        if data[at : at + 4] == TRACK:
            if at + 8 + size > len(data):
                raise ValueError("is cut off")
            yield data[at + 8 : at + 8 + size]
        at += 8 + size


def _events(track: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Tick, status and data of each event, up to the track's end."""
    at = tick = running = 0
    while at < len(track):
        wait, at = _number(track, at)
        tick += wait
        status = track[at] if at < len(track) else 0
        if status >= 0x80:
            at += 1
        else:
            status = running
        if status in (META, SYSEX, ESCAPE):
            kind = track[at : at + 1] if status == META else b""
            size, at = _number(track, at + len(kind))
            body = kind + track[at : at + size]
            at += size
        elif status & 0xF0 in LENGTHS and status < SYSEX:
            running, size = status, LENGTHS[status & 0xF0]
            body = track[at : at + size]
            at += size
            if any(value > 127 for value in body):
                raise ValueError("is damaged")
        else:
            raise ValueError("is damaged")
        if at > len(track):
            raise ValueError("is cut off")
        yield tick, status, body
        if status == META and body[:1] == bytes([END_OF_TRACK]):
            return


def _number(track: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where what follows begins."""
    value = 0
    for length in range(4):
        if at + length >= len(track):
            raise ValueError("is cut off")
        value = value << 7 | track[at + length] & 0x7F
        if track[at + length] < 0x80:
            return value, at + length + 1
    raise ValueError("is damaged")

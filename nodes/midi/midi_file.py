"""midi_file: the notes of a MIDI file, in time with the patch."""

import math
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

from graphflow import ControlNode, Held, MidiNote, MidiSong, Notes, Outlet, Setting, Switch

LOOK = 0.01
"""Seconds between two looks at the beats."""
AHEAD, AHEAD_FRAMES = 0.05, 1024
"""How far ahead notes are sent, each with its frame, so that none comes late: seconds, and frames more."""
SLACK = 0.03
"""Seconds for which notes count after a jump of the transport: it was a while ago that it jumped onto a beat."""
JUMP = 1.0
"""Beats that the transport may be off before it counts as a jump."""
LARGEST = 16_000_000
"""Bytes."""


def load(path: Path) -> MidiSong:
    """Read a file. Raises ValueError with what is wrong."""
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"is larger than {LARGEST // 1_000_000} MB")
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror or error})") from error
    return MidiSong.read(data)


class MidiFile(ControlNode):
    """Plays the notes of a MIDI file on the patch's beats, each on its frame.

    In a loop it keeps to the bars from beat 0 on, whenever it joins; its length is rounded up to whole bars. Without
    a tempo in the patch it keeps its own, the first one that is written in the file.
    """

    file = Setting("", "A MIDI file beside the patch.")
    notes = Outlet(Notes, "Its notes.")
    play = Switch(True, "Whether it plays; off lets go of its notes.")
    loop = Switch(True, "Whether it begins again at its end.")
    restart = Held(0.0, "Begins anew at the next bar whenever this goes up.", min=0.0, max=9999.0, step=1.0)
    channel = Held(0.0, "The channel that is played; 0 plays all.", min=0.0, max=16.0, step=1.0)
    transpose = Held(0.0, "How far its notes are moved.", "st", min=-48.0, max=48.0, step=1.0)
    velocity = Held(1.0, "How hard its notes are struck, beside how they are written.", min=0.0, max=2.0)

    async def run(self) -> None:
        self.notes.send(Notes())
        if not self.file:
            return
        try:
            song: MidiSong = await self.blocking(load, self.folder / self.file)
        except ValueError as error:
            self.report(f".file is {self.file!r}, which {error}")
            return
        self.begun, self.own, self.last, self.played = self.frame, song.tempo, 0, Notes()
        self.down: dict[tuple[int, int], int] = {}  # by channel and key of the file: the pitch that sounds
        restarted, had_tempo = self.restart, self.tempo
        done = self.beat_at(self.frame)
        origin = 0.0 if self.loop else self.next_bar(done)
        while True:
            now, ahead = self.beat_at(self.frame), self.frame + round(AHEAD * self.rate) + AHEAD_FRAMES
            if bool(had_tempo) != bool(self.tempo) or now > done + JUMP or self.beat_at(ahead) < done - JUMP:
                self.let_go()
                origin = 0.0 if self.loop else min(origin, now)
                done = now - SLACK * (self.tempo or self.own) / 60.0
            had_tempo = self.tempo
            if self.restart > restarted:
                self.let_go()
                origin = self.next_bar(done)
            restarted = self.restart
            if not self.play or (not self.tempo and not self.transport.running):
                self.let_go()
                done = now
            else:
                until = self.beat_at(ahead)
                if until > done:
                    for beat, event in self.between(song, done - origin, until - origin):
                        self.sound(event, self.frame_of(beat + origin))
                    done = until
                if self.tempo and until == self.beat_at(ahead - 1):  # from there on the beats stand still
                    self.let_go(self.frame_of(until - 1e-9))  # the beat itself is where they go on
                    done = until
            await self.sleep(LOOK)

    # --- beats ----------------------------------------------------------------------------------------------------

    @property
    def tempo(self) -> float | None:
        return self.transport.tempo

    def beat_at(self, frame: int) -> float:
        if self.tempo:
            return float(self.transport.beat_at(frame))
        return (frame - self.begun) / self.rate * self.own / 60.0

    def frame_of(self, beat: float) -> int:
        if self.tempo:
            return int(self.transport.frame_of(beat))
        return self.begun + round(beat * 60.0 / self.own * self.rate)

    def next_bar(self, beat: float) -> float:
        bar = self.transport.beats_per_bar
        return float(math.ceil(beat / bar - 1e-6) * bar)

    def between(self, song: MidiSong, begin: float, end: float) -> Iterator[tuple[float, MidiNote | None]]:
        """Events from a beat up to another, and at the end of every round None, which lets go of all."""
        bar = self.transport.beats_per_bar
        length = max(1, math.ceil(song.length / bar - 1e-3)) * bar
        beats = [event.beat for event in song.notes]
        first = max(math.floor(begin / length) - 1, 0)  # the end of a round may fall on the very beginning
        for turn in range(first, math.floor(end / length) + 1) if self.loop else (0,):
            start = turn * length
            for event in song.notes[bisect_left(beats, begin - start) : bisect_left(beats, end - start)]:
                yield start + event.beat, event
            if begin <= start + length < end:
                yield start + length, None

    # --- notes ----------------------------------------------------------------------------------------------------

    def sound(self, event: MidiNote | None, frame: int) -> None:
        """Strike or let go of one key."""
        if event is None:
            self.let_go(frame)
            return
        key, before = (event.channel, event.pitch), self.played
        if key in self.down:
            pitch = self.down.pop(key)
            if pitch not in self.down.values():
                self.played = self.played.released(pitch)
        pitch = event.pitch + round(self.transpose)
        velocity = min(event.velocity * self.velocity, 1.0)
        if velocity > 0.0 and round(self.channel) in (0, event.channel) and 0 <= pitch <= 127:
            self.down[key] = pitch
            self.played = self.played.struck(pitch, velocity)
        if self.played is not before:
            self.send(frame)

    def let_go(self, frame: int = 0) -> None:
        if self.down:
            self.down.clear()
            self.played = self.played.released(*(pitch for pitch, _ in self.played.held))
            self.send(frame)

    def send(self, frame: int) -> None:
        """What was sent ahead must not be overtaken by what counts at once."""
        self.last = max(frame or self.frame, self.last)
        self.notes.send(self.played, frame=self.last)

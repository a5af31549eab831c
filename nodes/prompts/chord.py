"""chord: notes held by name, for a generator to play in."""

import re

from graphflow import ControlNode, Held, Notes, Outlet, Switch, Text

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
NAME = re.compile(r"([A-Ga-g])([#♯b♭]{0,2})(-?\d)")
OCTAVE_OF_0 = -1  # MIDI pitch 0 is C-1, 60 is C4


def pitch_of(word: str) -> int | None:
    """The MIDI pitch of `C3`, `f#4`, `Bb2` or `60`; None where it is none."""
    if word.isascii() and word.isdecimal():
        pitch = int(word[:4])
    elif name := NAME.fullmatch(word):
        letter, signs, octave = name.groups()
        raised = sum(1 if sign in "#♯" else -1 for sign in signs)
        pitch = STEPS[letter.upper()] + raised + 12 * (int(octave) - OCTAVE_OF_0)
    else:
        return None
    return pitch if 0 <= pitch <= 127 else None


class Chord(ControlNode):
    """Holds the notes of a chord, and strikes them when they change.

    C4 is middle C, MIDI pitch 60.
    """

    notes = Outlet(Notes, "The notes that are held.")
    text = Text("C3 E3 G3", "The notes, by name and octave or as MIDI pitches.")
    velocity = Held(0.8, "How hard they are struck.", min=0.0, max=1.0)
    hold = Switch(True, "Whether they are held; off lets go of them.")
    strike = Held(0.0, "Strikes them again whenever this goes up.", min=0.0, max=9999.0, step=1.0)

    async def run(self) -> None:
        played, last, told = Notes(), self.strike, ""
        async for changed in self.changes():
            words = self.text.replace(",", " ").split()
            wrong = next((word for word in words if pitch_of(word) is None), "")
            if wrong and wrong != told:
                self.report(f".text has {wrong[:20]!r}; expected notes like C3, F#4 or Bb2, or MIDI pitches 0 to 127")
            told = wrong
            pitches = {pitch for word in words if (pitch := pitch_of(word)) is not None} if self.hold else set()
            again = bool(changed & {"text", "hold"}) or self.strike > last
            last = self.strike
            played = played.released(*(pitch for pitch, _ in played.held if pitch not in pitches))
            for pitch in sorted(pitches):
                struck = played.struck(pitch, self.velocity)
                played = struck if again else Notes(struck.held, played.strikes)
            self.notes.send(played)

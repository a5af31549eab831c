"""mono: the notes of one voice, as pitch, gate and velocity."""

from graphflow import ControlNode, Held, Inlet, Notes, Outlet, Signal, Switch

BENDING = 0.005
"""Seconds in which a wheel's steps are smoothed."""
RISE = 2.0
"""Frames in which a gate opens, after one in which it is closed."""


class Mono(ControlNode):
    """Turns notes into pitch, gate and velocity for oscillators and an envelope; the last key counts.

    A key that is let go of gives way to the one that was struck before it and is still held. Every stroke closes the
    gate for a frame and opens it, so that an envelope rises anew.
    """

    notes = Inlet(Notes, "The keys that are held.")
    glide = Held(0.0, "Time from one pitch to the next while keys overlap.", "s", min=0.0, max=5.0)
    legato = Switch(False, "Whether keys that overlap go on without opening the gate anew.")
    bend = Held(0.0, "How far the pitch is bent.", "st", min=-48.0, max=48.0)
    transpose = Held(0.0, "How far it is moved.", "st", min=-60.0, max=60.0)
    pitch = Outlet(Signal, "The pitch in Hz.")
    gate = Outlet(Signal, "Open, at 1, while a key is held, else 0.")
    velocity = Outlet(Signal, "How hard the key was struck, 0 to 1.")

    async def run(self) -> None:
        keys: dict[int, float] = {}  # held, in the order in which they were struck
        heard, last, top = Notes(), 0, 69
        self.pitch.send(self.hertz(top), glide=0.0)
        self.gate.send(0.0, glide=0.0)
        self.velocity.send(0.0, glide=0.0)
        async for arrivals in self.arrivals():
            messages = [(a.value, a.frame) for a in arrivals if a.what == "notes"]
            for notes, due in messages if arrivals else [(self.notes, 0)]:
                notes = notes or Notes()
                # what was sent ahead of its time must not be overtaken by what counts at once
                last = max(due, last)
                frame = last if last > self.frame else 0
                sounded, before = bool(keys), top
                struck = self.follow(keys, heard, notes)
                heard = notes
                top = next(reversed(keys), top)
                if struck:
                    self.velocity.send(keys[top], frame=frame, glide=0.0)
                if top != before:
                    self.pitch.send(self.hertz(top), frame=frame, glide=self.glide if sounded else 0.0)
                if struck and not (sounded and self.legato):
                    self.gate.send(0.0, frame=frame, glide=0.0)
                    self.gate.send(1.0, frame=frame, glide=RISE / self.rate)
                elif sounded and not keys:
                    self.gate.send(0.0, frame=frame, glide=0.0)
            if any(a.what in ("bend", "transpose") for a in arrivals):
                self.pitch.send(self.hertz(top), frame=last if last > self.frame else 0, glide=BENDING)

    def hertz(self, pitch: int) -> float:
        """The frequency of a key, bent and moved."""
        return float(440.0 * 2.0 ** ((pitch - 69 + self.bend + self.transpose) / 12.0))

    @staticmethod
    def follow(keys: dict[int, float], before: Notes, now: Notes) -> bool:
        """Bring the held keys from one message to the next; whether one of them was struck."""
        held, counts, old = dict(now.held), dict(now.strikes), dict(before.strikes)
        for pitch in [pitch for pitch in keys if pitch not in held]:
            del keys[pitch]
        struck = False
        for pitch, velocity in now.held:
            if pitch not in keys or counts.get(pitch, 0) > old.get(pitch, 0):
                keys.pop(pitch, None)
                keys[pitch] = velocity
                struck = True
        return struck

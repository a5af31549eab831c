"""midi_out: notes and a controller for a synth outside."""

from typing import Literal

from graphflow import ControlNode, Held, Inlet, Midi, Notes, Text


class MidiOut(ControlNode):
    """Plays notes on a MIDI device, and moves one of its controllers.

    Whatever it holds there is let go of when the node goes, is muted, or changes its device or channel.
    """

    notes = Inlet(Notes, "The keys to hold.")
    port = Text("", "Part of the device's name; without it every device is played.")
    channel = Held(1.0, "The channel.", min=1.0, max=16.0, step=1.0)
    cc = Held(1.0, "Which controller the value moves.", min=0.0, max=127.0, step=1.0)
    value = Held(0.0, "Where the controller stands; sent when it moves.", min=0.0, max=1.0)

    async def run(self) -> None:
        holds: dict[int, tuple[str, int]] = {}  # by pitch: where it was struck
        heard = Notes()
        try:
            async for arrivals in self.arrivals():
                for arrived in [a for a in arrivals if a.what != "cc"]:
                    if arrived.what == "value":
                        self.say("cc", round(self.cc), round(self.value * 127.0), arrived.frame)
                    elif arrived.what == "notes":
                        heard = self.play(holds, heard, arrived.value or Notes(), arrived.frame)
                    else:
                        self.release(holds, [*holds], arrived.frame)
                        heard = self.play(holds, Notes(), self.notes or Notes(), arrived.frame)
                if not arrivals:
                    heard = self.play(holds, heard, self.notes or Notes(), 0)
        finally:
            self.release(holds, [*holds], 0)

    def play(self, holds: dict[int, tuple[str, int]], before: Notes, now: Notes, frame: int) -> Notes:
        """Bring the device from one message to the next."""
        held, counts, old = dict(now.held), dict(now.strikes), dict(before.strikes)
        again = [pitch for pitch in held if counts.get(pitch, 0) > old.get(pitch, 0)]
        self.release(holds, [pitch for pitch in holds if pitch not in held or pitch in again], frame)
        for pitch, velocity in now.held:
            if pitch not in holds:
                holds[pitch] = self.port, round(self.channel)
                self.say("on", pitch, min(max(round(velocity * 127.0), 1), 127), frame)
        return now

    def release(self, holds: dict[int, tuple[str, int]], pitches: list[int], frame: int) -> None:
        for pitch in pitches:
            port, channel = holds.pop(pitch)
            self.tell("midi", Midi("off", channel, pitch, port=port), frame=frame)

    def say(self, what: Literal["on", "cc"], number: int, value: int, frame: int) -> None:
        self.tell("midi", Midi(what, round(self.channel), number, value, self.port), frame=frame)

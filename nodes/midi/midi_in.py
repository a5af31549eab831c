"""midi_in: what is played on a keyboard."""

from collections.abc import Callable

from graphflow import ControlNode, Held, Midi, Notes, Outlet, Signal, Switch, Text

MOD, PEDAL, SOUND_OFF, RESET, NOTES_OFF = 1, 64, 120, 121, 123
Key = tuple[str, int, int]
"""Device, channel, key."""
Which = Callable[[Key], bool]


class MidiIn(ControlNode):
    """Keys, wheels, pressure and pedal of MIDI keyboards.

    What is held is let go of when its device goes away, at panic, and when the node no longer hears it.
    """

    port = Text("", "Part of a device's name; without it every device is heard.")
    channel = Held(0.0, "The channel that is heard; 0 hears all.", min=0.0, max=16.0, step=1.0)
    bend_range = Held(2.0, "How far the pitch wheel bends.", "st", min=0.0, max=48.0)
    pedal = Switch(True, "Whether the hold pedal keeps keys sounding.")
    notes = Outlet(Notes, "The keys that are held.")
    bend = Outlet(Signal, "Where the pitch wheel bends to, in semitones.")
    mod = Outlet(Signal, "The modulation wheel, 0 to 1.")
    pressure = Outlet(Signal, "How hard held keys are pressed, 0 to 1.")

    async def run(self) -> None:
        self.played = Notes()
        self.down: dict[Key, float] = {}
        self.kept: dict[Key, float] = {}  # let go of, and kept by the pedal
        self.pedals: set[tuple[str, int]] = set()
        self.wheel = 0.0
        self.notes.send(self.played)
        for outlet in (self.bend, self.mod, self.pressure):
            outlet.send(0.0, glide=0.0)
        async for arrivals in self.arrivals("midi"):
            for arrived in arrivals:
                if arrived.what == "midi":
                    self.hear(arrived.value, arrived.frame)
                elif arrived.what == "bend_range":
                    self.bend.send(self.wheel * self.bend_range)
                else:
                    self.let_go(lambda key: not self.hears(key[0], key[1]))
                    if not self.pedal:
                        self.lift(lambda key: True)

    def hears(self, port: str, channel: int) -> bool:
        """Whether a device and its channel are meant."""
        return self.port.lower() in port.lower() and round(self.channel) in (0, channel)

    def hear(self, message: Midi, frame: int) -> None:
        if message.what == "all_off":
            self.let_go(lambda key: message.port in ("", key[0]) and message.channel in (0, key[1]), frame)
            return
        if not self.hears(message.port, message.channel):
            return
        key = message.port, message.channel, message.number
        if message.what == "on":
            self.kept.pop(key, None)
            self.down[key] = message.value / 127.0
            self.played = self.played.struck(message.number, message.value / 127.0)
            self.notes.send(self.played, frame=frame)
        elif message.what == "off" and key in self.down:
            velocity = self.down.pop(key)
            if key[:2] in self.pedals and self.pedal:
                self.kept[key] = velocity
            else:
                self.send(frame)
        elif message.what == "bend":
            self.wheel = message.value / (8191.0 if message.value > 0 else 8192.0)
            self.bend.send(self.wheel * self.bend_range, frame=frame)
        elif message.what in ("pressure", "key_pressure"):
            self.pressure.send(message.value / 127.0, frame=frame)
        elif message.what == "cc":
            self.turn(message, frame)

    def turn(self, message: Midi, frame: int) -> None:
        """A wheel, the pedal, or the order to be quiet."""
        end = message.port, message.channel
        if message.number == MOD:
            self.mod.send(message.value / 127.0, frame=frame)
        elif message.number == PEDAL:
            if message.value >= 64:
                self.pedals.add(end)
            else:
                self.pedals.discard(end)
                self.lift(lambda key: key[:2] == end, frame)
        elif message.number in (SOUND_OFF, NOTES_OFF):
            self.let_go(lambda key: key[:2] == end, frame)
        elif message.number == RESET:
            self.pedals.discard(end)
            self.lift(lambda key: key[:2] == end, frame)
            for outlet in (self.bend, self.mod, self.pressure):
                outlet.send(0.0, frame=frame)

    def lift(self, which: Which, frame: int = 0) -> None:
        """Let go of what only the pedal keeps."""
        self.kept = {key: velocity for key, velocity in self.kept.items() if not which(key)}
        self.send(frame)

    def let_go(self, which: Which, frame: int = 0) -> None:
        """Let go of keys as if by hand, whatever the pedal does."""
        self.down = {key: velocity for key, velocity in self.down.items() if not which(key)}
        self.pedals = {end for end in self.pedals if not which((*end, 0))}
        self.lift(which, frame)

    def send(self, frame: int) -> None:
        """Tell which keys are left."""
        sounding = {key[2] for key in (*self.down, *self.kept)}
        gone = [pitch for pitch, _ in self.played.held if pitch not in sounding]
        if gone:
            self.played = self.played.released(*gone)
            self.notes.send(self.played, frame=frame)

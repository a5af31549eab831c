"""osc_out: what the patch tells lights, another computer or another program."""

from graphflow import ControlNode, Held, Inlet, Notes, Osc, Setting, Text


class OscOut(ControlNode):
    """Sends numbers, words and notes to an OSC address.

    A number or words go to the address itself, a note to address/note, as pitch and velocity; velocity 0 lets go.
    """

    notes = Inlet(Notes, "Notes to be told as they are struck and let go of.")
    value = Held(0.0, "A number, sent when it changes.", min=-1_000_000.0, max=1_000_000.0)
    text = Text("", "Words, sent when they change.")
    to = Setting("127.0.0.1:9000", "Where it goes: a host and its port.")
    address = Setting("/graphflow", "The address it is sent to.")
    rate = Held(30.0, "How often numbers are sent at most; the last one always is.", "Hz", min=0.1, max=1000.0)

    async def run(self) -> None:
        heard = Notes()
        if fault := self.fault():
            self.report(fault)
            return
        try:
            async for arrivals in self.arrivals():
                if not arrivals:  # at the start, words and numbers that are written in the patch are news
                    if self.text:
                        self.say(self.text)
                    elif self.value:
                        self.say(self.value, hz=self.rate)
                    heard = self.play(heard, self.notes or Notes(), 0)
                for arrived in arrivals:
                    if arrived.what == "value":
                        self.say(self.value, hz=self.rate, frame=arrived.frame)
                    elif arrived.what == "text":
                        self.say(arrived.value, frame=arrived.frame)
                    elif arrived.what == "notes":
                        heard = self.play(heard, arrived.value or Notes(), arrived.frame)
        finally:
            self.play(heard, Notes(), 0)

    def fault(self) -> str:
        """What is wrong with where it is to go."""
        host, colon, port = str(self.to).rpartition(":")
        if not (host and colon and port.isdecimal() and 0 < int(port) < 65536):
            return f".to is {self.to!r}; expected a host and a port, like 127.0.0.1:9000"
        if not str(self.address).startswith("/"):
            return f".address is {self.address!r}; expected an address like /lights/1"
        return ""

    def play(self, before: Notes, now: Notes, frame: int) -> Notes:
        """Tell what was struck and let go of from one message to the next."""
        held, counts, old = dict(now.held), dict(now.strikes), dict(before.strikes)
        for pitch, _ in before.held:
            if pitch not in held:
                self.say(pitch, 0.0, frame=frame, below="/note")
        was = dict(before.held)
        for pitch, velocity in now.held:
            if pitch not in was or counts.get(pitch, 0) > old.get(pitch, 0):
                self.say(pitch, velocity, frame=frame, below="/note")
        return now

    def say(self, *arguments: float | str, hz: float = 0.0, frame: int = 0, below: str = "") -> None:
        self.tell("osc", Osc(f"{self.address}{below}", arguments, str(self.to), hz), frame=frame)

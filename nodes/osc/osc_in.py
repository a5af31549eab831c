"""osc_in: what a controller sends to an address of the patch's own."""

from typing import Any

from graphflow import ControlNode, Heard, Held, Outlet, Signal, Text


class OscIn(ControlNode):
    """Turns what comes to an OSC address into a signal and into words.

    Played with --osc. Addresses below /gf are graphflow's own and move params by themselves.
    """

    address = Heard("/fader1", "The address that is heard.")
    value = Outlet(Signal, "The number that came last, between low and high.")
    text = Outlet(Text, "The words that came last.")
    argument = Held(0.0, "Which of a message's arguments counts, from 0.", min=0.0, max=31.0, step=1.0)
    low = Held(0.0, "What a 0 becomes, in the unit of what it drives.", min=-20_000.0, max=20_000.0)
    high = Held(1.0, "What a 1 becomes, in the unit of what it drives.", min=-20_000.0, max=20_000.0)
    glide = Held(20.0, "How long a new number takes.", "ms", min=0.0, max=10_000.0)

    async def run(self) -> None:
        last = 0.0
        self.value.send(self.low, glide=0.0)
        async for arrivals in self.arrivals("osc"):
            for arrived in arrivals:
                if arrived.what in ("low", "high"):
                    self.send(last, 0)
                elif arrived.what == "osc" and arrived.value.address == self.address:
                    heard = self.chosen(arrived.value.arguments)
                    if isinstance(heard, str):
                        self.text.send(heard, frame=arrived.frame)
                    elif isinstance(heard, (int, float)) and abs(heard) < 1e9:  # nan and infinity are not
                        last = float(heard)
                        self.send(last, arrived.frame)

    def chosen(self, arguments: tuple[Any, ...]) -> Any:
        """The argument that counts; a message without arguments is a bang, which is a 1."""
        if not arguments:
            return 1.0
        return arguments[round(self.argument)] if self.argument < len(arguments) else None

    def send(self, heard: float, frame: int) -> None:
        self.value.send(self.low + heard * (self.high - self.low), frame=frame, glide=self.glide / 1000.0)

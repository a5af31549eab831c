"""prompt_crossfade: from one style to another."""

from graphflow import ControlNode, Held, Inlet, Outlet, Style


class PromptCrossfade(ControlNode):
    """Goes from one style to another, through all that lies between.

    The weights are linear and add up to 1: a generator takes the weighted mean of its styles, so a position of 0.25
    is a quarter of the way. (Sounds are crossfaded with equal power because their powers add; meanings do not.)
    """

    a = Inlet(Style, "The style at 0.")
    b = Inlet(Style, "The style at 1.")
    position = Held(0.0, "How far from a to b.", min=0.0, max=1.0)
    style = Outlet(Style, "The two, mixed.")

    async def run(self) -> None:
        async for _ in self.changes():
            ends = ((self.a, 1.0 - self.position), (self.b, self.position))
            self.style.send(Style.merged(style.scaled(weight) for style, weight in ends if style is not None))

"""prompt: words that steer."""

from graphflow import ControlNode, Held, Outlet, Style, Text


class Prompt(ControlNode):
    """Words that steer a generator, sent whenever they change."""

    text = Text("warm electric piano, dusty drums", "What to play.")
    weight = Held(1.0, "How much the words count.", min=0.0, max=2.0)
    style = Outlet(Style, "The words and their weight.")

    async def run(self) -> None:
        async for _ in self.changes():
            self.style.send(Style.of(self.text, self.weight))

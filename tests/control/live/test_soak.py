"""Edits at random, right and wrong, for a long time: a tone beside them is never touched, and nothing is left over."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.control.live.stages import TEMPO, Trial

TIDE = TEMPO.replace("steady", "tide")
"""What else plays is 0 all the time: all that is heard is the tide."""


def entry(rng: random.Random, nodes: list[str]) -> str:
    """One line, as likely wrong as right."""
    name, other = f"n{rng.randrange(12)}", rng.choice(nodes)
    kind = rng.choice(["calm(value=0.0)", "calm()", "rest()", "words()", "mood()", "stedy()"])
    return rng.choice(
        [
            f"{name} = {kind}",
            f"{name} = {kind}\n{name} >> out",
            f"{name} >> {other}",
            f"{name} >> {other}.value",
            f"{other}.value << rest()",
            f"{kind} >> out",
            f"{name}.value = {rng.choice(['0.0', '0.0', '7', 'None', repr('x')])}",
            f"{name}.text = 'rain'\n{name}.valu = 1",
            f"del {other}",
            f"cut({other}, out)",
            f"cut({other})",
            f"rename({other}, '{name}')",
            "undo()",
            "redo()",
            "undo(3)",
            f"tempo = {rng.choice([90, 120, 7])}",
            f"at('beat', fade={rng.choice([0, 5, 50])})\n{name} = {kind}",
            f"every({rng.choice(['0.05', '1 * beat'])}, lambda: nodes['{name}'](value=0.0), name='{name}')",
            f"after(0.02, lambda: {name} >> out)",
            f"@loop\nasync def l{rng.randrange(3)}():\n    {name}.value = 0.0\n    await sleep({rng.choice(['0.03', '0'])})",
            "stop()",
            f"scenes.s = {{'{name}.value': 0.0}}",
            "scene('s', 0.01)",
            "x = [",
            f"{name}?",
            "1 / 0",
        ]
    )


def perform(t: Trial, entries: int, seed: int) -> tuple[int, int]:
    """How many were right and wrong."""
    rng = random.Random(seed)
    t.hear(512)
    right = wrong = 0
    for _ in range(entries):
        before = t.session.patch
        nodes = [name for name in before.nodes if name not in ("a", "out")] or ["n0"]
        source = entry(rng, nodes)
        outcome = t.stage.run(source)
        assert outcome.ok or t.session.patch == before, source
        assert outcome.ok or "\n" not in outcome.text, source
        right, wrong = right + outcome.ok, wrong + (not outcome.ok)
        first = t.session.engine.frame
        frames = rng.choice([64, 128, 500, 1500])
        tide = np.arange(first, first + frames) % 65536 / 65536
        assert np.array_equal(t.hear(frames)[:, 0], tide), source
    t.does("stop()\nfor n in list(nodes):\n    if n not in ('a', 'out'): del nodes[n]")
    t.hear(96_000)
    assert list(t.session._parts.instances) == ["a", "out"]
    assert t.session.engine.settled
    assert t.stage.events.named == {}
    return right, wrong


def test_edits_at_random(trial):
    right, wrong = perform(trial(TIDE), 250, seed=1)
    assert right > 60 and wrong > 60


@pytest.mark.slow
def test_two_thousand_edits_at_random(trial):
    right, wrong = perform(trial(TIDE), 2000, seed=2)
    assert right > 500 and wrong > 500

"""How a long piece is laid out: phrases of 16 bars, each of four sections, with fills where phrases turn.

The composer writes training music along such plans and the generator plays along them, so that an hour of
music has intros, builds, drops and breaks.
"""

from __future__ import annotations

from dataclasses import dataclass

STEPS_PER_BAR = 16
BARS_PER_SECTION = 4
BARS_PER_PHRASE = 16

SECTIONS = ("intro", "main", "lift", "build", "drop", "break")
INTRO, MAIN, LIFT, BUILD, DROP, BREAK = range(len(SECTIONS))
FILLS = 3  # none, small (the last half bar of a section), large (the last bar of 8)

_FAMILY_OF = {
    "ambient": "drift",
    "techno": "club",
    "house": "club",
    "dnb": "club",
    "lofi": "song",
    "jazz": "song",
    "chiptune": "song",
    "synthwave": "club",
    "trap": "club",
    "orchestral": "song",
    "funk": "song",
    "piano": "drift",
}

_FIRST = {
    "club": ((INTRO, MAIN, MAIN, BUILD), (INTRO, MAIN, LIFT, BUILD)),
    "song": ((INTRO, MAIN, MAIN, LIFT), (INTRO, MAIN, LIFT, BUILD)),
    "drift": ((INTRO, MAIN, MAIN, LIFT), (INTRO, MAIN, LIFT, BREAK)),
}
_LATER = {
    "club": (
        (DROP, DROP, BREAK, BUILD),
        (DROP, LIFT, MAIN, BUILD),
        (DROP, MAIN, BREAK, BUILD),
        (MAIN, LIFT, DROP, BREAK),
        (MAIN, MAIN, LIFT, BUILD),
    ),
    "song": (
        (MAIN, MAIN, LIFT, LIFT),
        (MAIN, LIFT, BREAK, MAIN),
        (LIFT, MAIN, BREAK, BUILD),
        (DROP, LIFT, MAIN, BREAK),
        (MAIN, LIFT, MAIN, BUILD),
    ),
    "drift": (
        (MAIN, LIFT, MAIN, BREAK),
        (LIFT, MAIN, BREAK, MAIN),
        (MAIN, MAIN, LIFT, BREAK),
        (BREAK, MAIN, LIFT, LIFT),
    ),
}


@dataclass(frozen=True)
class Moment:
    """Where a step stands in the form."""

    step: int  # in the bar, 0 to 15
    bar: int  # in the phrase, 0 to 15
    section: int
    fill: int


def plan(phrase: int, genre: str, draw: float) -> tuple[int, ...]:
    """The four sections of a phrase; draw is a number from 0 to below 1 that chooses among the plans."""
    plans = (_FIRST if phrase == 0 else _LATER)[_FAMILY_OF[genre]]
    return plans[int(draw * len(plans))]


def moment(bar: int, step: int, sections: tuple[int, ...], steps_per_bar: int = STEPS_PER_BAR) -> Moment:
    """The place of one step; bar counts from the start of the phrase."""
    section = sections[bar // BARS_PER_SECTION]
    left = steps_per_bar - step
    fill = 0
    if bar % 8 == 7 and left <= 16:
        fill = 2
    elif bar % 4 == 3 and left <= 8:
        fill = 1
    return Moment(step % STEPS_PER_BAR, bar, section, fill)

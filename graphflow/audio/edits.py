"""Edits: from what plays to what should, in stages, each a plan handed to the audio thread.

A fade is one plan that holds both sides, then a clean one; `out-in` is the old side on its way out, the new on its
way in, then a clean one. An edit that comes during a fade waits for its end; several that wait become one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from graphflow.audio import runner
from graphflow.audio.bind import Bound, Late, Line
from graphflow.audio.instance import Instance
from graphflow.audio.journal import Diary
from graphflow.audio.layout import ENGINE, PLAN
from graphflow.core.crossfade import coming, crossfaded, going, was
from graphflow.core.plan import DEVICE, Fade, Link, Plan, Unit
from graphflow.core.planner import plan
from graphflow.core.routing import in_loops, widths
from graphflow.core.tails import ringing, ringing_links

MAX_BLOCK = 1024
"""The longest block a plan is run for; a longer callback is split."""
FadeMode = Literal["cross", "out-in"]


@dataclass(frozen=True)
class Score:
    """Instances and aligned links that should be playing."""

    instances: Mapping[str, Instance] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    latency: int = 0


@dataclass(frozen=True)
class Edit:
    """A score to go over to, at the first frame from `at_frame` on.

    `inherits` maps new instances to those whose state they begin with, as it is when the new ones begin to play.
    """

    score: Score
    fade_frames: int = 0
    at_frame: int = 0
    mode: FadeMode = "cross"
    inherits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Stage:
    """One plan on the way. `reshaped` instances begin it with new memory and their old state, some `beside` the old;
    those that inherit begin it with another's.
    """

    score: Score
    links: list[tuple[Link, Fade]]
    width: Mapping[str, int]
    fade_frames: int = 0
    reshaped: frozenset[str] = frozenset()
    beside: bool = False
    inherits: Mapping[str, str] = field(default_factory=dict)


class Edits:
    """Takes the audio thread from score to score. `release` is called with each instance that has gone for good."""

    def __init__(self, words: NDArray[np.int64], rate: float, release: Callable[[Instance], None]) -> None:
        self._words, self._rate, self._release = words, rate, release
        self.playing = Score()
        self._wanted = Edit(Score())
        self._waiting: Edit | None = None
        self._target: Score | None = None
        self._stages: list[_Stage] = []
        self._first = False
        self._rings: dict[str, int] = {}
        self._width: dict[str, int] = {}
        self._known: dict[str, Instance] = {}
        self._inherits: dict[str, str] = {}
        self._lines: dict[Late, Line] = {}
        self._undo: list[Callable[[], None]] = []
        self._leaving: list[tuple[int, Bound]] = []
        self._number = 0
        self.diary: Diary | None = None
        self._next: Bound | None = None
        self.bound = Bound(Plan((), (1,)), {}, self._lines, rate=rate, max_block=MAX_BLOCK)
        words[ENGINE.PLAN] = self.bound.address

    @property
    def score(self) -> Score:
        """What plays or is about to."""
        return self._target or self.playing

    @property
    def settled(self) -> bool:
        """True when no edit waits and no fade runs; tails may still ring."""
        return self._waiting is None and self._target is None

    @property
    def rings(self) -> tuple[str, ...]:
        """Instances that were removed and ring on."""
        return tuple(self._rings)

    def play(self, edit: Edit) -> None:
        """Go over to another score as soon as may be, but not before any frame that was asked for."""
        self._known.update(edit.score.instances)
        self._inherits.update(edit.inherits)
        earlier = [self._waiting.at_frame] if self._waiting else []
        if self._takes_back():
            earlier.append(self._wanted.at_frame)
        self._waiting = replace(edit, at_frame=max([edit.at_frame, *earlier]))
        self.poll()

    def poll(self) -> None:
        """Go on: begin what waits, end fades and tails, free old plans. To be called every few blocks."""
        if not self._take_over():
            return
        if self._stages:
            if self.bound.faded:
                self._hand_over(self._stages.pop(0), 0)
        elif self._waiting is not None:
            self._wanted, self._waiting = self._waiting, None
            self._begin(self._wanted)
        elif self._rings and min(self._rings.values()) <= int(self._words[ENGINE.FRAME]):
            self._begin(
                replace(self._wanted, at_frame=0, fade_frames=self._wanted.fade_frames or round(0.02 * self._rate))
            )

    def repeat(self, edit: Edit | None, now: int = 0) -> None:
        """For a replay, in place of `play` and `poll`: hand over the plan that is to be taken at the next block.

        An edit's first, begun when the engine was at frame `now`; without an edit the next of the one before.
        """
        self._take_over()
        if edit is None:
            if self._stages:
                self._hand_over(self._stages.pop(0), 0)
            return
        self._known.update(edit.score.instances)
        self._inherits.update(edit.inherits)
        self._wanted = edit
        self._begin(edit, now)

    def _take_over(self) -> bool:
        """See whether the audio thread has taken what was handed over; then it is what plays, or on its way there."""
        blocks = int(self._words[ENGINE.BLOCKS])
        self._leaving = [(epoch, bound) for epoch, bound in self._leaving if blocks < epoch + 2]
        if self._next is None:
            return True
        if self._words[ENGINE.NEXT]:
            return False
        self._leaving.append((blocks, self.bound))
        self.bound, self._next, self._undo = self._next, None, []
        if not self._stages:
            self._arrive()
        return True

    def _begin(self, edit: Edit, now: int | None = None) -> None:
        """Lay out the stages that lead to a score, and hand over the first."""
        now = int(self._words[ENGINE.FRAME]) if now is None else now
        old, rings, lines = self.playing, self._rings, dict(self._lines)
        self._undo += [lambda: setattr(self, "_rings", rings), lambda: setattr(self, "_lines", lines)]
        inherits = self._heirs(edit.score)
        if (diary := self.diary) is not None:
            fade = edit.fade_frames if self._words[ENGINE.BLOCKS] > 0 else 0
            diary.edit(replace(edit, inherits=inherits, fade_frames=fade), now, self._number + 1)
        new = self._target = self._with_tails(edit, set(inherits.values()), now)
        wide = widths(units(new), new.links)
        for key, instance in new.instances.items():
            if key not in old.instances and wide[key] > instance.channels:
                instance.make_states(wide[key])
        staying = {key for key in new.instances if key in old.instances}
        heard = {*new.instances, DEVICE}
        reshaped = {k for k in staying if new.instances[k].spec.room == "audio" and wide[k] != self._width[k]}
        self._stages = [_Stage(new, [(k, "") for k in new.links], wide)]
        # before the first block there is nothing to fade from
        fading = edit.fade_frames > 0 and self._words[ENGINE.BLOCKS] > 0
        if not fading or not any(fade for _, fade in crossfaded(old.links, new.links, heard, reshaped)):
            self._stages[0] = replace(self._stages[0], reshaped=frozenset(reshaped), inherits=inherits)
        else:
            twice = reshaped | (staying & in_loops({**units(old), **units(new)}, [*old.links, *new.links]))
            if edit.mode == "cross" and all(plays_twice(new.instances[k]) for k in twice):
                both = Score({**old.instances, **new.instances})
                links = crossfaded(old.links, new.links, heard, twice, inherits)
                width = {**self._width, **wide, **{was(k): self._width[k] for k in twice}}
                self._stages.insert(0, _Stage(both, links, width, edit.fade_frames, frozenset(twice), True, inherits))
            else:
                out = going(old.links, new.links, heard, reshaped)
                into = coming(old.links, new.links, reshaped, inherits)
                self._stages.insert(0, _Stage(old, out, self._width, edit.fade_frames))
                into_frames = edit.fade_frames
                self._stages.insert(1, _Stage(new, into, wide, into_frames, frozenset(reshaped), inherits=inherits))
        self._hand_over(self._stages.pop(0), edit.at_frame, first=True)

    def _heirs(self, score: Score) -> dict[str, str]:
        """Which of a score's new instances begin with the state of one that plays; those between never played."""
        playing, found = self.playing.instances, {}
        for key in [key for key in score.instances if key not in playing]:
            source = self._inherits.get(key)
            while source is not None and source not in playing:
                source = self._inherits.get(source)
            if source is not None:
                found[key] = source
        return found

    def _with_tails(self, edit: Edit, inherited: Collection[str], now: int) -> Score:
        """The score and what rings on beside it; an instance whose state is inherited does not, its heir rings."""
        if edit.fade_frames <= 0:
            self._rings = {}
            return edit.score
        old, staying = self.playing, set(edit.score.instances)
        left = {key: unit for key, unit in units(old).items() if key not in inherited}
        wires = [k for k in old.links if k.source not in inherited and k.dest not in inherited]
        start = max(edit.at_frame, now)
        self._rings = ringing(left, wires, staying, self._rings, start, self._rate)
        links = ringing_links(left, wires, staying, self._rings)
        rings = {key: old.instances[key] for key in self._rings}
        return replace(edit.score, instances={**edit.score.instances, **rings}, links=(*edit.score.links, *links))

    def _hand_over(self, stage: _Stage, at_frame: int, first: bool = False) -> None:
        before = self._reshape(stage)
        instances = {**before, **stage.score.instances}
        playing = instances if stage.beside else stage.score.instances
        instances = {**{old: self._known[old] for old in stage.inherits.values()}, **instances}
        made = plan(
            {key: Unit(key, instance.spec) for key, instance in playing.items()},
            stage.links,
            width={key: stage.width[key] for key in playing},
            copies={**{key: was(key) for key in sorted(stage.reshaped)}, **stage.inherits},
        )
        fade = stage.fade_frames
        self._next = Bound(made, instances, self._lines, rate=self._rate, max_block=MAX_BLOCK, fade_frames=fade)
        self._first = first
        self._number += 1
        self._next.header[PLAN.NUMBER] = self._number
        self._words[ENGINE.NEXT_FRAME] = at_frame
        self._words[ENGINE.NEXT] = self._next.address

    def _reshape(self, stage: _Stage) -> dict[str, Instance]:
        """Give instances new memory; answers them as they were, under their marked keys."""
        before = {}
        for key in sorted(stage.reshaped):
            instance = stage.score.instances[key]
            old = before[was(key)] = instance.before()
            instance.make_states(stage.width[key])
            self._rename_lines(key, was(key))
            self._undo.append(partial(self._restore, instance, old))
        return before

    def _restore(self, instance: Instance, old: Instance) -> None:
        instance.states, instance.channels, instance.played = old.states, old.channels, old.played

    def _rename_lines(self, key: str, name: str) -> None:
        for late in [late for late in self._lines if late[0] == key]:
            self._lines[name, late[1], late[2]] = self._lines.pop(late)

    def _takes_back(self) -> bool:
        """Withdraw an edit of which the audio thread has taken nothing; False when there is none."""
        if self._next is None or not self._first or not runner.take_back.ctypes(int(self._words.ctypes.data)):
            return False
        for undo in reversed(self._undo):
            undo()
        self._next, self._target, self._stages, self._undo = None, None, [], []
        return True

    def _arrive(self) -> None:
        """The score is what plays; what is no longer part of any goes."""
        self.playing, self._target = self.score, None
        self._width = widths(units(self.playing), self.playing.links)
        alive = {*self.playing.instances, *(self._waiting.score.instances if self._waiting else ())}
        for key in [key for key in self._known if key not in alive]:
            self._release(self._known.pop(key))
        if self._waiting is None:
            self._inherits.clear()
        ports = {(k.source, k.outlet, k.delay) for k in self.playing.links}
        self._lines = {late: line for late, line in self._lines.items() if late in ports}


def units(score: Score) -> dict[str, Unit]:
    """The instances of a score as plans know them."""
    return {key: Unit(key, instance.spec) for key, instance in score.instances.items()}


def plays_twice(instance: Instance) -> bool:
    """Can the node be played beside itself as it was? Not when it has a life outside the plan."""
    spec = instance.spec
    return spec.room == "audio" and bool(spec.cls.native) and not spec.tapes  # type: ignore[attr-defined]

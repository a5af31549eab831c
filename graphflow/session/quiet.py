"""Notes of muted nodes: let go of when a node is muted, and what it strikes meanwhile is never heard of."""

from __future__ import annotations

from collections.abc import Mapping

from graphflow.core.messages import Notes

Outlet = tuple[str, str]
"""A node and its outlet."""


class Quiet:
    """What is heard of the notes that outlets send."""

    def __init__(self) -> None:
        self.muted: frozenset[str] = frozenset()
        self._left: dict[Outlet, Notes] = {}  # what is heard of a muted one: nothing held, and its strokes till then
        self._missed: dict[Outlet, dict[int, int]] = {}

    def mute(self, names: frozenset[str], last: Mapping[Outlet, object]) -> list[Outlet]:
        """These are muted from now on; the outlets of which something else is heard. `last`: what each has sent."""
        sent = {end: notes for end, notes in last.items() if isinstance(notes, Notes)}
        gone = [end for end in sent if end[0] in names - self.muted]
        back = [end for end in sent if end[0] in self.muted - names]
        for end in gone:
            notes = self.heard(end, sent[end])
            self._left[end] = notes.released(*(pitch for pitch, _ in notes.held))
        for end in back:
            before = dict(self._left.pop(end, Notes()).strikes)
            self._missed[end] = {pitch: count - before.get(pitch, 0) for pitch, count in sent[end].strikes}
        self.muted = names
        return gone + back

    def heard(self, end: Outlet, notes: Notes) -> Notes:
        """What is heard of notes that an outlet has sent."""
        if end[0] in self.muted:
            return self._left.get(end, Notes())
        if missed := self._missed.get(end):
            counts = ((pitch, count - missed.get(pitch, 0)) for pitch, count in notes.strikes)
            return Notes(notes.held, tuple((pitch, count) for pitch, count in counts if count))
        return notes

    def forget(self, node: str) -> None:
        """A node of this name begins anew."""
        self._left = {end: notes for end, notes in self._left.items() if end[0] != node}
        self._missed = {end: missed for end, missed in self._missed.items() if end[0] != node}

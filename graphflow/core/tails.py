"""Which removed nodes ring on, and how long: those with a tail, and what carries their sound to where it is heard."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from graphflow.core.plan import DEVICE, Link, Unit
from graphflow.core.routing import audio_links, order


def ringing(
    units: Mapping[str, Unit],
    links: Iterable[Link],
    staying: Collection[str],
    ends: Mapping[str, int],
    start: int,
    rate: float,
) -> dict[str, int]:
    """The removed instances that play on, and to which frame.

    `units` and `links` are what plays; `staying` is what does not go away; `ends` are the frames of those that ring
    already; `start` is the frame of the edit.
    """
    if all(key in staying for key in units):
        return {}
    wires = audio_links(units, links)
    into: dict[str, list[Link]] = {}
    for link in wires:
        into.setdefault(link.dest, []).append(link)
    until: dict[str, int] = {}
    for key, part in order(units, links):
        if key in staying or units[key].spec.room != "audio" or part == "send":
            continue
        own = ends.get(key, start + round(units[key].spec.cls.tail * rate))  # type: ignore[attr-defined]
        fed = [until[k.source] for k in into.get(key, ()) if k.source in until]
        until[key] = max([own, *fed])
    heard = {key: frame for key, frame in until.items() if frame > start}
    while True:
        ends_somewhere = {k.source for k in wires if k.dest == DEVICE or k.dest in staying or k.dest in heard}
        kept = {key: frame for key, frame in heard.items() if key in ends_somewhere}
        if len(kept) == len(heard):
            return kept
        heard = kept


def ringing_links(
    units: Mapping[str, Unit], links: Iterable[Link], staying: Collection[str], rings: Collection[str]
) -> list[Link]:
    """The wires out of what rings on: to each other, to what stays, and to the device."""
    wires = audio_links(units, links) if rings else []
    return [k for k in wires if k.source in rings and (k.dest == DEVICE or k.dest in staying or k.dest in rings)]

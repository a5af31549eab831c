"""Two changes of one patch brought together, and the places where they disagree."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from graphflow.core.merge import merge
from graphflow.core.patch import EngineSettings, Expose, Patch, Transport

BASE = (
    Patch(title="Night")
    .with_node("a", "tone", freq=110.0)
    .with_node("hall", "reverb", mix=0.3, size=0.5)
    .with_node("out", "output")
    .with_wires("a -> hall -> out")
)


def both(ours: Patch, theirs: Patch, base: Patch = BASE) -> tuple[Patch, list[str]]:
    return merge(base, ours, theirs)


def test_nothing_changed_is_nothing_to_merge() -> None:
    assert both(BASE, BASE) == (BASE, [])


def test_what_only_one_has_changed_counts() -> None:
    changed = BASE.with_value("hall", "mix", 0.9).with_node("b", "tone").with_wires("b -> hall")
    assert both(changed, BASE) == (changed, [])
    assert both(BASE, changed) == (changed, [])


def test_the_same_change_of_both_is_no_conflict() -> None:
    changed = BASE.with_value("hall", "mix", 0.9).with_wires("a -> out").without_node("a")
    assert both(changed, changed) == (changed, [])


def test_changes_in_different_places_are_both_made() -> None:
    merged, lines = both(
        BASE.with_value("hall", "mix", 0.9).with_node("b", "tone"),
        BASE.with_value("hall", "size", 0.1).with_node("c", "tone"),
    )
    assert lines == []
    assert merged.nodes["hall"].values == {"mix": 0.9, "size": 0.1}
    assert list(merged.nodes) == ["a", "hall", "out", "b", "c"]


def test_where_both_changed_a_value_the_file_counts_and_it_is_told() -> None:
    merged, lines = both(BASE.with_value("hall", "mix", 0.9), BASE.with_value("hall", "mix", 0.1))
    assert merged.nodes["hall"].values["mix"] == 0.1
    assert lines == ["nodes.hall.mix: the file has 0.1, live it was 0.9; the file counts"]


def test_a_value_that_one_takes_out_and_the_other_changes() -> None:
    merged, lines = both(BASE.with_value("hall", "mix", 0.9), BASE.with_value("hall", "mix", None))
    assert "mix" not in merged.nodes["hall"].values
    assert lines == ["nodes.hall.mix: the file has nothing, live it was 0.9; the file counts"]


def test_names_of_the_two_can_be_given() -> None:
    _, lines = merge(
        BASE, BASE.with_value("a", "freq", 1.0), BASE.with_value("a", "freq", 2.0), who="this edit", we="meanwhile"
    )
    assert lines == ["nodes.a.freq: this edit has 2.0, meanwhile it was 1.0; this edit counts"]


@pytest.mark.parametrize("turned", [False, True])
def test_a_node_that_one_takes_out_and_the_other_leaves_alone_goes(turned: bool) -> None:
    less, more = BASE.without_node("hall"), BASE.with_value("a", "freq", 220.0)
    merged, lines = both(more, less) if turned else both(less, more)
    assert lines == []
    assert list(merged.nodes) == ["a", "out"]
    assert merged.nodes["a"].values == {"freq": 220.0}
    assert merged.wires == ()


def test_a_node_that_is_gone_live_stays_away_and_what_the_file_does_with_it_is_told() -> None:
    merged, lines = both(BASE.without_node("hall"), BASE.with_value("hall", "mix", 0.9).with_wires("hall -> a.freq"))
    assert "hall" not in merged.nodes
    assert merged.wires == ()
    assert lines == [
        "nodes.hall: the file has changed it, live it is gone; it stays away",
        'wires: "hall -> a.freq" is left out, as hall is gone',
    ]


def test_a_node_that_the_file_takes_out_goes_and_what_was_done_with_it_live_is_told() -> None:
    merged, lines = both(BASE.with_value("hall", "mix", 0.9), BASE.without_node("hall"))
    assert "hall" not in merged.nodes
    assert lines == ["nodes.hall: the file has taken it out, live it was changed; it is gone"]


def test_a_name_that_nobody_ever_had_is_left_for_the_check_to_find() -> None:
    merged, lines = both(
        BASE.with_value("hall", "mix", 0.9),
        replace(BASE.with_wires("a -> hull"), scenes={"night": {"hull.mix": 0.5}}),
    )
    assert lines == []
    assert "a -> hull" in merged.wires
    assert merged.scenes == {"night": {"hull.mix": 0.5}}


def test_values_stay_with_the_kind_they_are_of() -> None:
    live = BASE.with_node("hall", "delay", time=0.2)
    merged, lines = both(live, BASE.with_value("hall", "mix", 0.9))
    assert merged == live
    assert lines == ["nodes.hall: the file has changed it, live it is a delay; it stays one"]
    assert both(live, BASE.with_value("a", "freq", 220.0)) == (live.with_value("a", "freq", 220.0), [])


def test_another_kind_in_the_file_takes_the_place_of_what_was_done_live() -> None:
    file = BASE.with_node("hall", "delay", time=0.2)
    merged, lines = both(BASE.with_value("hall", "mix", 0.9), file)
    assert merged.nodes["hall"] == file.nodes["hall"]
    assert lines == ["nodes.hall: live it was changed, the file has another kind; the file counts"]


def test_two_new_nodes_of_one_name() -> None:
    merged, lines = both(BASE.with_node("b", "delay", time=0.2), BASE.with_node("b", "reverb", mix=0.1))
    assert (merged.nodes["b"].kind, merged.nodes["b"].values) == ("reverb", {"mix": 0.1})
    assert lines == ["nodes.b.kind: the file has 'reverb', live it was 'delay'; the file counts"]


def test_wires_come_and_go_hop_by_hop_and_our_text_stays() -> None:
    live = replace(BASE, wires=("a -> hall", "hall -> out", "a -> out"))
    merged, lines = both(live, replace(BASE, wires=("a -> hall -> out", "hall -> a.freq")))
    assert (merged.wires, lines) == (("a -> hall", "hall -> out", "a -> out", "hall -> a.freq"), [])
    merged, _ = both(live, replace(BASE, wires=("a -> hall",)))
    assert merged.wires == ("a -> hall", "a -> out")
    merged, _ = both(BASE.with_wires("a -> out"), replace(BASE, wires=("hall -> out",)))
    assert merged.wires == ("hall -> out", "a -> out")


def test_a_wire_that_both_put_in_is_there_once() -> None:
    merged, lines = both(BASE.with_wires("a -> out"), BASE.with_wires("a -> out"))
    assert (merged.wires, lines) == (("a -> hall -> out", "a -> out"), [])


def test_transport_engine_and_title_go_key_by_key() -> None:
    ours = replace(BASE, title="Mine", transport=Transport(tempo=90.0))
    theirs = replace(BASE, engine=EngineSettings(fade=50.0), transport=Transport(tempo=100.0, beats_per_bar=3))
    merged, lines = both(ours, theirs)
    assert (merged.title, merged.engine.fade) == ("Mine", 50.0)
    assert (merged.transport.tempo, merged.transport.beats_per_bar) == (100.0, 3)
    assert lines == ["transport.tempo: the file has 100.0, live it was 90.0; the file counts"]


def test_scenes_and_macros_lose_what_points_at_a_node_that_is_gone() -> None:
    scenes = {"night": {"hall.mix": 0.9, "a.freq": 55.0}}
    expose = {"warm": Expose(("hall.mix", "a.freq")), "wet": Expose(("hall.mix",))}
    base = replace(BASE, scenes=scenes, expose=expose)
    merged, lines = both(base.without_node("hall"), base.with_value("a", "freq", 220.0), base)
    assert merged.scenes == {"night": {"a.freq": 55.0}}
    assert merged.expose == {"warm": Expose(("a.freq",))}
    assert lines == []


def test_scenes_come_and_go() -> None:
    base = replace(BASE, scenes={"night": {"hall.mix": 0.9}, "day": {"hall.mix": 0.1}})
    without = replace(base, scenes={"day": {"hall.mix": 0.1}})
    changed = replace(base, scenes={**base.scenes, "night": {"hall.mix": 0.8}, "dawn": {"a.freq": 1.0}})
    merged, lines = both(without, changed, base)
    assert merged.scenes == {"day": {"hall.mix": 0.1}, "dawn": {"a.freq": 1.0}}
    assert lines == ["scenes.night: the file has changed it, live it is gone; it stays away"]
    merged, lines = both(changed, without, base)
    assert "night" not in merged.scenes
    assert lines == ["scenes.night: the file has taken it out, live it was changed; it is gone"]


def changed_somehow(patch: Patch, chance: random.Random) -> Patch:
    for _ in range(chance.randrange(1, 5)):
        names = list(patch.nodes)
        name, other = chance.choice(names), chance.choice(names)
        how = chance.randrange(5)
        if how == 0:
            patch = patch.with_node(f"n{chance.randrange(6)}", chance.choice(("tone", "reverb")), mix=0.5)
        elif how == 1 and len(names) > 2:
            patch = patch.without_node(name)
        elif how == 2:
            patch = patch.with_value(name, chance.choice(("mix", "freq")), chance.choice((None, 0.1, 0.2)))
        elif how == 3 and not any(f"{name} -> {other}" in wire for wire in patch.wires):
            patch = patch.with_wires(f"{name} -> {other}")
        elif how == 4 and patch.wires:
            patch = replace(patch, wires=tuple(w for w in patch.wires if w != chance.choice(patch.wires)))
    return patch


def whole(patch: Patch) -> bool:
    """Does every wire lead from node to node?"""
    return all(end in patch.nodes for wire in patch.wires for end in wire.split(" -> "))


def ends_of(patch: Patch) -> Any:
    return {name: (node.kind, node.values) for name, node in patch.nodes.items()}


def test_many_random_pairs_merge_into_whole_patches_and_what_is_undisputed_is_done() -> None:
    chance = random.Random(5)
    disputed = 0
    for _ in range(500):
        ours, theirs = changed_somehow(BASE, chance), changed_somehow(BASE, chance)
        merged, lines = both(ours, theirs)
        assert whole(merged)
        disputed += bool(lines)
        assert merge(ours, ours, merged)[0] == merged
        if not lines:  # then it is the same from either side, but for the order
            turned, none = both(theirs, ours)
            assert none == []
            assert ends_of(turned) == ends_of(merged)
            assert set(turned.wires) == set(merged.wires)
    assert 50 < disputed < 450

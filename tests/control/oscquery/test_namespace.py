"""The address space in OSCQuery's words, and what edits do to it."""

from __future__ import annotations

from graphflow.control.osc.entry import Access, Entry
from graphflow.control.osc.lease import value_of
from graphflow.control.oscquery.answer import Host, answer
from graphflow.control.oscquery.namespace import ancestors, news, tree


def number(address: str, high: float = 1.0, value: float | None = None) -> Entry:
    held = None if value is None else lambda: (value,)
    node = address.split("/")[3]
    return Entry(address, "f", "A number.", "number", ranges=((0.0, high),), unit="Hz", node=node, value=held)


def entries(*addresses: str) -> dict[str, Entry]:
    return {address: number(address) for address in addresses}


def asked(target: str, *found: Entry) -> str:
    root = tree({entry.address: entry for entry in found})
    return str(answer(target, root, Host("test", "127.0.0.1", 7654), value_of, {"/gf/node/a": "sine: A sine."}))


def test_an_address_and_all_that_hold_it():
    assert list(ancestors("/gf/node/a/freq")) == ["/gf", "/gf/node", "/gf/node/a", "/gf/node/a/freq"]


def test_a_number_says_all_that_is_known_of_it():
    assert asked("/gf/node/a/freq", number("/gf/node/a/freq", 20.0, 4.5)) == (
        '200 {"FULL_PATH": "/gf/node/a/freq", "TYPE": "f", "ACCESS": 3, "DESCRIPTION": "A number.", "VALUE": [4.5], '
        '"RANGE": [{"MIN": 0.0, "MAX": 20.0}], "CLIPMODE": ["both"], "UNIT": ["time.hz"], "TAGS": ["number"]}'
    )


def test_a_container_says_what_is_in_it_and_has_no_value():
    assert asked("/gf/node/a?CONTENTS&ACCESS&DESCRIPTION", number("/gf/node/a/freq")).startswith(
        '200 {"CONTENTS": {"freq": {"FULL_PATH": "/gf/node/a/freq"'
    )
    assert asked("/gf/node/a?ACCESS", number("/gf/node/a/freq")) == '200 {"ACCESS": 0}'
    assert asked("/gf/node/a?DESCRIPTION", number("/gf/node/a/freq")) == '200 {"DESCRIPTION": "sine: A sine."}'


def test_words_have_their_list_and_texts_no_range():
    choice = Entry("/gf/node/a/mode", "s", "How.", "choice", choices=("off", "on"), ranges=(None,))
    text = Entry("/gf/node/a/text", "s", "What.", "text", ranges=(None,))
    assert asked("/gf/node/a/mode?RANGE", choice) == '200 {"RANGE": [{"VALS": ["off", "on"]}]}'
    assert asked("/gf/node/a/text?RANGE", text) == "204"


def test_what_has_several_arguments_says_so_of_each():
    prompt = Entry("/gf/node/a/prompt", "isf", "A prompt.", "prompt", ranges=((0.0, 7.0), None, (0.0, 2.0)))
    assert asked("/gf/node/a/prompt?RANGE&CLIPMODE", prompt) == (
        '200 {"RANGE": [{"MIN": 0.0, "MAX": 7.0}, {}, {"MIN": 0.0, "MAX": 2.0}], "CLIPMODE": ["both", "none", "both"]}'
    )


def test_what_only_takes_has_no_value_to_give():
    panic = Entry("/gf/panic", "i", "Silence.", "action", Access.WRITE, ranges=(None,))
    assert asked("/gf/panic?VALUE", panic) == "204"
    assert asked("/gf/panic?ACCESS", panic) == '200 {"ACCESS": 2}'


def test_wrong_questions():
    assert asked("/gf/nothing", number("/gf/node/a/freq")) == "404 /gf/nothing: there is no such path"
    assert asked("/gf?COLOUR", number("/gf/node/a/freq")).startswith("400 COLOUR: no such attribute; expected one of")
    assert asked("/gf?token=x", number("/gf/node/a/freq")).startswith("200 ")


def test_news_of_an_edit_name_the_highest_place():
    before = entries("/gf/node/a/freq", "/gf/node/a/freq/norm", "/gf/node/b/mix")
    more = entries(*before, "/gf/node/c/size", "/gf/node/c/damp")
    assert news(before, more) == [("PATH_ADDED", "/gf/node/c")]
    assert news(more, before) == [("PATH_REMOVED", "/gf/node/c")]
    assert news(before, before) == []
    assert news({}, before) == [("PATH_ADDED", "/gf")]


def test_a_node_under_another_name_is_renamed():
    before = entries("/gf/node/a/freq", "/gf/node/b/mix")
    after = entries("/gf/node/lead/freq", "/gf/node/b/mix")
    assert news(before, after) == [("PATH_RENAMED", {"OLD": "/gf/node/a", "NEW": "/gf/node/lead"})]


def test_which_of_two_was_renamed_nobody_knows():
    before = entries("/gf/node/a/freq", "/gf/node/b/freq")
    after = entries("/gf/node/c/freq", "/gf/node/d/freq")
    assert [command for command, _ in news(before, after)] == ["PATH_REMOVED"] * 2 + ["PATH_ADDED"] * 2


def test_another_range_is_a_change():
    before, after = entries("/gf/node/a/freq"), {"/gf/node/a/freq": number("/gf/node/a/freq", 2.0)}
    assert news(before, after) == [("PATH_CHANGED", "/gf/node/a/freq")]

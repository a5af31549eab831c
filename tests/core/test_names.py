"""Which names may be given."""

import pytest

from graphflow.core.names import VERBS, name_fault, place, shown


@pytest.mark.parametrize("name", ["a", "hall", "hall_2", "x9", "sine", "match", "print"])
def test_names_that_may_be_given(name: str) -> None:
    assert name_fault(name) is None


@pytest.mark.parametrize("name", ["", "2nd", "_a", "Hall", "big hall", "hall-2", "hällo", "a.b", "a\n"])
def test_names_that_are_none(name: str) -> None:
    assert name_fault(name) == "is no name; expected a small letter, then small letters, digits and _"


@pytest.mark.parametrize("name", ["for", "in", "lambda", "is"])
def test_words_of_python(name: str) -> None:
    assert name_fault(name) == "is a word of Python; choose another name"


@pytest.mark.parametrize("name", VERBS)
def test_verbs_of_the_repl(name: str) -> None:
    assert name_fault(name) == "is a verb of the REPL; choose another name"


def test_places_are_quoted_as_in_toml() -> None:
    assert place("nodes", "hall", "mix") == "nodes.hall.mix"
    assert place("nodes", "big hall") == 'nodes."big hall"'


@pytest.mark.parametrize(
    "value, text",
    [
        (True, "true"),
        (3, "3"),
        (0.5, "0.5"),
        ("a", "'a'"),
        ([1], "a list"),
        ({}, "a table"),
        ("x" * 50, repr("x" * 37 + "...")),
    ],
)
def test_values_are_shown_as_a_patch_writes_them(value: object, text: str) -> None:
    assert shown(value) == text

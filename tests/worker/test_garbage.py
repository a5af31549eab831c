from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from graphflow.worker import garbage


class Circle:
    """Only a collection can free it."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_is_there_when_a_generator_begins_is_not_looked_through_while_it_plays() -> None:
    model = Circle()
    garbage.begin()
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is not None
    garbage.begin()  # another one: the first must not wait for a collection
    assert gone() is not None
    garbage.end()
    garbage.end()
    garbage.begin()
    assert gone() is None
    garbage.end()


def test_what_comes_while_it_plays_is_collected_as_ever() -> None:
    garbage.begin()
    thing = Circle()
    gone = weakref.ref(thing)
    del thing
    gc.collect()
    assert gone() is None
    garbage.end()

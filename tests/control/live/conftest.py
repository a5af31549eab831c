"""`desks` is imported by name from beside the tests. Stages are closed whatever a test does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.control.live.stages import Playing, Trial

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))


@pytest.fixture
def trial() -> Iterator[Callable[..., Trial]]:
    """Makes stages on the manual clock."""
    made: list[Trial] = []

    def make(*arguments: Any, **how: Any) -> Trial:
        made.append(Trial(*arguments, **how))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def playing() -> Iterator[Callable[..., Playing]]:
    """Makes stages with their threads."""
    made: list[Playing] = []

    def make(*arguments: Any, **how: Any) -> Playing:
        made.append(Playing(*arguments, **how))
        return made[-1]

    yield make
    for one in made:
        one.close()

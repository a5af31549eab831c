"""Every performance that the documents show is performed, cell by cell, on the manual clock."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from graphflow.cli.live import EMPTY
from graphflow.core.library import Library
from tests.control.live.stages import Trial

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def cells(document: Path) -> list[tuple[int, str, str]]:
    """The line and source of every ```live fence; and of a ```text fence that shows an error, with that error."""
    whole = document.read_text(encoding="utf-8")
    found = []
    for block in re.finditer(r"^```live\n(.*?)^```$|^```text\n([^`]*)\n(cell \d+: [^\n]*)\n```$", whole, re.M | re.S):
        line = whole.count("\n", 0, block.start()) + 2
        found.append((line, (block[1] or block[2]).rstrip("\n"), block[3] or ""))
    return found


PERFORMED = [document for document in DOCUMENTS if cells(document)]


def test_there_is_a_performance_to_follow():
    assert ROOT / "docs" / "live.md" in PERFORMED


@pytest.mark.parametrize("document", PERFORMED, ids=lambda document: document.name)
def test_a_shown_performance(trial, document, tmp_path):
    t: Trial = trial(EMPTY, library=Library.builtin(), folder=tmp_path)
    t.hear(512)
    for line, source, error in cells(document):
        assert not t.stage.unfinished(source + "\n")
        outcome = t.stage.run(source)
        assert outcome.ok is not bool(error), f"{document.name}:{line}: {outcome.text}"
        assert not error or outcome.text == error
        sound = t.hear(12_000)
        assert np.isfinite(sound).all()
    assert np.abs(t.hear(48_000)).max() > 0.01
    wrong = [line for line in t.told if "; the version before plays on" not in line]
    assert wrong == []
    assert (tmp_path / "evening.toml").exists() or document.name != "live.md"

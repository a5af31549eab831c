"""The patches that come with graphflow: without a fault, and saved as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphflow.core.check import check
from graphflow.core.library import Library
from graphflow.core.patch_text import read
from graphflow.core.patch_write import data, same, write

FOLDER = Path(__file__).parents[2] / "patches"
PATCHES = sorted(FOLDER.glob("*.toml"))


@pytest.mark.parametrize("file", PATCHES, ids=lambda file: file.stem)
def test_a_patch_has_no_fault(file: Path) -> None:
    assert check(file.read_bytes(), Library.builtin(), FOLDER) == []
    patch, _ = read(file.read_bytes())
    assert patch.title
    assert file.read_text(encoding="utf-8").startswith("# "), "a patch says first what it shows"


@pytest.mark.parametrize("file", PATCHES, ids=lambda file: file.stem)
def test_a_patch_is_saved_as_it_is_typed(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    patch, _ = read(text)
    assert write(text, patch) == text
    assert same(data(read(write("", patch))[0]), data(patch))


def test_patches_are_numbered_and_most_kinds_are_shown() -> None:
    assert [file.name[:3] for file in PATCHES] == [f"{number:02}-" for number in range(1, len(PATCHES) + 1)]
    shown = {node.kind for file in PATCHES for node in read(file.read_bytes())[0].nodes.values()}
    # they need a microphone, a place to write, and another program to talk to
    assert set(Library.builtin()) - shown == {"input", "recorder", "osc_in", "osc_out"}

"""MusicCoCa's files in small, built once."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def musiccoca_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("sentencepiece")
    from tests.models.magenta.style.musiccoca_build import build_musiccoca

    return build_musiccoca(tmp_path_factory.mktemp("musiccoca"))

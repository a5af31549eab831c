"""docs/python.md does what it shows, from its first line to its last, with a tiny model and little time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from graphflow.models.magenta import api
from graphflow.models.magenta.files import find
from tests.models.magenta.tiny_build import encoder_tensors, write_saved

pytest.importorskip("ai_edge_litert")
pytest.importorskip("sentencepiece")

from tests.models.magenta.style.spaces import WordSpace

DOCUMENT = Path(__file__).parents[3] / "docs" / "python.md"
SHORTER = 200
"""Times that the music is shorter here."""


def blocks() -> list[str]:
    return re.findall(r"^```py\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.M | re.S)


def shortened(code: str) -> str:
    return re.sub(r"(duration)=([\d.]+)", lambda found: f"{found[1]}={float(found[2]) / SHORTER}", code)


def test_the_document_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = find(str(write_saved(tmp_path / "tiny", encoder=encoder_tensors())))
    monkeypatch.setattr(api, "find", lambda name: tiny if name == "mrt2-small" else find(name))
    monkeypatch.setattr(api, "MusicCoCa", lambda folder: WordSpace())
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    known: dict[str, Any] = {}
    try:
        for code in blocks():
            exec(compile(shortened(code), str(DOCUMENT), "exec"), known)
    finally:
        torch.set_num_threads(threads)
    assert len(blocks()) == 5
    assert known["music"].shape == (4, 2400, 2)
    assert known["longer"].shape == (1, 2400, 2)
    assert known["number"] == 19
    assert re.fullmatch(r"tiny in \w+ on \w+: 0\.2 s made in .* real time, 0 open\n", capsys.readouterr().out)
    assert {path.name for path in tmp_path.iterdir()} == {"tiny", "house.wav", "my-model"}

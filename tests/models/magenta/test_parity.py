"""Our model against what the official package made, tensor by tensor."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from graphflow.core.errors import UserError
from graphflow.models.magenta import parity

GOLDENS = Path(__file__).parent / "goldens"
SCALED = {"stream": "temporal_out", "decode": "wave_offline", "encode": "emb"}


def test_every_tensor_of_the_golden_sets_is_met() -> None:
    """`mini` has the released model's twelve levels, `seven` seven, a window of 2 and a single head."""
    rows = parity.check_folder(GOLDENS)
    assert [row.case for row in rows] == ["mini"] * 9 + ["seven"] * 9
    assert [row.tensor for row in rows] == 2 * [
        "sampler",
        "source",
        "temporal_in",
        "temporal_out",
        "logits_precap",
        "audio_int16",
        "wave_offline",
        "emb",
        "codes",
    ]
    assert [str(row) for row in rows if not row.passed] == []


@pytest.mark.parametrize("part, tensor", SCALED.items())
def test_a_tensor_that_is_off_is_missed(
    tmp_path: Path, part: str, tensor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(GOLDENS / "mini_config.json", tmp_path)
    with np.load(GOLDENS / f"mini_{part}.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    arrays[tensor].flat[5] += 3e-5 * np.abs(arrays[tensor]).max()
    np.savez(tmp_path / f"mini_{part}.npz", **arrays)
    assert parity.main(tmp_path) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines if line.startswith("MISS")] == [tensor]
    assert lines[-1].endswith(" tensors, 1 missed")


def test_other_weights_are_not_the_same_model(tmp_path: Path) -> None:
    config = json.loads((GOLDENS / "mini_config.json").read_text())
    (tmp_path / "mini_config.json").write_text(json.dumps({**config, "salt": "other"}))
    shutil.copy(GOLDENS / "mini_stream.npz", tmp_path)
    assert not any(row.passed for row in parity.check_folder(tmp_path))


def test_a_folder_without_sets_is_said_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no golden set; expected CASE_config\.json"):
        parity.main(tmp_path)

"""Our model against the official package itself, at sizes and with weights that no stored golden set has."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from graphflow.models.magenta.parity import check_folder

MAKE = Path(__file__).parent / "oracle" / "make_goldens.py"
HERE = importlib.util.find_spec("magenta_rt") is not None and importlib.util.find_spec("jax") is not None
PYTHON = os.environ.get("GRAPHFLOW_OFFICIAL_PYTHON") or (sys.executable if HERE else "")
TINY = {
    "conditioning": 40,
    "temporal": {"layers": 2, "dim": 44, "heads": 3, "head_dim": 20, "ffn": 72, "window": 4},
    "depth": {"layers": 1, "dim": 28, "heads": 2, "head_dim": 12, "ffn": 52},
    "codec": {
        "features": 18,
        "quantizer_levels": 13,
        "used_levels": 12,
        "encoder_base_depth": 2,
        "decoder_base_depth": 3,
    },
    "chunks": 11,  # more than twice the window
}


@pytest.mark.slow
@pytest.mark.skipif(
    not PYTHON, reason="no magenta-rt here: pip install 'magenta-rt[jax]', or GRAPHFLOW_OFFICIAL_PYTHON"
)
def test_a_set_just_made_by_the_official_package_is_met(tmp_path: Path) -> None:
    salt = secrets.token_hex(4)
    config = tmp_path / "fresh_config.json"
    config.write_text(json.dumps({"salt": salt} | TINY))
    made = tmp_path / "made"
    maker = subprocess.run([PYTHON, MAKE, config, made], capture_output=True, text=True, timeout=600.0, check=False)
    assert maker.returncode == 0, maker.stderr[-2000:]
    rows = check_folder(made)
    assert len(rows) == 9
    assert [str(row) for row in rows if not row.passed] == [], f"with the salt {salt}"

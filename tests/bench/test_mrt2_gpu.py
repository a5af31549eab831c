"""The GPU's benchmark, which is run where time is dear: its tables grow row by row, and its own code has run before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    import mrt2_gpu

    return mrt2_gpu


def page(bench: ModuleType, path: Path, **stages: Any) -> bool:
    report = bench.Report("A page", "a command", bench.tables(bench.HERE), path)
    return bench.run(bench.HERE, list(stages), report)


def test_the_most_important_is_measured_first(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done: list[str] = []
    for name in ("latency", "steps", "deadlines"):
        monkeypatch.setitem(bench.STAGES, name, lambda plan, table, clock, name=name: done.append(name))
    assert page(bench, tmp_path / "page.md", deadlines=None, latency=None)
    assert done == ["latency", "deadlines"]
    assert page(bench, tmp_path / "page.md", steps=None, deadlines=None, latency=None)
    assert done[2:] == ["latency", "steps", "deadlines"]


def test_a_row_is_in_the_file_at_once_and_what_was_not_run_says_so(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path, seen = tmp_path / "page.md", []

    def latency(plan: Any, table: Any, clock: Any) -> None:
        seen.append(path.read_text())
        table.put("and looking ahead", 12, "20.0", "30.0")
        seen.append(path.read_text())
        raise RuntimeError("the card\nis gone")

    monkeypatch.setitem(bench.STAGES, "latency", latency)
    assert not page(bench, path, latency=None)
    assert "| and looking ahead | not measured | | |" in seen[0]
    assert "| and looking ahead | 12 | 20.0 | 30.0 |" in seen[1]
    text = path.read_text()
    assert "- broken off: RuntimeError: the card is gone" in text
    assert "| and looking ahead | 12 | 20.0 | 30.0 |\n| and rollback | not measured | | |" in text
    assert "| tiny | 1 | not measured | | | | | |" in text  # as wide as the table's head
    assert text.count("not measured") == 3 + 2 + 2


def test_every_row_is_as_wide_as_its_table(bench: ModuleType) -> None:
    for table in bench.tables(bench.GPU).values():
        rows = [line for line in str(table).splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) == 1
        with pytest.raises(KeyError):
            table.put("another", 1)


def test_a_stage_ends_when_its_time_and_what_was_left_before_is_over(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    left: list[float] = []
    for name in bench.STAGES:
        monkeypatch.setitem(bench.STAGES, name, lambda plan, table, clock: left.append(clock.left))
    page(bench, tmp_path / "page.md", latency=None, steps=None, deadlines=None)
    shares = bench.HERE.seconds
    assert left == pytest.approx([shares["latency"], shares["latency"] + shares["steps"], sum(shares.values())], abs=5)
    assert sum(bench.GPU.seconds.values()) < 480.0 and bench.GPU.seconds["latency"] < 100.0


def test_what_cannot_be_meant_is_said(bench: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["--only", "latency,speed"])
    assert "expected some of latency, steps, deadlines; not speed" in capsys.readouterr().err


@pytest.mark.slow
def test_all_of_it_runs_with_tiny_sizes(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, str(BENCH / "mrt2_gpu.py"), "--tiny", "-o", str(tmp_path / "page.md")],
        env={**os.environ, "PYTHONPATH": str(BENCH.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    text = (tmp_path / "page.md").read_text()
    assert ran.returncode == 0, ran.stderr + text
    for absent in ("not measured", "failed", "broken off"):
        assert absent not in text

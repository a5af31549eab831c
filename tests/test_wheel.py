"""The wheel, in an environment of its own, from an empty folder: what a stranger gets."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

ROOT = Path(__file__).parent.parent
SOURCES = ("graphflow", "nodes", "patches", "pyproject.toml", "README.md", "LICENSE")

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that the tree stays as it is."""
    tree = tmp_path_factory.mktemp("tree")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tree / name)
    made = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(made), str(tree)]
    subprocess.run(build, check=True, capture_output=True)
    return next(made.glob("graphflow_live-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """`graphflow` of a new environment that has the wheel, and sees the libraries of this one."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    install = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install"]
    subprocess.run([*install, "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    # only after pip has run, which must not see what it might replace
    (packages / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    empty = tmp_path_factory.mktemp("empty")
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def graphflow(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(scripts / "graphflow"), *arguments],
            cwd=empty,
            env=surroundings,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return graphflow


def test_the_wheel_holds_nodes_patches_weights_and_licence(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    for folder, pattern in (("nodes", "*/*.py"), ("patches", "*.*")):
        here = {f"graphflow/{file.relative_to(ROOT).as_posix()}" for file in (ROOT / folder).glob(pattern)}
        assert here
        assert here <= held
    assert "graphflow/models/first_light/weights.safetensors" in held
    assert "graphflow/py.typed" in held
    assert any(name.endswith("licenses/LICENSE") for name in held)
    assert not any(name.startswith("tests/") for name in held)


@pytest.mark.slow
def test_the_first_patch_plays_from_an_empty_folder(installed: Command, tmp_path: Path) -> None:
    well = installed("check", "01-first-light")
    assert well.returncode == 0, well.stderr
    take = tmp_path / "take.wav"
    rendered = installed("render", "01-first-light", "-o", str(take), "--seconds", "2")
    assert rendered.returncode == 0, rendered.stderr
    samples, rate = soundfile.read(take)
    assert (rate, samples.shape) == (48000, (96000, 2))
    assert abs(samples).max() > 0.01


@pytest.mark.slow
def test_the_installed_command_is_the_wheels_own(installed: Command) -> None:
    asked = installed("doctor")
    assert asked.stdout, asked.stderr
    told = asked.stdout.splitlines()[0]
    assert told.startswith("ok    graphflow")
    assert str(ROOT) not in told

"""What import-linter cannot see: node files, which are found by scanning, and what is loaded at run time."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NODE_FILES = sorted((ROOT / "nodes").rglob("*.py"))
FOR_NODES = {"graphflow", "numpy", "PIL", *sys.stdlib_module_names}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def imported(file: Path) -> set[str]:
    """Modules a file imports, in full."""
    names: set[str] = set()
    for part in ast.walk(ast.parse(file.read_text())):
        if isinstance(part, ast.Import):
            names.update(alias.name for alias in part.names)
        elif isinstance(part, ast.ImportFrom):
            names.add("." * part.level + (part.module or ""))
    return names


@pytest.mark.parametrize("file", NODE_FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_a_node_imports_names_of_graphflow_and_nothing_of_its_inside(file: Path) -> None:
    for name in imported(file):
        assert not name.startswith("graphflow."), f"{name}: import it from graphflow"
        assert name.split(".")[0] in FOR_NODES, name


def test_there_are_nodes_to_look_at() -> None:
    assert NODE_FILES


@pytest.mark.parametrize("module", ["graphflow", "graphflow.session", "graphflow.cli", "graphflow.doctor"])
def test_the_main_process_never_loads_torch(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'torch', 'torchaudio'}} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert loaded.stdout == "[]\n"


def test_every_package_is_in_the_wheel() -> None:
    here = {".".join(file.parent.relative_to(ROOT).parts) for file in (ROOT / "graphflow").rglob("__init__.py")}
    assert here | {"graphflow.nodes", "graphflow.patches"} == set(PROJECT["tool"]["setuptools"]["packages"])

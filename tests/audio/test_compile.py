"""From classes to kernels: the cache, the errors, what is refused, and that float32 stays float32."""

from __future__ import annotations

import errno
import inspect
import subprocess
import sys
from pathlib import Path

import broken_nodes
import numpy as np
import pytest
import small_nodes
from numba import types

import graphflow.audio.compile as compiler
from graphflow.audio import solo
from graphflow.audio.compile import CompileError, compile_kernel, compiled_forms, kernel_hash, prepare
from graphflow.audio.fingerprint import Native, fingerprint
from graphflow.audio.widening import widenings
from graphflow.core.library import load
from graphflow.core.node import AudioNode

NODE = """
from graphflow import AudioNode, AudioOut, Ramp
{imports}
FACTOR = {factor}

def scaled(x: float) -> float:
    return x * FACTOR{more}

class Small(AudioNode):
    level = Ramp(0.5)
    out = AudioOut()

    @staticmethod
    def tick(level: float) -> float:
        return scaled(level)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of one's own, which this process believes it has never compiled for."""
    monkeypatch.setenv("GRAPHFLOW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(compiler, "_made", {})
    return tmp_path / "cache" / "kernels"


def written(folder: Path, text: str, name: str = "small") -> type[AudioNode]:
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}.py"
    file.write_text(text)
    return load(file, f"written_{folder.name}_{name}_{abs(hash(text))}").Small  # type: ignore[no-any-return]


def test_a_kernel_is_compiled_once_and_then_comes_from_disk(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = small_nodes.Level.spec
    cold = compile_kernel(spec, "tick")
    assert not cold.warm
    assert compile_kernel(spec, "tick") is cold
    monkeypatch.setattr(compiler, "_made", {})
    warm = compile_kernel(spec, "tick")
    assert warm.warm
    assert str(warm) == "level.tick cached"
    assert sorted(f.suffix for f in cache.iterdir()) == ["", ".checked", ".py"]
    assert "def kernel(context, frames, frame):" in next(cache.glob("*.py")).read_text()


def test_on_a_full_disk_a_kernel_is_compiled_and_not_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.save", full)
    kernel = compile_kernel(small_nodes.Level.spec, "tick")
    assert not kernel.warm
    assert kernel.address
    monkeypatch.setattr(compiler, "_made", {})
    assert not compile_kernel(small_nodes.Level.spec, "tick").warm
    engines_own = Native(types.int64(types.int64), lambda x: x)
    assert engines_own.ctypes(3) == 3


def test_a_kernel_that_nobody_looked_through_is_not_taken_from_disk(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_kernel(small_nodes.Level.spec, "tick")
    next(cache.glob("*.checked")).unlink()
    monkeypatch.setattr(compiler, "_made", {})
    assert not compile_kernel(small_nodes.Level.spec, "tick").warm
    assert len(list(cache.glob("*.checked"))) == 1


def test_a_refused_kernel_is_refused_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        monkeypatch.setattr(compiler, "_made", {})
        with pytest.raises(CompileError, match="NRT_"):
            compile_kernel(broken_nodes.Allocates.spec, "process")


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GRAPHFLOW_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(compiler, "_made", {})
    kernel = compile_kernel(small_nodes.Level.spec, "tick")
    assert not kernel.warm
    assert kernel.address != 0


@pytest.mark.parametrize(
    "change",
    [
        {"factor": "3.0"},
        {"more": " + 1.0"},
        {"imports": "\n"},  # every line moves, and errors must still point at the right one
    ],
)
def test_a_change_anywhere_in_what_a_kernel_is_made_of_makes_a_new_one(tmp_path: Path, change: dict[str, str]) -> None:
    text = {"imports": "", "factor": "2.0", "more": ""}
    texts = [NODE.format(**text), NODE.format(**text) + "\nUNUSED = 1.0\n", NODE.format(**{**text, **change})]
    one, same, other = (kernel_hash(written(tmp_path, text).spec, "tick", False) for text in texts)
    assert one == same
    assert one != other


def test_a_file_saved_again_is_not_taken_for_the_node_that_runs(tmp_path: Path) -> None:
    small = written(tmp_path, NODE.format(imports="", factor="2.0", more=""))
    written(tmp_path, NODE.format(imports="", factor="2.0", more="").replace("scaled(level)", "scaled(level) + level"))
    with pytest.raises(CompileError, match=r"small\.py:13 has changed since it was read; read it again"):
        kernel_hash(small.spec, "tick", False)


def test_a_changed_helper_file_makes_a_new_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sounds = []
    for factor in ("2.0", "4.0"):
        folder = tmp_path / factor
        folder.mkdir()
        (folder / "helper_of_small.py").write_text(f"def scaled(x: float) -> float:\n    return x * {factor}\n")
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delitem(sys.modules, "helper_of_small", raising=False)
        node = NODE.format(imports="from helper_of_small import scaled as other", factor="1.0", more="")
        small = written(folder, node.replace("return scaled(level)", "return other(level)"))
        sounds.append(solo.run(small.spec)[0]["out"][0, 0])
    assert sounds == [1.0, 2.0]


def test_foreign_and_own_kernels_are_two() -> None:
    spec = small_nodes.Late.spec
    assert kernel_hash(spec, "process", False) != kernel_hash(spec, "process", True)


def line_of(text: str, nth: int = 0) -> int:
    lines = inspect.getsource(broken_nodes).splitlines()
    return [i for i, line in enumerate(lines, 1) if text in line][nth]


FILE = broken_nodes.__file__


@pytest.mark.parametrize(
    "cls, line, said",
    [
        (broken_nodes.Undefined, line_of("lenght"), "uses 'lenght', which is not defined in its file"),
        (broken_nodes.Dictionary, line_of('SPELLING["a"]'), "uses 'SPELLING', a dict; expected numbers, tuples of"),
        (broken_nodes.WrongCall, line_of("real_part"), "wrong_call cannot be compiled: Unknown attribute 'real_part'"),
        (broken_nodes.Recursive, line_of("def again"), "again calls itself; write it as a loop"),
        (broken_nodes.WritesToItsIn, line_of("input[0, i] = 0.0"), "writes to 'input', which is read only"),
        (broken_nodes.CoefficientsInProcess, line_of("def process", 2), "declares coefficients, which only tick can"),
        (broken_nodes.Text, line_of("def tick", 3), "text cannot be compiled: No implementation"),
        (broken_nodes.Allocates, line_of("def process", 0), "allocates.process can reach NRT_"),
    ],
)
def test_an_error_is_one_line_at_the_authors_line(cls: type[AudioNode], line: int, said: str) -> None:
    with pytest.raises(CompileError) as error:
        compiled_forms(cls.spec)
    assert str(error.value).startswith(f"{FILE}:{line} ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert not str(error.value).endswith(".")


def test_params_may_have_any_name() -> None:
    sound, fault = solo.run(broken_nodes.Odd.spec, blocks=[64])
    assert fault == 0
    assert np.all(sound["out"] == 0.875)


@pytest.mark.parametrize("cls", [small_nodes.Smooth, broken_nodes.Widens])
def test_float32_is_not_widened(cls: type[AudioNode]) -> None:
    assert widenings(cls.spec) == {}


def test_a_widening_is_found(tmp_path: Path) -> None:
    text = NODE.format(
        imports="", factor="100_000", more=" + x / FACTOR"
    )  # too large for the int that keeps float32 narrow
    assert list(widenings(written(tmp_path, text).spec)) == ["tick"]


def test_whole_numbers_mean_what_they_mean_in_python() -> None:
    given = np.float32([[-1.0, -0.3, 0.0, 0.2, 0.5, 0.9]])
    sound, _ = solo.run(broken_nodes.Widens.spec, {"input": given}, {"level": 0.75}, blocks=[6])
    expected = [broken_nodes.Widens.tick(float(x), 0.75, 0.0)[0] for x in given[0]]
    np.testing.assert_allclose(sound["out"][0], expected, atol=1e-5)


def test_a_warm_start_needs_no_compiler() -> None:
    """Kernels of one process are found by the next, under the same name and with the same sound."""
    run = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import small_nodes\n"
        "from graphflow.audio.compile import compile_kernel\n"
        "print(compile_kernel(small_nodes.Level.spec, 'tick').warm)\n"
    )
    here = str(Path(__file__).parent)
    compile_kernel(small_nodes.Level.spec, "tick")
    said = subprocess.run([sys.executable, "-c", run, here], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert said.stdout == "True\n"


def test_the_engines_own_code_is_told_of_once(cache: Path) -> None:
    said: list[str] = []
    prepare(said.append)
    prepare(said.append)
    assert said == ["compiling the engine, for this and every later start: about 10 s"]


def test_a_changed_source_of_the_engine_makes_its_code_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint()
    fingerprint.cache_clear()
    monkeypatch.setattr("graphflow.audio.fingerprint.SOURCES", ("steps", "layout"))
    assert fingerprint() != before
    fingerprint.cache_clear()

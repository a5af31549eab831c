"""The GPU's own kernels where there is no GPU: interpreted on the CPU, and compiled for cards that are not here.

Both need Triton, which comes with torch for CUDA and not with torch for the CPU.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from graphflow.models.magenta.attention import Norm
from graphflow.models.magenta.batch import Batch, Wanted
from graphflow.models.magenta.codec.decoder import Decoder
from graphflow.models.magenta.config import CodecSizes, Config, Stack
from graphflow.models.magenta.linear import LayerNorm
from graphflow.models.magenta.lm import LanguageModel
from graphflow.models.magenta.precision import narrow

triton = pytest.importorskip("triton", reason="Triton is not installed")

pytestmark = pytest.mark.slow

ODD = Config("odd", 24, Stack(1, 40, 3, 12, 72, 2), Stack(1, 24, 2, 20, 56), CodecSizes(8, 16, 3, 2, 2))
POINTERS = {torch.float32: "*fp32", torch.bfloat16: "*bf16", torch.int64: "*i64"}


@pytest.mark.parametrize("what", ["draws", "1", "2", "3", "4"])
def test_interpreted_the_kernels_are_the_model(what: str) -> None:
    root = Path(__file__).parents[3]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.models.magenta.interpreted", what],
        env={**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join([str(root), *sys.path])},
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]


class Recorder:
    """In a kernel's place: what it is launched with, as Triton would compile it."""

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        self.launches: dict[str, tuple[Any, ...]] = {}

    def __getitem__(self, grid: object) -> Callable[..., None]:
        return self._launched

    def _launched(self, *given: Any, **named: Any) -> None:
        options = {name: named.pop(name) for name in ("num_warps", "launch_pdl") if name in named}
        arguments = {**dict(zip(self.kernel.arg_names, given, strict=False)), **named}
        fixed = {parameter.name for parameter in self.kernel.params if parameter.is_constexpr}
        types: dict[str, str] = {}
        constants: dict[str, Any] = {}
        hints: dict[tuple[int], list[list[Any]]] = {}
        for number, name in enumerate(self.kernel.arg_names):
            value = arguments[name]
            if name in fixed or (not isinstance(value, torch.Tensor) and value == 1):
                types[name], constants[name] = "constexpr", value
                continue
            tensor = isinstance(value, torch.Tensor)
            types[name] = POINTERS[value.dtype] if tensor else "i32"
            if (value.storage_offset() * value.element_size() if tensor else value) % 16 == 0:
                hints[(number,)] = [["tt.divisibility", 16]]
        launch = (types, constants, hints, options)
        self.launches[repr(launch)] = launch


def launches(monkeypatch: pytest.MonkeyPatch, slots: int, *, early: bool) -> list[tuple[Any, ...]]:
    """Every kernel of a step and what it is launched with; nothing is computed."""
    from graphflow.models.magenta import fused
    from graphflow.models.magenta import fused_kernels as kernels

    recorders = [Recorder(getattr(kernels, name)) for name in ("project", "attention", "draw")]
    for recorder in recorders:
        monkeypatch.setattr(kernels, recorder.kernel.__name__, recorder)
    device = torch.device("meta")
    with device:
        lm, decoder = LanguageModel(ODD).requires_grad_(False), Decoder(ODD.codec).requires_grad_(False)
        for module in lm.modules():
            if not isinstance(module, (Norm, LayerNorm)):
                narrow(module, torch.bfloat16)
        lm.depth.activation = torch.bfloat16
        made = fused.FusedLM(lm, slots)
        made.early, made.launch = early, {"launch_pdl": True} if early else {}
        made(Batch(lm, decoder, slots, device), Wanted.empty(slots, device))
    return [(recorder.kernel, *launch) for recorder in recorders for launch in recorder.launches.values()]


@pytest.mark.parametrize("capability", [80, 89, 90, 120])
def test_every_kernel_compiles_for(capability: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ampere, Ada, Hopper, Blackwell; only the last two begin a kernel while the one before runs."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from graphflow.models.magenta.fused import may_be_early

    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: divmod(capability, 10))
    early = may_be_early(torch.device("cuda"))
    assert early == (capability >= 90 and triton.__version__ >= "3.5")
    found = launches(monkeypatch, 3, early=early)
    assert len({kernel.__name__ for kernel, *_ in found}) == 3
    for kernel, types, constants, hints, options in found:
        source = ASTSource(kernel, types, constants, hints)
        compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
        assert ("griddepcontrol" in compiled.asm["ptx"]) == early


def test_amds_cards_begin_one_kernel_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphflow.models.magenta.fused import may_be_early

    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 4))
    monkeypatch.setattr(torch.version, "hip", "6.4")
    assert not may_be_early(torch.device("cuda"))

"""What other devices demand of a step: no float64, nothing copied from the host in between, no missing operation.

Everything runs on torch's meta device, which computes nothing and takes the same ways as a GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import torchgen
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from graphflow.core.errors import UserError
from graphflow.models.magenta import noise, step
from graphflow.models.magenta.batch import Batch, Wanted
from graphflow.models.magenta.codec.decoder import Decoder
from graphflow.models.magenta.codec.encoder import Encoder
from graphflow.models.magenta.config import CHUNK, CONDITIONS
from graphflow.models.magenta.lm import LanguageModel
from graphflow.models.magenta.model import device_named
from graphflow.models.magenta.precision import Precision, apply
from graphflow.models.magenta.sampling import keep_by_rank
from tests.models.magenta.tiny_build import TINY

META = torch.device("meta")
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "int8", "int4")


class Watch(TorchDispatchMode):
    """Notes every operation, its results' types, and what was made from numbers on the host."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: set[str] = set()
        self.dtypes: set[torch.dtype] = set()
        self.from_host: list[Any] = []  # what torch.tensor was given, which no mode sees

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = operation(*args, **(kwargs or {}))
        self.operations.add(str(operation).removeprefix("aten."))
        self.dtypes |= {leaf.dtype for leaf in tree_leaves(made) if isinstance(leaf, Tensor)}
        return made


def drawn(seed: Tensor, chunk: Tensor, levels: int) -> Tensor:
    """In the noise's place: Apple's GPU gets it from the CPU."""
    return torch.empty(seed.shape[0], levels, 1024, device=seed.device)


@pytest.fixture(params=PRECISIONS)
def watched(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """A step of two slots."""
    monkeypatch.setattr(step, "gumbel", drawn)
    from_host = torch.tensor
    lm, decoder = LanguageModel(TINY), Decoder(TINY.codec)
    apply(lm, decoder, request.param, META)
    lm.requires_grad_(False)
    decoder.requires_grad_(False)
    batch, wanted = Batch(lm, decoder, 2, META), Wanted.empty(2, META)
    with torch.inference_mode(), Watch() as watch:
        monkeypatch.setattr(
            torch, "tensor", lambda *data, **how: watch.from_host.append(data) or from_host(*data, **how)
        )
        step.advance(step.plainly(lm), lm, decoder, batch, wanted)
    return watch


def test_a_step_makes_no_float64(watched: Watch) -> None:
    assert watched.dtypes <= {
        torch.float32, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.bool, torch.complex64
    }  # fmt: skip


def test_a_step_takes_nothing_from_the_host_and_asks_for_no_number(watched: Watch) -> None:
    """A graph that is being captured could not: on CUDA such a step cannot be played at all."""
    assert watched.from_host == []
    assert not {name for name in watched.operations if name.startswith(("lift_fresh", "_local_scalar", "item"))}


def test_apples_gpu_has_every_operation_of_a_step(watched: Watch) -> None:
    """As far as torch's own list of kernels says."""
    assert {name for name in watched.operations if not on_apples_gpu(name)} == set()


def test_apples_gpu_has_every_operation_beside_the_step() -> None:
    """A slot's state taken, put back and begun anew; a beginning from sound and codes."""
    lm, decoder, encoder = LanguageModel(TINY), Decoder(TINY.codec), Encoder(TINY.codec)
    apply(lm, decoder, "bfloat16", META)
    for module in (lm, decoder, encoder.to(META)):
        module.requires_grad_(False)
    batch = Batch(lm, decoder, 2, META)
    with torch.inference_mode(), Watch() as watch:
        codes = encoder.codes(encoder.whole(torch.empty(1, 3 * CHUNK, 2, device=META))[0], TINY.levels)
        source = lm.conditioning(torch.empty(1, CONDITIONS, dtype=torch.int64, device=META))[None]
        embedded = lm.embed(lm.ids(codes))[None]
        lm.temporal.over(embedded, source.expand(1, len(codes), -1), batch.memory.slot(1), 3)
        decoder.spectra(decoder.features(codes)[None], list(batch.light(1)[2:]))
        batch.bring_back(1, batch.keep(0))
        batch.remember(1, 5, batch.remembered(0, 5))
        batch.begin(0)
    assert {name for name in watch.operations if not on_apples_gpu(name)} == set()
    assert torch.float64 not in watch.dtypes


def on_apples_gpu(name: str) -> bool:
    known = kernels()
    base, _, overload = name.partition(".")
    own = base if overload == "default" else name
    entry = known[own]
    return entry is None or "MPS" in entry or (entry in known and "MPS" in (known[entry] or ""))


@cache
def kernels() -> dict[str, str | None]:
    """Of each operation the backends that have it, None where it is made of others; or whom it leaves it to."""
    text = (Path(torchgen.__file__).parent / "packaged" / "ATen" / "native" / "native_functions.yaml").read_text()
    found: dict[str, str | None] = {}
    for block in text.split("\n- func: ")[1:]:
        lines = block.splitlines()
        name = lines[0].partition("(")[0]
        delegate = next((line.split(":")[1].strip() for line in lines if "structured_delegate:" in line), None)
        backends = " ".join(line for line in lines[1:] if line.startswith("    ") and ":" in line)
        found[name] = delegate or (backends if backends and "Composite" not in backends else None)
    return found


def test_the_list_of_kernels_is_understood() -> None:
    assert on_apples_gpu("add.Tensor") and on_apples_gpu("index_copy_.default") and on_apples_gpu("clone.default")
    assert not on_apples_gpu("_linalg_eigh.default")


def test_noise_for_apples_gpu_is_made_on_the_cpu() -> None:
    class Elsewhere:
        """A tensor on Apple's GPU, of which nothing is asked but its number on the CPU."""

        device = torch.device("mps")

        def __init__(self, held: Tensor) -> None:
            self.cpu: Callable[[], Tensor] = lambda: Sent(held)  # type: ignore[return-value]

    sent: list[torch.device] = []

    class Sent(Tensor):
        def to(self, device: torch.device) -> Tensor:  # type: ignore[override]
            sent.append(device)
            return self.as_subclass(Tensor)

    seeds, chunks = torch.tensor([5, -(2**40)]), torch.tensor([0, 2**33])
    made = noise.gumbel(Elsewhere(seeds), Elsewhere(chunks), 3)  # type: ignore[arg-type]
    assert torch.equal(made.as_subclass(Tensor), noise.gumbel(seeds, chunks, 3))
    assert sent == [torch.device("mps")]


def test_codes_are_kept_by_rank_elsewhere() -> None:
    assert keep_by_rank(torch.empty(2, 1024, device=META), torch.empty(2, device=META)).shape == (2, 1024)


@pytest.mark.parametrize("newest, meant", [(13, "cpu"), (14, "mps"), (15, "mps")])
def test_apples_gpu_is_taken_where_its_system_is_new_enough(
    newest: int, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda major, minor: newest >= major)
    assert device_named("auto").type == meant
    if meant == "cpu":
        with pytest.raises(UserError, match=r"^device is 'mps', which needs macOS 14 or newer here; try auto or cpu$"):
            device_named("mps")

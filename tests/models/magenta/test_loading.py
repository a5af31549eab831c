"""Models from files: official names and packed ones, other number formats, and a line for everything that is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from graphflow.core.errors import UserError
from graphflow.models import home
from graphflow.models.magenta import checkpoint, loading
from graphflow.models.magenta.config import BASE, SMALL
from graphflow.models.magenta.files import find
from graphflow.models.magenta.invented import encoder_shapes, model_shapes
from graphflow.models.magenta.loading import config_of, load, load_files
from graphflow.models.magenta.model import Model
from tests.models.magenta.tiny_build import (
    STYLES,
    TINY,
    encoder_tensors,
    pack,
    renamed,
    share,
    tensors,
    without,
    write_hollow,
    write_saved,
)

DEPTHFORMER = "params/depthformer/"
TABLE = f"{DEPTHFORMER}decoder/decoder_embedding/embedding/embedding"
NORM = f"{DEPTHFORMER}encoder/body/encoder_ln/bias"


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` is the test's own folder, and names are looked up in it only."""
    monkeypatch.setattr(home.sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "MAGENTA_HOME", "GRAPHFLOW_HOME"):
        monkeypatch.delenv(name, raising=False)


def official(tmp_path: Path) -> Path:
    """Where downloads go."""
    return tmp_path / ".local/share/graphflow/magenta-rt-v2/checkpoints"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(write_saved(tmp_path_factory.mktemp("plain") / "tiny", encoder=encoder_tensors()), "cpu", "float32")


def weights(model: Model) -> dict[str, torch.Tensor]:
    """All that plays."""
    return {
        f"{part}.{name}": tensor
        for part, module in (("lm", model.lm), ("decoder", model.decoder))
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]
    }


def same(one: Model, other: Model) -> bool:
    ours, theirs = weights(one), weights(other)
    assert ours.keys() == theirs.keys() and ours
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


def refusal(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        load(folder, "cpu", "float32")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_saved_model_is_loaded_whole(plain: Model) -> None:
    assert plain.config == TINY
    assert plain.encoder is not None
    assert plain.folder is not None and plain.folder.name == "tiny"
    assert plain.fingerprint.startswith("tiny-")
    table = tensors()[TABLE] * 32**0.5 / 12
    assert torch.equal(plain.lm.table.weight, table)


@pytest.mark.parametrize("known", [SMALL, BASE], ids=str)
def test_a_released_model_is_known_by_its_shapes(known: loading.Config) -> None:
    assert config_of(model_shapes(known)) == known
    assert config_of({**model_shapes(known), **encoder_shapes(known)}) == known


def test_packed_projections_are_the_same_weights(plain: Model, tmp_path: Path) -> None:
    packed = pack(tensors())
    assert len(packed) == len(tensors()) - 2 * (2 + 2) - 1 * 2
    assert same(load(write_saved(tmp_path / "tiny", packed), "cpu", "float32"), plain)


def test_one_tensor_may_be_key_and_value(plain: Model, tmp_path: Path) -> None:
    packed = load(write_saved(tmp_path / "packed", pack(tensors(), shared=True)), "cpu", "float32")
    assert same(packed, load(write_saved(tmp_path / "plain", share(tensors())), "cpu", "float32"))
    assert not same(packed, plain)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64], ids=str)
def test_other_number_formats_are_widened(plain: Model, tmp_path: Path, kind: torch.dtype) -> None:
    held = {name: tensor.to(kind) for name, tensor in tensors().items()}
    model = load(write_saved(tmp_path / "tiny", held), "cpu", "float32")
    bias = {name: tensor for name, tensor in weights(model).items() if name.endswith("conditioning.norm.bias")}
    assert [(tensor.dtype, torch.equal(tensor, held[NORM].float())) for tensor in bias.values()] == [
        (torch.float32, True)
    ]
    assert same(model, plain) == (kind == torch.float64)


def test_an_encoder_without_codebooks_takes_the_checkpoints(plain: Model, tmp_path: Path) -> None:
    books = "params/quantizer/embedding"
    folder = write_saved(tmp_path / "tiny", encoder=without(encoder_tensors(), books))
    borrowed = load(folder, "cpu", "float32").encoder
    assert borrowed is not None and plain.encoder is not None
    assert torch.equal(borrowed.codebooks, tensors()["params/soundstream/quantizer/embedding"])
    assert torch.equal(plain.encoder.codebooks, encoder_tensors()[books])


def test_a_model_without_an_encoder_plays_and_does_not_hear(tmp_path: Path, plain: Model) -> None:
    folder = write_saved(tmp_path / "tiny")
    model = load(folder, "cpu", "float32")
    assert model.encoder is None
    assert model.fingerprint == plain.fingerprint  # snapshots fit
    (folder / "encoder.safetensors").write_bytes(b"")
    assert load(folder, "cpu", encoder=False).encoder is None


def test_a_name_whose_file_is_the_other_models(tmp_path: Path) -> None:
    write_hollow(official(tmp_path) / "mrt2_small.safetensors", model_shapes(BASE))
    assert refusal(Path("mrt2-small")) == (
        "~/.local/share/graphflow/magenta-rt-v2/checkpoints/mrt2_small.safetensors holds mrt2-base, not what "
        "mrt2-small is; graphflow models download mrt2-small"
    )


def test_a_name_whose_file_is_nobodys(tmp_path: Path) -> None:
    write_hollow(
        official(tmp_path) / "mrt2_base.safetensors",
        model_shapes(replace(BASE, temporal=replace(BASE.temporal, layers=19))),
    )
    assert refusal(Path("mrt2-base")) == (
        "~/.local/share/graphflow/magenta-rt-v2/checkpoints/mrt2_base.safetensors: temporal.layers is 19; expected 20 "
        "as mrt2-base has it; graphflow models download mrt2-base"
    )


def test_other_sizes_without_a_config(tmp_path: Path) -> None:
    write_hollow(tmp_path / "mine" / "checkpoints" / "mine.safetensors", model_shapes(TINY))
    assert refusal(tmp_path / "mine") == (
        "~/mine/checkpoints/mine.safetensors has sizes of no released model (temporal 2 x 32, depth 2 x 16), and its "
        "window cannot be seen; put model.safetensors and config.json into one folder"
    )


@pytest.mark.parametrize(
    "text, said",
    [
        ("[1]", "it is [1], no object"),
        ('{"temporal": 5}', "temporal is 5, no object"),
        ("[" * 100_000, "maximum recursion depth exceeded"),
    ],
)
def test_a_config_that_is_none_is_named_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    write_hollow(tmp_path / "mine" / "model.safetensors", model_shapes(TINY))
    (tmp_path / "mine" / "config.json").write_text(text)
    assert refusal(tmp_path / "mine").startswith(
        f"{tmp_path}/mine/config.json: the model's sizes cannot be read ({said}"
    )


def test_a_folder_without_weights(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert refusal(tmp_path / "mine") == (
        f"{tmp_path}/mine holds no model; expected config.json and model.safetensors, or checkpoints/NAME.safetensors"
    )


@pytest.mark.parametrize("file", ["model", "encoder"])
def test_a_file_that_is_no_checkpoint(file: str, tmp_path: Path) -> None:
    folder = write_saved(tmp_path / "tiny", {"any": torch.ones(9)}, {"any": torch.ones(9)})
    (folder / f"{file}.safetensors").write_bytes(b"")
    assert refusal(folder) == f"~/tiny/{file}.safetensors is empty; download or save it again"


def changed(name: str, value: float) -> dict[str, torch.Tensor]:
    tensor = tensors()[name].clone()
    tensor.view(-1)[-1] = value
    return {**tensors(), name: tensor}


WRONG: dict[str, tuple[Callable[[], dict[str, torch.Tensor]], str]] = {
    "missing": (
        lambda: without(tensors(), NORM),
        f": {NORM} is missing; expected [16]; download it again",
    ),
    "missing, and it tells a size": (
        lambda: without(tensors(), TABLE),
        f": {TABLE} is missing; expected a checkpoint of Magenta RealTime 2",
    ),
    "too many": (
        lambda: {**tensors(), "params/more": torch.zeros(3)},
        ": 1 tensors too many, params/more the first; expected the official checkpoint of a model whose sizes are known",
    ),
    "another shape": (
        lambda: {**tensors(), NORM: torch.zeros(17)},
        f": {NORM} is [17]; expected [16]; is it another model's file?",
    ),
    "another number of dimensions": (
        lambda: {**tensors(), TABLE: torch.zeros(3)},
        f": {TABLE} is [3]; expected 2 dimensions, of a checkpoint of Magenta RealTime 2",
    ),
    "another size": (
        lambda: {**tensors(), TABLE: torch.zeros(12294, 48)},
        ": temporal.dim is 48; expected 32 as ~/tiny/config.json has it; download or save it again",
    ),
    "no number": (
        lambda: changed(NORM, float("nan")),
        f": {NORM} holds values that are no numbers; download it again",
    ),
    "whole numbers": (
        lambda: {**tensors(), NORM: torch.zeros(16, dtype=torch.int64)},
        f": {NORM} is I64; expected F32, BF16, F16, F64; download or save it again",
    ),
}


@pytest.mark.parametrize("make, said", WRONG.values(), ids=WRONG)
def test_a_checkpoint_that_is_not_the_models(
    make: Callable[[], dict[str, torch.Tensor]], said: str, tmp_path: Path
) -> None:
    held = {name: tensor if not name.endswith(STYLES) else tensor.half() for name, tensor in make().items()}
    assert refusal(write_saved(tmp_path / "tiny", held)) == f"~/tiny/model.safetensors{said}"


def test_an_encoder_of_another_size(tmp_path: Path) -> None:
    other = replace(TINY, codec=replace(TINY.codec, encoder_base_depth=3))
    folder = write_saved(tmp_path / "tiny")
    write_hollow(folder / "encoder.safetensors", encoder_shapes(other))
    assert refusal(folder) == (
        "~/tiny/encoder.safetensors: codec.encoder_base_depth is 3; expected 2 as ~/tiny/config.json has it; "
        "download or save it again"
    )


@pytest.mark.parametrize("window", [0, -1, 10**9])
def test_a_window_that_cannot_be(window: int, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    write_hollow(folder / "model.safetensors", model_shapes(TINY))
    (folder / "config.json").write_text(json.dumps(renamed(window=window).data()))
    assert refusal(folder) == f"~/tiny/config.json: temporal.window is {window}; expected 1 to 1024 chunks"


@pytest.mark.parametrize("file", ["model", "encoder"])
def test_a_file_that_goes_away(file: str, tmp_path: Path) -> None:
    files = find(str(write_saved(tmp_path / "tiny", encoder=encoder_tensors())))
    (tmp_path / "tiny" / f"{file}.safetensors").unlink()
    with pytest.raises(UserError) as caught:
        load_files(files, "cpu")
    assert str(caught.value) == f"~/tiny/{file}.safetensors is gone; download or save it again"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
            "allocate 12884901888 bytes. Error code 12 (Cannot allocate memory)"
        ),
        RuntimeError("[enforce fail] data. DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes."),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)"),
    ],
)
def test_a_model_that_memory_cannot_hold(error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> Model:
        raise error

    monkeypatch.setattr(loading, "build", full)
    assert refusal(write_saved(tmp_path / "tiny")) == (
        "tiny: 41.4 MB of weights do not fit into this computer's memory; close other programs, or choose a smaller "
        "model"
    )


def test_a_file_that_memory_cannot_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> object:
        raise RuntimeError(f"unable to mmap 9836766226 bytes from file <{path}>: Cannot allocate memory (12)")

    monkeypatch.setattr(checkpoint, "_mapped", full)
    assert refusal(write_saved(tmp_path / "tiny")).startswith("tiny: 41.4 MB of weights do not fit into this computer")


def test_a_fault_of_ours_is_not_told_as_a_lack_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*arguments: object) -> Model:
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(loading, "build", faulty)
    with pytest.raises(RuntimeError, match="multiplied"):
        load(write_saved(tmp_path / "tiny"), "cpu", "float32")


def test_a_device_that_is_none(tmp_path: Path) -> None:
    folder = write_saved(tmp_path / "tiny")
    with pytest.raises(UserError, match="device is 'tpu'; expected auto, cpu, mps or cuda:N"):
        load(folder, "tpu")


def test_nothing_of_the_file_is_kept_open(tmp_path: Path, plain: Model) -> None:
    folder = write_saved(tmp_path / "tiny")
    model = load(folder, "cpu", "float32")
    (folder / "model.safetensors").write_bytes(np.zeros(10_000_000, np.float32).tobytes())
    assert same(model, plain)

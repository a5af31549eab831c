"""What a file may be in place of a checkpoint: each is told in a line, and none is run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from graphflow.core.errors import UserError
from graphflow.models.magenta.checkpoint import Checkpoint

Damage = Callable[[bytes], bytes]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is well."""
    save_file({"a": torch.arange(1000.0), "b/c": torch.ones(2, 3, dtype=torch.bfloat16)}, tmp_path / "a.safetensors")
    return tmp_path / "a.safetensors"


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        Checkpoint(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_tensors_are_read_by_name(path: Path) -> None:
    with Checkpoint(path) as checkpoint:
        assert sorted(checkpoint.names()) == ["a", "b/c"]
        assert (checkpoint.shape("a"), checkpoint.shape("b/c"), checkpoint.shape("d")) == ((1000,), (2, 3), None)
        assert torch.equal(checkpoint.read("a"), torch.arange(1000.0))
        assert checkpoint.read("b/c").dtype == torch.bfloat16
        assert checkpoint.size == path.stat().st_size
        assert str(checkpoint) == f"{path}: 2 tensors"


DAMAGES: dict[str, tuple[Damage, str]] = {
    "nothing": (lambda whole: b"", "is empty"),
    "cut in its header": (lambda whole: whole[:20], "is cut short, or damaged"),
    "cut": (lambda whole: whole[:-1000], "is cut short, or damaged"),
    "a wrong letter": (
        lambda whole: whole[:8] + b"x" + whole[9:],
        "is damaged (invalid JSON in header: expected value at line 1 column 1)",
    ),
    "noise": (lambda whole: b"\xfe" * 1000, "is damaged (header too large)"),
    "a web page": (
        lambda whole: b"<!DOCTYPE html>\n<html><body>429</body></html>",
        "is a web page, perhaps one that says why the download was refused",
    ),
    "a zip of torch": (
        lambda whole: b"PK\x03\x04" + bytes(1000),
        "is a pickle (as .pt and .ckpt are), which may run a stranger's program; expected safetensors",
    ),
    "a pickle": (
        lambda whole: b"\x80\x02}q\x00." + bytes(1000),
        "is a pickle (as .pt and .ckpt are), which may run a stranger's program; expected safetensors",
    ),
    "a pointer": (
        lambda whole: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
        "is a Git LFS pointer and not the file that it stands for",
    ),
}


@pytest.mark.parametrize("damage, said", DAMAGES.values(), ids=DAMAGES)
def test_a_file_that_is_no_checkpoint(damage: Damage, said: str, path: Path) -> None:
    path.write_bytes(damage(path.read_bytes()))
    assert refusal(path) == f"{path} {said}; download it again"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a.safetensors") == f"{tmp_path}/a.safetensors is gone; download it again"


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path} cannot be read (Is a directory); download it again"


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may read everything")
def test_a_file_that_may_not_be_read(path: Path) -> None:
    path.chmod(0)
    assert refusal(path) == f"{path} cannot be read (Permission denied); download it again"

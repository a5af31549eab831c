"""Our model against what the official package made, tensor by tensor."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from graphflow.core.errors import UserError
from graphflow.models.magenta import parity
from graphflow.models.magenta.codec.encoder import Encoder
from graphflow.models.magenta.config import CODES, CodecSizes
from graphflow.models.magenta.golden import Part

GOLDENS = Path(__file__).parent / "goldens"


def test_every_tensor_of_the_golden_sets_is_met() -> None:
    """`mini` has the released model's twelve levels, `seven` seven, a window of 2 and a single head; `uneven` two pieces
    of one channel that end within a chunk, and one chunk of codes, which is silent."""
    *rows, wave, emb, codes = parity.check_folder(GOLDENS)
    assert [row.tensor for row in (wave, emb, codes)] == ["wave_offline", "emb", "codes"]
    assert wave.passed and emb.passed and codes.passed
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


def test_other_weights_are_not_the_same_model(tmp_path: Path) -> None:
    config = json.loads((GOLDENS / "mini_config.json").read_text())
    (tmp_path / "mini_config.json").write_text(json.dumps({**config, "salt": "other"}))
    shutil.copy(GOLDENS / "mini_stream.npz", tmp_path)
    assert not any(row.passed for row in parity.check_folder(tmp_path))


def test_a_folder_without_sets_is_said_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no golden set; expected CASE_config\.json"):
        parity.main(tmp_path)


def copy(folder: Path, *parts: str, case: str = "mini", named: str = "") -> Path:
    """Some files of a set, under another name if given."""
    for part in parts:
        suffix = "json" if part in ("config", "shapes") else "npz"
        shutil.copy(GOLDENS / f"{case}_{part}.{suffix}", folder / f"{named or case}_{part}.{suffix}")
    return folder


def arrays_of(part: str) -> dict[str, np.ndarray]:
    with np.load(GOLDENS / f"mini_{part}.npz") as stored:
        return {name: stored[name] for name in stored.files}


def lines_of(folder: Path, capsys: pytest.CaptureFixture[str], code: int = 1) -> list[str]:
    assert parity.main(folder) == code
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    "path, value, said",
    [
        (("temporal", "window"), None, "'window'"),
        (("temporal", "dim"), None, "dim"),
        (("depth",), None, "'depth'"),
        (("codec", "features"), None, "features"),
        (("temporal", "heads"), 0, "temporal heads is 0"),
        (("temporal", "window"), -1, "temporal window is -1"),
        (("temporal", "dim"), 64.5, "temporal dim is 64.5, no whole number"),
        (("conditioning",), "wide", "model conditioning is 'wide', no whole number"),
        (("codec", "used_levels"), 17, "17 levels used of 16"),
        (("codec",), 3, "codec is 3, no object"),
        (("salt",), 7, "expected the set's sizes and its salt, a text"),
        (("salt",), "\ud800", "expected the set's sizes and its salt, a text"),
    ],
)
def test_sizes_that_cannot_be_are_said_in_a_line(
    tmp_path: Path, path: tuple[str, ...], value: object, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    copy(tmp_path, "sampler")
    data = json.loads((GOLDENS / "mini_config.json").read_text())
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    (tmp_path / "mini_config.json").write_text(json.dumps(data))
    first, last = lines_of(tmp_path, capsys)
    assert first.startswith(f"MISS  {tmp_path / 'mini_config.json'}: ") and said in first
    assert last == "0 tensors, 0 missed, 1 set not compared"


@pytest.mark.parametrize(
    "part, tensor, change, said",
    [
        ("stream", "cond", lambda x: np.pad(x, ((0, 0), (0, 1))), "cond is [20, 145]; expected [any, 144]"),
        ("stream", "cond", lambda x: x[0], "cond is [144]; expected [any, 144]"),
        ("stream", "cond", lambda x: x + 0.5, "cond is float64; expected whole numbers"),
        ("stream", "cond", lambda x: x + 5000, "cond [0, 7] is 5980; expected -7224 to 5147"),
        ("stream", "tokens", lambda x: x[:, :11], "tokens is [20, 11]; expected [20, 12]"),
        ("stream", "tokens", lambda x: (x - 6) % 1024, "tokens [0, 1] is 667; expected 1030 to 2053"),
        ("stream", "tokens", None, "holds audio_int16, cond, logits_precap, source, temporal_in, temporal_out; "),
        ("decode", "codes", lambda x: x[0], "codes is [10, 12]; expected [any, any, 12]"),
        ("decode", "codes", lambda x: x - 2000, "codes [0, 0, 0] is "),
        ("decode", "wave_offline", None, "holds codes; expected wave_offline to compare with"),
        ("encode", "wave", lambda x: np.tile(x, 2), "wave is [1, 19200, 4]; expected [any, any, 2]"),
        ("encode", "wave", lambda x: x.astype(np.int16), "wave is int16; expected floats"),
        ("encode", "codes", lambda x: x[0], "codes is [10, 16]; expected [1, 10, any]"),
        ("sampler", "pick", lambda x: x[:3], "pick is [3]; expected [7]"),
        ("sampler", "logits", lambda x: x[:, :2], "logits is [7, 2, 1024]; expected [7, 3, any]"),
    ],
)
def test_inputs_that_cannot_be_are_said_in_a_line(
    tmp_path: Path,
    part: str,
    tensor: str,
    change: Callable[[np.ndarray], np.ndarray] | None,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copy(tmp_path, "config")
    arrays = arrays_of(part)
    if change is None:
        del arrays[tensor]
    else:
        arrays[tensor] = change(arrays[tensor])
    np.savez(tmp_path / f"mini_{part}.npz", **arrays)
    lines = lines_of(tmp_path, capsys)
    assert f"MISS  {tmp_path / f'mini_{part}.npz'}: " in lines[-2] and said in lines[-2]
    assert lines[-1].endswith(", 1 set not compared")


def damaged(path: Path, how: str) -> None:
    whole = path.read_bytes()
    if how == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "changed":
        path.write_bytes(whole[:200] + bytes(200) + whole[400:])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("no tensors")
    elif how == "bare":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    elif how == "pickled":
        np.savez(path, codes=np.array([{}], object))
    else:
        np.savez(path)


@pytest.mark.parametrize("how", ["cut", "changed", "empty", "text", "bare", "pickled", "hollow"])
def test_a_damaged_file_is_said_and_the_other_sets_are_compared(
    tmp_path: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    copy(tmp_path, "config", "decode", named="broken")
    damaged(tmp_path / "broken_decode.npz", how)
    copy(tmp_path, "config", "sampler", named="sound")
    first, second, last = lines_of(tmp_path, capsys)
    assert first.startswith(f"MISS  {tmp_path / 'broken_decode.npz'}: ") and first.endswith("; make the set again")
    assert second.startswith("ok    sound      sampler ")
    assert last == "1 tensors, 0 missed, 1 set not compared"


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"salt": ""}'])
def test_sizes_that_cannot_be_read_are_said_in_a_line(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy(tmp_path, "sampler") / "mini_config.json").write_text(text)
    first, _ = lines_of(tmp_path, capsys)
    assert first.startswith(f"MISS  {tmp_path / 'mini_config.json'}: ")


def test_a_set_without_sizes_or_tensors_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy(tmp_path, "config", named="alone")
    copy(tmp_path, "sampler", named="lost")
    for name in ("notes.txt", "shapes.json", "other.npz", "mini_shapes.json", "mini_stream.npy"):
        (tmp_path / name).write_text("nothing that belongs to a set")
    alone, lost, last = lines_of(tmp_path, capsys)
    assert alone == f"MISS  {tmp_path}: alone has no tensors; expected at least one of alone_stream.npz, ..."
    assert lost.startswith(f"MISS  {tmp_path / 'lost_config.json'}: cannot be read (") and "No such file" in lost
    assert last == "0 tensors, 0 missed, 2 sets not compared"


def test_a_tensor_that_a_set_has_not_is_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy(tmp_path, "config")
    arrays = arrays_of("encode")
    np.savez(tmp_path / "mini_encode.npz", wave=arrays["wave"], codes=arrays["codes"][..., :12])
    first, last = lines_of(tmp_path, capsys, code=0)
    assert first.split()[:3] == ["ok", "mini", "codes"]
    assert last == "1 tensors, all within their tolerance"


def test_a_wrong_shape_of_a_result_is_a_miss(tmp_path: Path) -> None:
    copy(tmp_path, "config")
    arrays = arrays_of("decode")
    np.savez(tmp_path / "mini_decode.npz", codes=arrays["codes"], wave_offline=arrays["wave_offline"][0])
    (row,) = parity.check_folder(tmp_path)
    assert not row.passed and row.note == "shape (17280, 2), ours (1, 17280, 2)"


def test_one_number_that_is_off_is_a_miss_of_its_tensor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy(tmp_path, "config")
    tensors = []
    for part in ("sampler", "stream", "decode", "encode"):
        arrays = arrays_of(part)
        for name in set(arrays) & {"source", "temporal_in", "temporal_out", "logits_precap", "wave_offline", "emb"}:
            arrays[name].flat[-1] += 3e-5 * np.abs(arrays[name]).max()
            tensors.append(name)
        for name, more in (("audio_int16", 2), ("pick", 1)):
            if name in arrays:
                arrays[name].flat[-1] += more * (1 if arrays[name].flat[-1] <= 0 else -1)
                tensors.append(name.replace("pick", "sampler"))
        np.savez(tmp_path / f"mini_{part}.npz", **arrays)
    *lines, last = lines_of(tmp_path, capsys)
    assert sorted(line.split()[2] for line in lines if line.startswith("MISS")) == sorted(tensors)
    assert last == "9 tensors, 8 missed"


def test_the_codes_of_equal_entries_are_ties_and_all_others_are_not(tmp_path: Path) -> None:
    encoder = Encoder(CodecSizes(2, 3, 3, 1, 1)).requires_grad_(False)
    encoder.codebooks.copy_(torch.from_numpy(np.random.default_rng(1).standard_normal((3, CODES, 2))))
    features = torch.tensor([[[0.5, -1.0], [2.0, 0.25]]])
    right = encoder.codes(features)
    level = 1  # of two nearest entries the first is taken; what follows is the same
    first, second = sorted((int(right[0, 0, level]), (int(right[0, 0, level]) + 9) % CODES))
    encoder.codebooks[level, [first, second]] = encoder.codebooks[level, int(right[0, 0, level])].clone()
    for code, wrong, note in ((first, 0, ""), (second, 0, "1 are ties"), ((first + 3) % CODES, 1, "")):
        codes = right.clone()
        codes[0, 0, level] = code
        left = features[0, 0] - encoder.codebooks[0, codes[0, 0, 0]] - encoder.codebooks[1, code]
        codes[0, 0, 2] = (encoder.codebooks[2] - left).square().sum(-1).argmin()
        np.savez(tmp_path / "some_encode.npz", codes=codes.numpy())
        row = parity.compare_codes(Part(tmp_path, "some", "encode"), encoder, features)
        assert (row.error, row.note, row.unit) == (wrong, note, "of 6 codes")


@pytest.mark.slow
def test_run_as_a_module_it_says_in_a_line_what_is_wrong(tmp_path: Path) -> None:
    for arguments, said in (((), "expected the folder"), ((str(tmp_path),), f"{tmp_path}: no golden set")):
        command = [sys.executable, "-m", "graphflow.models.magenta.parity", *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 2 and ran.stderr.startswith(said) and ran.stderr.count("\n") == 1

"""The network computes the same in training, in torch step by step, and in compiled loops; training can be resumed."""

import argparse
import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light import train, writer
from graphflow.models.first_light.accelerated import network
from graphflow.models.first_light.composer import compose

WEIGHTS = writer.load_weights()


def logits(engine, pieces, streams=range(8)):
    """All logits of playing a piece's symbols, told nothing in row 1."""
    previous, all_logits = np.zeros(8, dtype=np.int64), []
    told = np.zeros((2, engine.style), dtype=np.float32)
    told[0] = (*pieces.style, pieces.density, 1.0)
    nothing, free = np.zeros((2, 4), dtype=np.float32), np.zeros((2, 12), dtype=np.float32)
    for step, clock in zip(pieces.symbols, pieces.clock.astype(np.int64), strict=True):
        base = engine.listen(previous, clock, sy.MODE_NAMES.index(pieces.mode), told, nothing, free)
        for stream in streams:
            all_logits.append(engine.logits(base, stream))
            base = engine.chosen(base, stream, int(step[stream]))
        previous = step.astype(np.int64)
    return np.concatenate(all_logits, axis=1)


def test_compiled_loops_equal_torch_past_the_window():
    piece = compose(np.random.default_rng(3), "house", bars=18)  # 288 steps: the ring of 256 wraps
    compiled, reference = (writer.engine(name, WEIGHTS) for name in ("cpu", "torch"))
    assert np.abs(logits(compiled, piece) - logits(reference, piece)).max() < 1e-3


def test_step_by_step_equals_training():
    piece = compose(np.random.default_rng(4), "jazz", bars=2)
    played = logits(writer.engine("torch", WEIGHTS), piece)[0]
    nats, at = np.zeros(8), 0
    for step in piece.symbols:
        for stream, size in enumerate(sy.SIZES):
            row = played[at : at + size].astype(np.float64)
            nats[stream] += np.log(np.exp(row - row.max()).sum()) + row.max() - row[step[stream]]
            at += size
    net = network(WEIGHTS)
    offsets = np.array(net.offsets)
    current = torch.from_numpy(piece.symbols.astype(np.int64) + offsets)[None]
    previous = torch.cat([torch.from_numpy(offsets)[None, None], current[:, :-1]], dim=1)
    told = np.tile(np.array([*piece.style, piece.density, 1.0], dtype=np.float32), (1, 32, 1))
    conditions = train.Conditions(
        torch.from_numpy(piece.clock.astype(np.int64))[None],
        torch.full((1, 32), sy.MODE_NAMES.index(piece.mode)),
        torch.from_numpy(told),
        torch.zeros(1, 32, 4),
        torch.zeros(1, 32, 12),
    )
    with torch.no_grad():
        trained = net(previous, current, conditions).numpy()
    assert nats / 32 == pytest.approx(trained, abs=2e-3)


def test_the_trained_network_knows_its_music():
    def nats(piece):
        played, at, total = logits(writer.engine("cpu", WEIGHTS), piece), 0, np.zeros(2)
        for step in piece.symbols:
            for stream, size in enumerate(sy.SIZES):
                rows = played[:, at : at + size].astype(np.float64)
                total += np.log(np.exp(rows - rows.max(1, keepdims=True)).sum(1)) + rows.max(1) - rows[:, step[stream]]
                at += size
        return total / len(piece.symbols)

    heard = np.mean(
        [
            nats(compose(np.random.default_rng((9, n)), g, bars=4))
            for n, g in enumerate(("techno", "jazz", "lofi", "trap"))
        ],
        axis=0,
    )
    assert heard[0] < 4.5  # untrained: 27
    assert heard[0] < heard[1]  # being told helps


def test_the_shipped_weights_are_small():
    assert writer.WEIGHTS.stat().st_size < 20e6
    assert {array.dtype for array in load_file(writer.WEIGHTS).values()} == {np.dtype(np.float16)}


def run(folder, steps, *more):
    args = ["--folder", str(folder), "--pieces", "6", "--steps", str(steps), "--batch", "2", "--window", "32", *more]
    train.train(train.parser().parse_args(args))
    return load_file(folder / "checkpoint.safetensors")


@pytest.mark.slow
def test_training_learns_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "HELD_OUT", 4)
    whole = run(tmp_path / "a", 6)
    steps = iter(range(100))

    def interrupted(*args, **kwargs):
        if next(steps) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(train, "progress", lambda *a, **k: None)
    train.write_lessons(6, 1, tmp_path / "b" / "lessons-1-6.npz")
    train.write_lessons(4, 2, tmp_path / "b" / "heldout-2-4.npz")
    monkeypatch.setattr(train, "progress", interrupted)
    run(tmp_path / "b", 6)
    assert json.loads((tmp_path / "b" / "checkpoint.json").read_text())["step"] == 4
    monkeypatch.setattr(train, "progress", lambda *a, **k: None)
    resumed = run(tmp_path / "b", 6)
    assert whole.keys() == resumed.keys()
    for name, array in whole.items():
        assert np.allclose(array, resumed[name], atol=1e-5), name


def test_windows_tell_what_they_cut_together():
    lessons = train.Lessons(
        symbols=np.ones((3, 512, 8), dtype=np.uint8),
        clock=np.zeros((3, 512, 4), dtype=np.uint8),
        chroma=np.zeros((3, 512, 12), dtype=np.uint8),
        style=np.eye(3, 19, dtype=np.float32),
        mode=np.arange(3, dtype=np.uint8),
    )
    _, current, told = train.windows(lessons, 64, 256, np.random.default_rng(0))
    assert current.shape == (64, 256, 8)
    known = told.style[:, :, -1] > 0
    assert torch.equal(told.style[:, :, :3].argmax(2)[known], told.mode[known])
    changes = (told.mode[:, 1:] != told.mode[:, :-1]).sum(1)
    assert 0 < float(changes.float().mean()) < 3
    assert all(int(at + 1) % 16 == 0 for at in (told.mode[0, 1:] != told.mode[0, :-1]).nonzero()[:, 0])


def test_the_parser_knows_its_recipe():
    args = train.parser().parse_args([])
    assert isinstance(args, argparse.Namespace) and (args.window, args.threads) == (256, 1)

"""What holds for every stream, whatever the weights: steps equal the whole, slots and restarts change nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from graphflow.core.errors import UserError
from graphflow.models.magenta.attention import HIDDEN
from graphflow.models.magenta.config import CHUNK, CODES
from graphflow.models.magenta.controls import Controls, Fingers, ask
from graphflow.models.magenta.model import Model
from graphflow.models.magenta.noise import gumbel, philox
from graphflow.models.magenta.prefill import heard, prefill
from graphflow.models.magenta.sampling import guided, keep_by_rank, keep_by_sort, pick, pick_capped
from graphflow.models.magenta.session import Session
from graphflow.models.magenta.snapshot import Snapshot
from graphflow.models.magenta.streaming import StreamingGenerator
from graphflow.models.magenta.temporal import TemporalLayer
from tests.models.magenta.tiny_build import TINY
from tests.models.magenta.tiny_model import tiny_model

WINDOW = TINY.temporal.window
LONG = 3 * WINDOW + 5  # chunks; more than the ring holds twice


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.inference_mode():
        yield tiny_model()
    torch.set_num_threads(threads)


def ids_of(model: Model, count: int, seed: int = 3) -> Tensor:
    codes = torch.from_numpy(np.random.default_rng(seed).integers(0, CODES, (count, TINY.levels)))
    return model.lm.ids(codes)


def conditions(count: int, seed: int = 4) -> Tensor:
    random = np.random.default_rng(seed)
    style = random.integers(-1, CODES, (count, 12))
    notes = random.integers(-1, 4, (count, 128))
    rest = np.stack([random.integers(low, high, count) for low, high in ((-1, 2), (0, 41), (0, 41), (0, 9))], 1)
    return torch.from_numpy(np.concatenate([style, notes, rest], 1))


def play(session: Session, chunks: int) -> Tensor:
    """The session's next chunks, [frames, 2]."""
    return torch.cat([session.generator.step([session]).sound[0] for _ in range(chunks)])


def opened(model: Model, slots: int = 1, **options: bool) -> Session:
    session = StreamingGenerator(model, slots).open(7, **options)
    session.set("temperature", 1.3)
    session.set("style", tuple(range(40, 52)))
    return session


# --- steps equal the whole -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("piece", [1, 2, 7, LONG])
def test_the_transformer_stepped_is_the_transformer_over_all(model: Model, piece: int) -> None:
    lm, temporal = model.lm, model.lm.temporal
    ids, wanted = ids_of(model, LONG), conditions(LONG)
    embedded, source = lm.embed(ids), lm.conditioning(wanted)
    stepped, memory = [], temporal.memory(1)
    for n in range(LONG):
        stepped.append(temporal(embedded[n : n + 1], source[n : n + 1], memory, torch.tensor([n])))
    pieces, remembered = [], temporal.memory(1)
    for begun in range(0, LONG, piece):
        own = slice(begun, begun + piece)
        pieces.append(temporal.over(embedded[None, own], source[None, own], remembered, begun)[0])
    torch.testing.assert_close(torch.cat(pieces), torch.cat(stepped), rtol=0, atol=2e-5)


def test_a_chunk_sees_the_window_and_nothing_older(model: Model) -> None:
    """Against attention over the whole past with the window as a mask, written out."""
    lm, temporal = model.lm, model.lm.temporal
    ids, wanted = ids_of(model, LONG), conditions(LONG)
    x, source = lm.embed(ids), lm.conditioning(wanted)
    memory = temporal.memory(1)
    ours = torch.cat([temporal(x[n : n + 1], source[n : n + 1], memory, torch.tensor([n])) for n in range(LONG)])
    age = torch.arange(LONG)[:, None] - torch.arange(LONG)
    seen = (age >= 0) & (age <= WINDOW)
    for layer in temporal.layers:
        assert isinstance(layer, TemporalLayer)
        own, cross = layer.self_attention, layer.cross_attention
        for attention in (own, cross):
            query, key, value = own.project(x[None]) if attention is own else (cross.project(x[None]), None, None)
            if key is None:
                key, value = cross.listen(source[None])
            rows = []
            for head in range(TINY.temporal.heads):
                logits = torch.where(seen, query[0, head] @ key[0, head].T, HIDDEN)
                sink = query[0, head] @ attention.sink_key[head]
                weights = torch.softmax(torch.cat([sink[:, None], logits], 1), 1)
                rows.append(weights[:, 1:] @ value[0, head] + weights[:, :1] * attention.sink_value[head])
            x = x + attention.post(attention.out(torch.cat(rows, 1)))
        x = x + layer.ffn_post(layer.ffn(layer.ffn_pre(x)))
    torch.testing.assert_close(ours, x, rtol=0, atol=2e-5)


def test_the_decoder_streamed_is_the_whole_a_chunk_later(model: Model) -> None:
    codes = model.lm.codes(ids_of(model, 9))
    memory, chunks = model.decoder.memory(1), []
    for row in codes:
        wave, memory = model.decoder(row[None], memory)
        chunks.append(wave[0])
    streamed = torch.cat(chunks)
    assert torch.all(streamed[:CHUNK] == 0.0)
    torch.testing.assert_close(streamed[CHUNK:], model.decoder.whole(codes[None])[0], rtol=0, atol=2e-6)


@pytest.mark.parametrize("piece", [1, 2, 7])
def test_the_encoder_streamed_is_the_whole(model: Model, piece: int) -> None:
    assert model.encoder is not None
    chunks = 9
    wave = torch.from_numpy(np.random.default_rng(2).uniform(-0.5, 0.5, (1, chunks * CHUNK, 2)).astype(np.float32))
    padded = torch.nn.functional.pad(wave, (0, 0, 0, 480))
    memory, made = model.encoder.memory(1), []
    for begun in range(0, chunks, piece):
        ended = min(begun + piece, chunks)
        features, memory = model.encoder(padded[:, begun * CHUNK : ended * CHUNK + 480], memory)
        made.append(features)
    whole = model.encoder.whole(wave)
    torch.testing.assert_close(torch.cat(made, 1), whole, rtol=0, atol=1e-5 * float(whole.abs().max()))


def test_the_ring_is_a_set(model: Model) -> None:
    lm, temporal = model.lm, model.lm.temporal
    ids, source = ids_of(model, LONG), lm.conditioning(conditions(LONG))
    memory = temporal.memory(1)
    for n in range(LONG - 1):
        temporal(lm.embed(ids)[n : n + 1], source[n : n + 1], memory, torch.tensor([n]))
    last = LONG - 1
    mixed = temporal.memory(1)
    slots = [1 + (last - 1 - age) % temporal.ring for age in range(WINDOW)]  # what the last chunk still sees
    shuffled = slots[::-1]
    for store, other in zip(memory.tensors, mixed.tensors, strict=True):
        other.copy_(store)
        other[:, :, slots] = store[:, :, shuffled]
    args = (lm.embed(ids)[last:], source[last:])
    before = temporal(*args, memory, torch.tensor([last]))
    torch.testing.assert_close(temporal(*args, mixed, torch.tensor([last])), before, rtol=0, atol=1e-5)


# --- sessions ----------------------------------------------------------------------------------------------------------


def test_what_other_slots_do_changes_nothing(model: Model) -> None:
    alone = StreamingGenerator(model, 3)
    quiet = alone.open(7)
    reference = play(quiet, 12)
    busy = StreamingGenerator(model, 3)
    mine, other, third = busy.open(7), busy.open(8), busy.open(9)
    heard = []
    for chunk in range(12):
        sessions = [mine, other] if chunk % 3 else [third, mine]
        result = busy.step(sessions)
        heard.append(result.sound[sessions.index(mine)])
        if chunk == 4:
            other.reset()
            third.set("held", frozenset({60, 64}))
        if chunk == 8:
            other.close()
            other = busy.open(11)
    assert torch.equal(torch.cat(heard), reference)


def test_a_slot_that_waits_goes_on_where_it_was(model: Model) -> None:
    generator = StreamingGenerator(model, 2)
    waiting, busy = generator.open(7), generator.open(8)
    heard = [play(waiting, 6)]
    play(busy, 9)
    heard.append(play(waiting, 6))
    other = StreamingGenerator(model, 2).open(7)
    assert torch.equal(torch.cat(heard), play(other, 12))


def test_another_number_of_slots_keeps_streams(model: Model) -> None:
    generator = StreamingGenerator(model, 1)
    session = generator.open(7)
    first = play(session, 8)
    generator.resize(4)
    second = generator.open(8)
    play(second, 3)
    rest = play(session, 8)
    reference = play(StreamingGenerator(model, 1).open(7), 16)
    torch.testing.assert_close(torch.cat([first, rest]), reference, rtol=0, atol=1e-5)
    with pytest.raises(UserError, match="expected at least 2, the sessions that are open"):
        generator.resize(1)


@pytest.mark.parametrize("chunks", [2, LONG])
@pytest.mark.parametrize("ahead", [False, True])
def test_a_snapshot_goes_on_to_the_sample(model: Model, chunks: int, ahead: bool) -> None:
    session = opened(model, ahead=ahead)
    session.set("held", frozenset({60}))
    play(session, chunks)
    kept = Snapshot.unpack(session.snapshot().pack())
    expected = play(session, 6)
    other = StreamingGenerator(model, 1).open(99, ahead=ahead)
    other.restore(kept)
    assert torch.equal(play(other, 6), expected)


def test_a_fork_differs_only_after_its_own_change(model: Model) -> None:
    session = opened(model, slots=2)
    play(session, 7)
    fork = session.fork()
    assert torch.equal(play(fork, 3), play(session, 3))
    fork.set("temperature", 0.0)
    assert not torch.equal(play(fork, 6), play(session, 6))


def test_a_snapshot_goes_on_in_another_process(model: Model, tmp_path: Path) -> None:
    session = opened(model)
    play(session, 9)
    session.save(tmp_path / "kept.safetensors")
    expected = play(session, 4)
    script = """
import sys, torch, numpy as np
sys.path.insert(0, sys.argv[1])
from tests.models.magenta import test_laws as laws
torch.set_num_threads(1)
with torch.inference_mode():
    session = laws.StreamingGenerator(laws.tiny_model(), 1).open(0)
    session.restore(laws.Snapshot.load(laws.Path(sys.argv[2])))
    np.save(sys.argv[3], laws.play(session, 4).numpy())
"""
    place = [str(Path(__file__).parents[3]), str(tmp_path / "kept.safetensors"), str(tmp_path / "heard.npy")]
    subprocess.run([sys.executable, "-c", script, *place], check=True, cwd=Path(__file__).parents[3])
    assert np.array_equal(np.load(tmp_path / "heard.npy", allow_pickle=False), expected.numpy())


def test_another_models_snapshot_is_refused(model: Model) -> None:
    session = opened(model)
    play(session, 2)
    data = session.snapshot().pack().replace(model.fingerprint.encode(), b"tiny-000000000000"[: len(model.fingerprint)])
    with pytest.raises(UserError, match=r"snapshot is of tiny-0+; expected one of tiny-"):
        session.restore(Snapshot.unpack(data))
    with pytest.raises(UserError, match="snapshot cannot be read"):
        Snapshot.unpack(session.snapshot().pack()[:100])


def test_controls_are_latched_at_the_edge_or_at_a_chunk(model: Model) -> None:
    now, later, never = (opened(model) for _ in range(3))
    for session in (now, later, never):
        play(session, 4)
    later.set("temperature", 0.0, at_chunk=7)
    assert torch.equal(play(later, 3), play(never, 3))
    play(now, 3)
    now.set("temperature", 0.0)
    changed = play(later, 6)
    assert torch.equal(changed, play(now, 6))
    assert not torch.equal(changed, play(never, 6))


def test_what_was_staged_for_a_chunk_does_not_outlive_its_stream(model: Model) -> None:
    staged, plain = opened(model), opened(model)
    play(staged, 2)
    staged.set("temperature", 0.0, at_chunk=4)
    staged.reset()
    plain.reset()
    assert torch.equal(play(staged, 8), play(plain, 8))


def test_bad_controls_are_refused_in_a_line(model: Model) -> None:
    session = opened(model)
    for control, value, line in (
        ("loudness", 1.0, "loudness is no control; expected one of style, temperature"),
        ("temperature", 4.0, "temperature is 4; expected 0 to 3"),
        ("temperature", "hot", "temperature is 'hot'; expected a number"),
        ("temperature", True, "temperature is True; expected a number"),
        ("temperature", float("nan"), "temperature is nan; expected 0 to 3"),
        ("top_k", 50.0, "top_k is 50.0; expected a whole number"),
        ("style", "piano", "style is 'piano'; expected 12 codes"),
        ("style", ("a",) * 12, "expected whole numbers in it"),
        ("style", (1, 2), r"style is \[1, 2\]; expected 12 codes"),
        ("drums", "loud", "drums is 'loud'; expected off, auto or on"),
        ("held", frozenset({128}), r"held is \[128\]; expected pitches 0 to 127"),
        ("style", np.zeros((40, 12)), r"^style is array\(\[\[0.*\.\.\.; expected 12 codes from -1 \(masked\) to 1023$"),
        ("temperature", 10**400, "temperature is 1000.*; expected a number"),
        ("held", {60: 1}, "held is {60: 1}; expected a set of pitches 0 to 127"),
        ("strikes", {60: "twice"}, "expected whole numbers in it"),
        ("strikes", {200: 1}, r"strikes is \[200\]; expected pitches 0 to 127"),
        (5, 1.0, "5 is no control; expected one of style, temperature"),
        (["style"], 1.0, r"\['style'\] is no control"),
    ):
        with pytest.raises(UserError, match=line) as caught:
            session.set(control, value)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
    for at_chunk in (-1, 1.5, "soon", True):
        with pytest.raises(UserError, match=r"^at_chunk is .*; expected the number of a chunk, 0 or more, or None$"):
            session.set("temperature", 1.0, at_chunk)  # type: ignore[arg-type]
    assert session.controls == Controls(seed=7)


def test_what_is_set_is_kept_as_it_was_and_can_be_stored(model: Model, tmp_path: Path) -> None:
    session = opened(model)
    held = {60, 64}
    session.set("held", held)
    held.clear()
    session.set("top_k", np.int64(7))
    session.set("temperature", np.float32(0.5))
    session.set("style", [np.int16(code) for code in range(12)])
    play(session, 1)
    assert session.controls.held == {60, 64}
    session.save(str(tmp_path / "kept.safetensors"))
    assert Snapshot.load(str(tmp_path / "kept.safetensors")).controls == session.controls
    assert [path.name for path in tmp_path.iterdir()] == ["kept.safetensors"]
    with pytest.raises(UserError, match=r"/nowhere/kept: it cannot be written .*; make room, or name another place"):
        session.save(tmp_path / "nowhere" / "kept")
    with pytest.raises(UserError, match=r"/kept.safetensors/kept: it cannot be written \(Not a directory\); "):
        session.save(tmp_path / "kept.safetensors" / "kept")
    with pytest.raises(UserError, match=r"^path is 5; expected the name of a file$"):
        Snapshot.load(5)  # type: ignore[arg-type]


def test_a_closed_session_leaves_its_slot_to_others(model: Model) -> None:
    generator = StreamingGenerator(model, 1)
    closed = generator.open(7)
    play(closed, 3)
    kept = closed.snapshot()
    closed.close()
    other, reference = generator.open(8), StreamingGenerator(model, 1).open(8)
    play(other, 2)
    for use in (
        closed.reset,
        closed.rewind,
        closed.snapshot,
        closed.fork,
        lambda: closed.restore(kept),
        lambda: closed.prefill(tokens=torch.zeros(4, 12, dtype=torch.int64)),
        lambda: generator.step([closed]),
    ):
        with pytest.raises(UserError, match=r"closed; open another$"):
            use()
    assert torch.equal(play(other, 2), play(reference, 4)[2 * CHUNK :])


def test_a_generator_says_what_it_cannot_do(model: Model) -> None:
    generator = StreamingGenerator(model, 2)
    session, foreign = generator.open(7), StreamingGenerator(model, 1).open(7)
    uses: list[tuple[Callable[[], object], str]] = [
        (lambda: StreamingGenerator("mrt2-small"), "^model is 'mrt2-small'; expected one that "),  # type: ignore[arg-type]
        (lambda: StreamingGenerator(model, 0), "^slots is 0; expected 1 or more$"),
        (lambda: StreamingGenerator(model, 1.5), "^slots is 1.5; expected a whole number, 1 or more$"),  # type: ignore[arg-type]
        (lambda: generator.resize(0), "^slots is 0; expected 1 or more$"),
        (lambda: generator.open("a"), "^seed is 'a'; expected a whole number$"),  # type: ignore[arg-type]
        (lambda: generator.open(7, ahead="no"), "^ahead is 'no'; expected True or False$"),  # type: ignore[arg-type]
        (lambda: generator.step(session), "^step has .*; expected a list of sessions$"),  # type: ignore[arg-type]
        (lambda: generator.step([foreign]), "^step has .*; expected sessions that this generator has opened$"),
        (lambda: generator.step([session, session]), "^step has a session, number 1, twice; "),
        (lambda: session.restore(b"kept"), "^snapshot is a bytes; expected what "),  # type: ignore[arg-type]
    ]
    for use, line in uses:
        with pytest.raises(UserError, match=line) as caught:
            use()
        assert "\n" not in str(caught.value)
    assert session.chunk == 0 and generator.statistics().sessions == 1


# --- time ---------------------------------------------------------------------------------------------------------------


def test_looking_ahead_is_the_plain_stream_a_chunk_earlier(model: Model) -> None:
    plain, ahead = opened(model), opened(model, ahead=True)
    assert torch.equal(play(plain, LONG)[CHUNK:], play(ahead, LONG - 1))
    assert ahead.generator.statistics().steps == LONG


def test_a_change_while_looking_ahead_is_the_plain_stream_but_for_a_seam(model: Model) -> None:
    plain, ahead = opened(model), opened(model, ahead=True)
    chunks = {"plain": [], "ahead": []}
    for chunk in range(16):
        for name, session in (("plain", plain), ("ahead", ahead)):
            if chunk in (5, 9):
                session.set("style", tuple(range(chunk, chunk + 12)))
                session.set("temperature", 2.0)
            chunks[name].append(play(session, 1))
    expected, heard = torch.stack(chunks["plain"][1:]), torch.stack(chunks["ahead"][:-1])
    different = [n for n in range(15) if not torch.equal(expected[n], heard[n])]
    assert set(different) <= {4, 5, 8, 9}  # the chunk before was made with another one ahead; then the seam
    for n in (5, 9):
        assert torch.equal(expected[n][480:], heard[n][480:])
    step = (heard.flatten(0, 1)[1:] - heard.flatten(0, 1)[:-1]).abs().max()
    natural = (expected.flatten(0, 1)[1:] - expected.flatten(0, 1)[:-1]).abs().max()
    assert step <= 1.5 * natural


@pytest.mark.parametrize("ahead", [False, True])
def test_taking_back_with_unchanged_controls_changes_nothing(model: Model, ahead: bool) -> None:
    session, reference = opened(model, ahead=ahead, rewinds=True), opened(model, ahead=ahead)
    for chunk in range(LONG):
        heard = play(session, 1)
        for _ in range(chunk % 3):
            assert session.rewind()
            assert torch.equal(play(session, 1), heard)
        assert torch.equal(heard, play(reference, 1))


@pytest.mark.parametrize("ahead", [False, True])
def test_taking_back_with_a_change_is_as_if_it_had_come_in_time(model: Model, ahead: bool) -> None:
    late, early = opened(model, ahead=ahead, rewinds=True), opened(model, ahead=ahead, rewinds=True)
    for session in (late, early):
        play(session, 6)
    early.set("temperature", 0.0)
    expected = play(early, 1)
    play(late, 1)
    assert late.rewind()
    late.set("temperature", 0.0)
    assert torch.equal(play(late, 1), expected)  # looking ahead, with the seam
    assert torch.equal(play(late, 8), play(early, 8))


def test_taking_back_a_change_while_looking_ahead_keeps_the_seam(model: Model) -> None:
    session = opened(model, ahead=True)
    play(session, 6)
    session.set("temperature", 0.0)
    heard = play(session, 1)
    assert session.rewind()
    assert torch.equal(play(session, 1), heard)


def test_a_snapshot_while_looking_ahead_changes_nothing_and_costs_no_step(model: Model) -> None:
    watched, plain = opened(model, ahead=True), opened(model, ahead=True)
    for chunk in range(6):
        watched.snapshot()
        if chunk == 4:
            watched.set("temperature", 0.0)
            plain.set("temperature", 0.0)
        assert torch.equal(play(watched, 1), play(plain, 1))
    assert watched.generator.statistics() == plain.generator.statistics()


def test_a_beginning_is_heard_with_the_style_that_was_just_set(model: Model) -> None:
    tokens = torch.arange(36).reshape(3, 12)
    told, left = opened(model), opened(model)
    told.set("style", tuple(range(12)))
    for session in (told, left):
        session.prefill(tokens=tokens, masked=False)
    assert not torch.equal(told.snapshot().rings, left.snapshot().rings)


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: replace(kept, previous=kept.previous + 10**6),
        lambda kept: replace(kept, previous=kept.previous - 10**6),
        lambda kept: replace(kept, rings=kept.rings[:, :, :1]),
        lambda kept: replace(kept, rings=kept.rings[:3]),
        lambda kept: replace(kept, chunk=-5),
        lambda kept: replace(kept, chunk=2**70),
        lambda kept: replace(kept, controls=replace(kept.controls, style=(5000,) * 12)),
        lambda kept: replace(kept, controls=replace(kept.controls, seed=2**80)),
    ],
)
def test_a_damaged_snapshot_is_refused_and_the_stream_goes_on(
    model: Model, damage: Callable[[Snapshot], Snapshot]
) -> None:
    session, other = opened(model), opened(model)
    for each in (session, other):
        play(each, 6)
    with pytest.raises(UserError, match=r"snapshot .* make it again"):
        session.restore(Snapshot.unpack(damage(session.snapshot()).pack()))
    assert torch.equal(play(session, 2), play(other, 2))


@pytest.mark.parametrize(
    "name, repair", [("tiny", "put it beside"), ("mrt2-small", "graphflow models download mrt2-small")]
)
def test_without_an_encoder_the_repair_is_one_that_helps(name: str, repair: str) -> None:
    deaf = tiny_model(encoder=False)
    deaf = replace(deaf, config=replace(deaf.config, name=name))
    with pytest.raises(UserError, match=f"^{name}: no encoder.safetensors, .*; {repair}"):
        heard(deaf, torch.zeros(9600, 2))


def test_a_seed_has_64_bits(model: Model) -> None:
    session = opened(model)
    session.set("seed", -(2**63))
    play(session, 1)
    with pytest.raises(UserError, match=r"^seed is 9223372036854775808; expected -9223372036854775808 to"):
        session.set("seed", 2**63)
    with pytest.raises(UserError, match=r"^seed is "):
        StreamingGenerator(model, 1).open(2**63)


def test_nothing_can_be_taken_back_before_the_first_chunk_or_twice(model: Model) -> None:
    session = opened(model, rewinds=True)
    assert not session.rewind()
    play(session, 1)
    assert session.rewind()
    assert not session.rewind()


def test_the_same_seed_is_the_same_music(model: Model) -> None:
    one, same, other = opened(model), opened(model), opened(model)
    other.set("seed", 8)
    heard = play(one, 6)
    assert torch.equal(heard, play(same, 6))
    assert not torch.equal(heard, play(other, 6))


# --- beginning from something -------------------------------------------------------------------------------------------


def test_prefilled_is_as_if_the_codes_had_been_played(model: Model) -> None:
    codes = model.lm.codes(ids_of(model, LONG))
    generator = StreamingGenerator(model, 1)
    session = generator.open(7)
    count = prefill(model, generator.step_, 0, session.controls, codes, None, masked=True)
    assert count == LONG - 1
    batch = generator.step_.batch
    lm, temporal = model.lm, model.lm.temporal
    memory = temporal.memory(1)
    source = lm.conditioning(torch.tensor([ask(Controls(), Fingers())[0].conditions]))
    for n in range(count):
        temporal(lm.embed(lm.ids(codes[n : n + 1])), source, memory, torch.tensor([n]))
    for n, (ours, stepped) in enumerate(zip(batch.memory.tensors, memory.tensors, strict=True)):
        seen = [0, *(1 + (count - 1 - age) % temporal.ring for age in range(WINDOW))]
        torch.testing.assert_close(ours[:, :, seen], stepped[:, :, seen], rtol=0, atol=2e-5, msg=f"ring {n}")
    decoder = model.decoder.memory(1)
    for row in codes:
        _, decoder = model.decoder(row[None], decoder)
    for ours, stepped in list(zip(batch.codec, decoder, strict=True))[:-2]:
        torch.testing.assert_close(ours, stepped, rtol=0, atol=1e-4)
    torch.testing.assert_close(batch.codec[-1], decoder[-1], rtol=0, atol=1e-4)
    assert torch.equal(batch.previous, lm.ids(codes[-1:]))


def test_a_stream_continues_from_sound(model: Model) -> None:
    time = np.arange(3 * 48_000) / 48_000
    tone = 0.3 * np.stack([np.sin(440 * 2 * np.pi * time), np.sin(554 * 2 * np.pi * time)], 1)
    session = opened(model)
    session.prefill(sound=torch.from_numpy(tone.astype(np.float32)))
    assert session.chunk == 75 - 2 * 25 - 1
    from_tone = play(session, 2)
    assert float(from_tone[:CHUNK].abs().max()) > 0.0  # no silent first chunk: the codec has heard what was before
    fresh = opened(model)
    assert not torch.equal(play(fresh, 2), from_tone)


def test_what_cannot_be_continued_from_is_said(model: Model) -> None:
    session = opened(model)
    tokens = torch.zeros(4, 12, dtype=torch.int64)
    sound = torch.zeros(5000, 2)
    for given, line in (
        ({"sound": sound[:100]}, "prefill has 0.00 s of sound; expected at least 0.04 s"),
        ({"sound": sound[:1919]}, "prefill has 0.03 s of sound; expected at least 0.04 s"),
        ({"sound": torch.zeros(5000, 3)}, r"prefill has sound of shape \[5000, 3\]; expected \[frames, 2\]"),
        ({"sound": sound.numpy()}, r"prefill has sound in a ndarray; expected a torch\.Tensor"),
        ({"sound": sound.to(torch.int16)}, "prefill has sound of int16; expected numbers with a point, -1 to 1"),
        ({"sound": sound * float("nan")}, "prefill has sound that is no number or endless; expected -1 to 1"),
        ({"tokens": torch.full((4, 12), 1024)}, "expected \\[chunks, 12\\] of 0 to 1023"),
        ({"tokens": tokens[0]}, "prefill has tokens of shape \\[12\\]; expected \\[chunks, 12\\] of 0 to 1023"),
        ({"tokens": tokens.tolist()}, r"prefill has tokens in a list; expected a torch\.Tensor"),
        ({"tokens": tokens + 0.5}, "prefill has tokens of float32; expected whole numbers, 0 to 1023"),
        ({"tokens": tokens == 0}, "prefill has tokens of bool; expected whole numbers, 0 to 1023"),
        ({"tokens": tokens, "masked": "no"}, "masked is 'no'; expected True or False"),
        ({"tokens": tokens, "sound": sound}, "prefill has both tokens and sound; expected one of them"),
        ({}, "prefill has neither tokens nor sound; expected one of them"),
    ):
        with pytest.raises(UserError, match=f"{line}$") as caught:
            session.prefill(**given)
        assert "\n" not in str(caught.value)


# --- chance -------------------------------------------------------------------------------------------------------------


def test_philox_gives_its_authors_known_answers() -> None:
    words = [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344]
    cases = [
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (words, [0xA4093822, 0x299F31D0], [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]),
    ]
    for counter, key, expected in cases:
        made = philox(tuple(torch.tensor([c]) for c in counter), (torch.tensor([key[0]]), torch.tensor([key[1]])))
        assert [int(word) for word in made] == expected


def test_noise_depends_on_seed_chunk_and_level_and_on_nothing_else() -> None:
    seeds, chunks = torch.tensor([5, 5, 6, 5 + 2**40, 5]), torch.tensor([9, 10, 9, 9, 9 + 2**40])
    noise = gumbel(seeds, chunks, 12)
    assert torch.equal(noise[:1], gumbel(seeds[:1], chunks[:1], 12))
    rows = noise.flatten(0, 1)
    assert len({row.numpy().tobytes() for row in rows}) == 60
    assert abs(float(noise.mean()) - 0.5772) < 0.02 and abs(float(noise.var()) - np.pi**2 / 6) < 0.05


@pytest.mark.parametrize("top_k, temperature", [(5, 1.0), (40, 1.3), (1024, 0.7)])
def test_codes_come_as_often_as_the_softmax_says(top_k: int, temperature: float) -> None:
    draws = 20_000
    logits = torch.from_numpy(np.random.default_rng(6).standard_normal(1024).astype(np.float32)) * 2.0
    expected = torch.softmax(
        torch.where(keep_by_sort(logits[None], torch.tensor([top_k]))[0], logits, -torch.inf) / temperature, 0
    )
    noise = torch.cat([gumbel(torch.tensor([1]), torch.tensor([n]), 100)[0] for n in range(draws // 100)])
    rows = torch.full((draws,), temperature), torch.full((draws,), top_k)
    codes = torch.cat(
        [pick_capped(logits.expand(500, -1), part, rows[0][:500], rows[1][:500]) for part in noise.split(500)]
    )
    counts = torch.bincount(codes, minlength=1024).double()
    assert torch.all(counts[expected == 0.0] == 0)
    likely = (expected * draws) >= 5.0
    chi = float((((counts - expected.double() * draws) ** 2) / (expected.double() * draws))[likely].sum())
    free = int(likely.sum()) - 1
    assert chi < free + 4.0 * (2.0 * free) ** 0.5  # four standard deviations


def test_ties_widen_the_set_however_it_is_found() -> None:
    logits = torch.tensor([[3.0, 1.0, 2.0, 2.0, 2.0, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]])
    for k, kept in ((1, [1, 6]), (2, [4, 6]), (3, [4, 6]), (5, [5, 6]), (6, [6, 6])):
        top_k = torch.tensor([k, k])
        assert keep_by_sort(logits, top_k).sum(-1).tolist() == kept
        assert torch.equal(keep_by_sort(logits, top_k), keep_by_rank(logits, top_k))


def test_temperature_zero_takes_the_likeliest() -> None:
    logits = torch.from_numpy(np.random.default_rng(6).standard_normal((4, 1024)).astype(np.float32))
    noise = gumbel(torch.arange(4), torch.arange(4), 1)[:, 0]
    assert torch.equal(pick_capped(logits, noise, torch.zeros(4), torch.full((4,), 50)), logits.argmax(-1))


def test_logits_are_bent_into_30_before_chance_is_added() -> None:
    """60 and 90 become 28.9 and 29.8, so that noise of 1 decides; as they are, or bent into 31, it would not."""
    logits, noise = torch.tensor([[60.0, 90.0]]), torch.tensor([[1.0, 0.0]])
    assert pick(logits, noise, torch.ones(1), torch.tensor([2])).tolist() == [0]
    assert pick(logits, 0.9 * noise, torch.ones(1), torch.tensor([2])).tolist() == [1]


def test_guidance_adds_what_each_wish_changes() -> None:
    rows = torch.tensor([[1.0, 2.0], [0.0, 5.0], [3.0, 1.0]])
    assert guided(rows, 2.0, 0.5).tolist() == [1.0 + 2.0 * 1.0 - 0.5 * 2.0, 2.0 - 2.0 * 3.0 + 0.5 * 1.0]
    assert guided(rows, 0.0, 0.0).tolist() == rows[0].tolist()

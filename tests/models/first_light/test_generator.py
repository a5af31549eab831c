"""First Light as a worker plays it: exact tempo, exact key, hard switches, exact snapshots, no crash on odd wishes."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

import graphflow.models.first_light as first_light
from graphflow.models.first_light import hear, writer
from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light.clock import Clock, Transport
from graphflow.models.first_light.renderer import Hit, NoteOn


def state(text="house", **params):
    return {"style": {"parts": [{"text": text, "weight": 1.0}]}, "params": params}


def play(player, steps, frame=0):
    chunks = []
    for _ in range(steps):
        chunks.append(player.step(frame))
        frame += chunks[-1].shape[1]
    return np.concatenate(chunks, axis=1)


def opened(text="house", **params):
    player = first_light.open({})
    player.set(state(text, **params))
    return player


def test_it_plays_at_once():
    player = opened("house 124 bpm")
    audio = play(player, 96)
    assert audio.dtype == np.float32 and audio.shape[0] == player.channels == 2
    assert np.isfinite(audio).all() and 0.05 < np.abs(audio).max() < 1.0
    facts = player.statistics()
    assert (facts.steps, facts.bpm, facts.ignored, facts.unknown) == (96, 124.0, 0, ())


def test_the_same_seed_and_wishes_are_the_same_music():
    one, two, other = opened(seed=5), opened(seed=5), opened(seed=6)
    first = play(one, 80)
    assert np.array_equal(first, play(two, 80))
    assert not np.array_equal(first, play(other, 80))


def test_a_snapshot_goes_on_to_the_sample():
    player = opened("dusty lo-fi beats", seed=3)
    play(player, 70)
    frame = player.clock.expected
    data = player.snapshot()
    after = play(player, 40, frame)
    fresh = first_light.open({})
    fresh.restore(data)
    assert np.array_equal(after, play(fresh, 40, frame))
    assert fresh.statistics().bpm == player.statistics().bpm


def test_a_snapshot_keeps_wishes_not_yet_heard():
    player = opened("house", tempo=120.0)
    play(player, 4)
    player.set(state("house", tempo=90.0))
    fresh = first_light.open({})
    fresh.restore(player.snapshot())
    frame = player.clock.expected
    assert fresh.step(frame).shape[1] == player.step(frame).shape[1] == 8000


@pytest.mark.parametrize("tempo", [40.0, 61.7, 97.3, 133.33, 240.0])
def test_tempo_does_not_drift(tempo):
    clock, frame = Clock(48000), 0
    for n in range(30_000):
        frame += clock.tick(frame, tempo, None).frames
        if n % 5_000 == 0:
            assert abs(frame - (n + 1) * 48000 * 15 / tempo) <= 0.5 + 1e-6
    assert abs(frame - 30_000 * 48000 * 15 / tempo) <= 0.5 + 1e-4


def test_a_change_of_tempo_keeps_its_fraction():
    clock, frame, exact = Clock(48000), 0, 0.0
    for n in range(3000):
        tempo = 97.3 if n % 2 else 133.7
        exact += 48000 * 15 / tempo
        frame += clock.tick(frame, tempo, None).frames
    assert abs(frame - exact) < 1.0


def test_bars_follow_the_transport():
    transport = Transport(tempo=90.0, frame=1000.0, beat=37.3)
    clock, frame = Clock(48000), 5000
    for _ in range(50):
        tick = clock.tick(frame, 90.0, transport)
        place = (transport.beat + (frame + tick.wait - transport.frame) * 90 / 60 / 48000) * 4
        assert tick.step == pytest.approx(place, abs=0.51)  # the first may join late
        frame += tick.frames
    assert tick.step == pytest.approx(place, abs=1e-3)
    assert tick.frames == pytest.approx(8000, abs=1)


def test_tempo_comes_from_param_then_transport_then_prompt_then_style():
    transport = {"tempo": 84.0, "beats_per_bar": 4, "frame": 0, "beat": 0.0}
    cases = [
        ({**state("house 124 bpm", tempo=140.0), "transport": transport}, 140.0),
        ({**state("house 124 bpm"), "transport": transport}, 84.0),
        ({**state("house 124 bpm"), "transport": {"tempo": None}}, 124.0),
        (state("house"), 123.0),
    ]
    for wish, bpm in cases:
        player = first_light.open({})
        player.set(wish)
        play(player, 2)
        assert player.statistics().bpm == pytest.approx(bpm, abs=0.5)


@pytest.mark.parametrize("key,mode", [("F#", "dorian"), ("B", "major")])
def test_a_demanded_key_is_exact(key, mode):
    player = opened("jazz trio, busy", key=key, mode=mode, temperature=2.0, density=1.0)
    scale = {(tone + sy.NOTE_NAMES.index(key)) % 12 for tone in sy.MODES[mode]}
    notes, frame = [], 0
    for _ in range(112):
        frame += player.step(frame).shape[1]
        notes += [event.note for event in player.notes if isinstance(event, NoteOn)]
    assert len(notes) > 30
    assert all(note % 12 in scale for note in notes)
    assert (player.statistics().key, player.statistics().mode) == (key, mode)


def test_a_key_in_the_prompt_counts_as_demanded():
    player = opened("synthwave in g minor")
    play(player, 1)
    assert (player.statistics().key, player.statistics().mode) == ("G", "minor")


@pytest.mark.parametrize("part", sy.PARTS)
def test_a_part_switched_off_is_silent(part):
    player = opened("house", temperature=1.5)
    play(player, 80)
    player.set(state("house", temperature=1.5, **{part: False}))
    frame = player.clock.expected
    for n in range(64):
        frame += player.step(frame).shape[1]
        heard = {"bass": "bass", "chord": "harmony", "arp": "harmony", "lead": "lead"}
        for event in player.notes:
            assert not (isinstance(event, Hit) and part == "drums")
            assert not (isinstance(event, NoteOn) and heard[event.part] == part)
        if n >= 4:
            assert np.abs(player.stems[sy.PARTS.index(part)]).max() < 1e-4


def test_no_drums_in_words_is_a_switch():
    player = opened("techno, no drums")
    play(player, 100)
    assert np.abs(player.stems[0]).max() == 0.0
    assert player.now.off == (True, False, False, False)


def test_a_new_seed_restarts_the_dice_and_a_wish_waits_for_the_next_step():
    player = opened(seed=1)
    play(player, 10)
    player.set(state(seed=9))
    assert player.now.seed == 1
    player.step(player.clock.expected)
    assert (player.now.seed, player.now.count) == (9, 1)


def test_odd_wishes_are_counted_and_never_fatal():
    player = first_light.open({"seed": "4"})
    odd = {
        "style": {"parts": [{"text": 5}, "x", {"text": "ok", "weight": float("nan")}, {"image": {"palette": [[1]]}}]},
        "params": {"temperature": "hot", "key": "H", "mode": "blue", "tempo": -3, "wobble": 1, "seed": None},
        "transport": {"tempo": "fast", "beats_per_bar": 0, "colour": 1},
        "more": True,
    }
    player.set(odd)
    audio = play(player, 8)
    assert np.isfinite(audio).all()
    assert player.statistics().ignored >= 8
    for wish in ({}, {"style": None, "params": None, "transport": None}, {"style": {"parts": []}}):
        player.set(wish)
        assert np.isfinite(player.step(player.clock.expected)).all()


def test_density_and_temperature_are_heard():
    def notes(**params):
        player, count, frame = opened("synthwave", seed=2, **params), 0, 0
        for _ in range(128):
            frame += player.step(frame).shape[1]
            count += sum(isinstance(event, NoteOn | Hit) for event in player.notes)
        return count

    assert notes(density=1.0) > 1.3 * notes(density=0.0)
    assert notes(temperature=0.0) != notes(temperature=1.5)


def test_weights_blend_between_prompts():
    def at(place):
        player = first_light.open({})
        parts = [{"text": "ambient", "weight": 1 - place}, {"text": "techno", "weight": place}]
        player.set({"style": {"parts": parts}})
        play(player, 1)
        return player.statistics().bpm

    tempos = [at(place) for place in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert tempos == sorted(tempos) and tempos[0] < 80 and tempos[-1] > 125


def test_time_jumps_are_followed():
    player = opened("house 120 bpm")
    play(player, 8)
    assert player.step(1_000_000).shape[1] == 6000
    assert player.clock.expected == 1_006_000


def test_opening_on_the_cpu_needs_no_torch():
    code = (
        "import sys, graphflow.models.first_light as f; before = 'torch' in sys.modules or 'numba' in sys.modules;"
        "g = f.open({'device': 'cpu'}); g.set({}); g.step(0); print(before, 'torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.split() == ["False", "False"], run.stderr


def test_an_unknown_device_is_one_clear_line():
    with pytest.raises(ValueError, match=r"^first_light.device is warp; expected auto, cpu, mps or cuda:0$"):
        first_light.open({"device": "warp"})


def test_a_seed_that_is_no_number_is_one_clear_line():
    with pytest.raises(ValueError, match=r"^first_light.seed is x; expected a whole number$"):
        first_light.open({"seed": "x"})


def test_missing_weights_are_one_clear_line(tmp_path):
    with pytest.raises(FileNotFoundError, match="is missing; expected the trained weights"):
        writer.load_weights(tmp_path / "weights.safetensors")


def test_hear_writes_the_mix_and_the_stems(tmp_path, monkeypatch, capsys):
    path = tmp_path / "x.wav"
    monkeypatch.setattr(sys, "argv", ["hear", "techno 130 bpm, qzxv", "-o", str(path), "--seconds", "1", "--stems"])
    hear.main()
    facts = soundfile.info(path)
    assert (facts.samplerate, facts.channels) == (48000, 2) and 1.0 <= facts.duration < 1.2
    assert sorted(p.name for p in tmp_path.glob("x-*.wav")) == [
        "x-bass.wav",
        "x-drums.wav",
        "x-harmony.wav",
        "x-lead.wav",
    ]
    printed = capsys.readouterr()
    assert "130 bpm" in printed.out and "qzxv" in printed.err


def test_a_change_of_prompt_changes_what_is_played():
    player = opened("ambient drones, no bass", tempo=128.0)
    play(player, 128)
    player.set(state("techno", tempo=128.0))
    kicks, frame = [], player.clock.expected
    for n in range(256):
        frame += player.step(frame).shape[1]
        kicks += [n % 4 for event in player.notes if isinstance(event, Hit) and event.sound == "kick"]
    assert len(kicks) > 20
    assert np.mean(np.array(kicks) == 0) > 0.6  # on the beat

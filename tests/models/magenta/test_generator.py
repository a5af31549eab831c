"""Magenta as a worker plays it: one step after the other, with a tiny model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from graphflow.core.errors import UserError
from graphflow.core.messages import Notes
from graphflow.models import magenta
from graphflow.models.magenta import generator as generator_module
from graphflow.models.magenta import liveness, precision, sharing
from graphflow.models.magenta.conditioning import masked
from graphflow.models.magenta.config import CHUNK, RATE
from graphflow.models.magenta.generator import Generator
from graphflow.models.magenta.seat import Chunk
from graphflow.models.magenta.style.quantizer import Quantizer
from tests.conftest import wait_until
from tests.models.magenta.tiny_model import tiny_model

RENDER = {"_lockstep": True}
Opener = Callable[..., Generator]


class Words:
    """Understands words as their numbers of letters: text of n letters is code n at every level."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        books = np.zeros((12, 1024, 768), np.float32)
        books[0, :, 0] = np.arange(1024)
        self.quantizer = Quantizer(books)

    def embed_text(self, text: str, *, mapped: bool = True) -> np.ndarray:
        self.known.add(text)
        place = np.zeros(768, np.float32)
        place[0] = len(text)
        return place

    @property
    def encoded(self) -> int:
        return len(self.known)

    def embed_file(self, name: str) -> np.ndarray:
        raise UserError(f"recording {name} cannot be read")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model's folder, whose weights are invented when they are loaded."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    for name in ("config.json", "model.safetensors"):
        (folder / name).touch()
    monkeypatch.setattr(sharing, "load_model", lambda *key: tiny_model())
    return folder


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> Words:
    words = Words()
    monkeypatch.setattr(generator_module, "encoder_of", lambda folder: words)
    return words


@pytest.fixture
def opened(folder: Path) -> Iterator[Opener]:
    """Opens generators, and closes them in the end."""
    made: list[Generator] = []

    def open(**settings: Any) -> Generator:
        made.append(magenta.open({"model": str(folder), **RENDER, "_folder": str(folder), **settings}))
        return made[-1]

    yield open
    for generator in made:
        generator.close()
    assert sharing._engines == {}


def play(generator: Generator, chunks: int, **params: Any) -> np.ndarray:
    """The next chunks, [2, frames]."""
    if params:
        generator.set({"params": params})
    return np.concatenate([generator.step(0) for _ in range(chunks)], axis=1)


def conditions(generator: Generator) -> list[int]:
    """The 144 numbers of the last step."""
    session = generator.seat.session
    return [int(value) for value in session.generator.step_.wanted.conditions[session.slot]]


def chunks_made(generator: Generator) -> int:
    return generator.engine.statistics().chunks


# --- as a worker uses it ----------------------------------------------------------------------------------------------


def test_it_is_a_generator_of_40_ms_chunks(opened: Opener) -> None:
    generator = opened()
    assert (generator.rate, generator.channels, generator.chunk, generator.latency) == (48_000, 2, 1920, 1920)
    sound = play(generator, 3)
    assert (sound.shape, sound.dtype) == ((2, 3 * CHUNK), np.float32)
    assert not sound[:, :CHUNK].any()  # the codec is a chunk behind
    assert np.abs(sound[:, CHUNK:]).max() > 0.01
    assert str(generator).startswith("chunk 3, ")


def test_the_same_states_make_the_same_sound_and_another_seed_another(opened: Opener) -> None:
    takes = [play(opened(), 4, temperature=1.0, seed=seed) for seed in (1.0, 1.0, 2.0)]
    np.testing.assert_array_equal(takes[0], takes[1])
    assert np.abs(takes[0] - takes[2]).max() > 0.01


def test_a_snapshot_goes_on_to_the_sample(opened: Opener) -> None:
    one = opened()
    play(one, 5, seed=3.0, prompt1="musiccoca:1,2,3", temperature=0.8)
    stored = one.snapshot()
    expected = play(one, 4)
    other = opened()
    other.restore(stored)
    np.testing.assert_array_equal(play(other, 4), expected)
    again = opened()
    again.restore(stored)
    again.set({"params": {"seed": 3.0, "prompt1": "musiccoca:1,2,3", "temperature": 0.8, "reset": 5.0}})
    np.testing.assert_array_equal(play(again, 4), expected)


@pytest.mark.parametrize("cut", [0, 5, 200, -1])
def test_a_damaged_snapshot_is_said_in_a_line(opened: Opener, cut: int) -> None:
    generator = opened()
    stored = generator.snapshot()
    with pytest.raises(UserError, match=r"^snapshot cannot be read \(\w+: .*\)$"):
        generator.restore(stored[:cut])


def test_live_it_is_made_just_in_time_and_taken_back(opened: Opener) -> None:
    live = {"_lockstep": False}
    generator = opened(**live)
    assert (generator.just_in_time, generator.rollback, generator.latency) == (True, True, CHUNK)
    plain = opened(**live, just_in_time=False, rollback=False, lookahead="off")
    assert (plain.just_in_time, plain.rollback, plain.rewind()) == (False, False, False)
    assert opened(**live, lookahead="on").latency == 0
    render = opened(lookahead="on")
    assert (render.just_in_time, render.rollback, render.latency) == (False, False, CHUNK)


@pytest.mark.parametrize("lookahead", ["on", "off"])
def test_a_step_taken_back_is_made_again_with_the_newest_state(opened: Opener, lookahead: str) -> None:
    plain, taken = (opened(_lockstep=False, lookahead=lookahead) for _ in range(2))
    play(plain, 3, seed=1.0)
    play(taken, 3, seed=1.0)
    expected = play(plain, 1)
    np.testing.assert_array_equal(play(taken, 1), expected)
    assert taken.rewind()
    assert not taken.rewind()  # once per step
    np.testing.assert_array_equal(play(taken, 1), expected)
    assert taken.rewind()
    changed = play(taken, 3, seed=2.0)
    assert np.abs(changed - np.concatenate([expected, play(plain, 2)], axis=1)).max() > 0.01


def test_looking_ahead_gives_the_same_sound_a_chunk_earlier(opened: Opener) -> None:
    both = [opened(_lockstep=False, lookahead=how) for how in ("off", "on")]
    late, early = (play(generator, 5, seed=1.0) for generator in both)
    begun = slice(CHUNK + 960, None)  # after the fade in
    np.testing.assert_array_equal(late[:, begun], early[:, 960:-CHUNK])


def test_two_generators_are_two_streams_of_one_engine(opened: Opener) -> None:
    one, other = opened(_lockstep=False), opened(_lockstep=False)
    assert one.engine is other.engine
    assert np.abs(play(one, 3, seed=1.0) - play(other, 3, seed=2.0)).max() > 0.01
    assert one.figures()["batch"] == 1.0
    statistics = one.statistics().engine
    assert (statistics.streams, statistics.chunks) == (2, 6)


def test_it_shows_what_it_does(opened: Opener, words: Words) -> None:
    generator = opened()
    play(generator, 2, prompt1="abc")
    assert generator.figures()["style"] == "1 abc: 3 0 0 0 0 0 0 0 0 0 0 0 (version 1)"
    generator.set({"nonsense": 1})
    generator.step(0)
    assert generator.figures() == {
        "batch": 1.0,
        "rescues": "none",
        "style": "no style: -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 (version 2)",
        "ignored": 1,
    }


# --- what it is asked for ---------------------------------------------------------------------------------------------


def test_params_are_what_the_model_is_told(opened: Opener) -> None:
    generator = opened()
    play(generator, 1, temperature=0.5, top_k=7.0, guidance_style=-1.0, guidance_notes=7.0, drums="off", seed=9.0)
    session = generator.seat.session
    wanted = session.generator.step_.wanted
    assert (float(wanted.temperature[0]), int(wanted.top_k[0]), int(wanted.seed[0])) == (0.5, 7, 9)
    assert conditions(generator)[-4:] == [0, 0, 40, 5]
    assert conditions(generator)[:-4] == masked()[:-4]


def test_notes_are_held_and_a_short_one_is_not_lost(opened: Opener) -> None:
    generator = opened()
    exact = {"params": {"onsets": "exact", "unmask": 1.0}}

    def pitches(notes: Notes) -> dict[int, int]:
        generator.set({**exact, "notes": notes.data()})
        generator.step(0)
        told = conditions(generator)[12:140]
        return {pitch: state for pitch, state in enumerate(told) if state != -1}

    notes = Notes().struck(20).released(20)  # before it listened
    assert pitches(notes) == {}
    notes = notes.struck(60)
    assert pitches(notes) == {59: 0, 60: 2, 61: 0}
    notes = notes.struck(64).released(64)  # between two looks
    assert pitches(notes) == {59: 0, 60: 1, 61: 0, 63: 0, 64: 2, 65: 0}
    assert pitches(notes) == {59: 0, 60: 1, 61: 0}
    assert pitches(notes.struck(60)) == {59: 0, 60: 2, 61: 0}


def test_a_stream_that_begins_anew_does_not_strike_all_that_was_ever_struck(opened: Opener) -> None:
    generator = opened()
    notes = Notes()
    for resets, pitch in enumerate((60, 62, 64)):
        generator.set({"notes": notes.data()})
        generator.step(0)
        notes = notes.struck(pitch).released(pitch)
        generator.set({"notes": notes.data(), "params": {"reset": float(resets)}})
        generator.step(0)
    told = conditions(generator)[12:140]
    assert set(told) == {-1}


def test_prompts_of_its_own_are_merged_with_what_is_wired(opened: Opener, words: Words) -> None:
    generator = opened()
    wired = {"parts": [{"text": "x" * 10, "weight": 1.0}]}
    generator.set({"params": {"prompt1": "x" * 30, "weight1": 3.0}, "style": wired})
    generator.step(0)
    assert conditions(generator)[:2] == [25, 0]
    assert generator.figures()["style"].startswith("0.75 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx + 0.25 xxxxxxxxxx: 25 0 0")


def test_a_style_moves_with_every_chunk(opened: Opener, words: Words) -> None:
    generator = opened()
    codes = []
    for share in range(5):
        play(generator, 1, prompt1="x" * 10, weight1=4.0 - share, prompt2="x" * 50, weight2=float(share))
        codes.append(conditions(generator)[0])
    assert codes == [10, 20, 30, 40, 50]


def test_fewer_style_levels_leave_the_others_free(opened: Opener, words: Words) -> None:
    generator = opened(style_levels=6)
    play(generator, 1, prompt1="abc")
    assert conditions(generator)[:12] == [3, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1]


@pytest.mark.parametrize("text", ["y" * 1023, "🎹" * 999, " "])
def test_any_prompt_will_do(opened: Opener, words: Words, text: str) -> None:
    generator = opened()
    assert np.isfinite(play(generator, 2, prompt1=text)).all()
    assert conditions(generator)[0] == (len(text) if text.strip() else -1)


def test_weights_that_sum_to_nothing_leave_the_style_free(opened: Opener, words: Words) -> None:
    generator = opened()
    play(generator, 1, prompt1="abc")
    assert conditions(generator)[0] == 3
    play(generator, 1, prompt1="abc", weight1=0.0)
    assert set(conditions(generator)[:12]) == {-1}


def test_without_musiccoca_words_are_left_out_and_said_once(opened: Opener) -> None:
    generator = opened()
    play(generator, 3, prompt1="disco funk")
    play(generator, 2, prompt1="disco", temperature=0.5)
    assert generator.news() == ["style: MusicCoCa's files are not there; run `graphflow models download mrt2-small`"]
    assert generator.news() == []
    play(generator, 1, prompt1="musiccoca:660,1016")
    assert conditions(generator)[:3] == [660, 1016, -1]


def test_a_recordings_name_begins_in_the_patchs_folder(opened: Opener, words: Words, folder: Path) -> None:
    generator = opened()
    for name, path in (("a.wav", folder / "a.wav"), ("/b.wav", Path("/b.wav"))):
        generator.set({"style": {"parts": [{"audio": name, "weight": 1.0}]}})
        generator.step(0)
        assert generator.news() == [f"style: recording {path} cannot be read"]


def test_live_no_step_waits_for_words(opened: Opener, words: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    understood = threading.Event()
    embed = words.embed_text

    def slowly(text: str, *, mapped: bool = True) -> np.ndarray:
        assert understood.wait(10.0)
        return embed(text, mapped=mapped)

    monkeypatch.setattr(words, "embed_text", slowly)
    generator = opened(_lockstep=False)
    play(generator, 2, prompt1="abc")
    assert conditions(generator)[0] == -1
    understood.set()
    assert generator.desk is not None and generator.desk.settle(10.0)
    play(generator, 1)
    assert conditions(generator)[0] == 3


def test_a_restored_stream_keeps_its_style_until_the_words_are_understood_again(
    opened: Opener, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = opened(_lockstep=False)
    generator.set({"params": {"prompt1": "abc"}})
    assert generator.desk is not None and generator.desk.settle(10.0)
    play(generator, 1)
    stored = generator.snapshot()
    understood = threading.Event()
    embed = words.embed_text
    monkeypatch.setattr(words, "embed_text", lambda text, mapped=True: understood.wait(10.0) and embed(text))
    other = opened(_lockstep=False)
    other.restore(stored)
    play(other, 2, prompt1="abc")
    assert conditions(other)[0] == 3
    understood.set()


def test_50_changes_a_second_are_nothing(opened: Opener, words: Words) -> None:
    generator = opened(_lockstep=False)
    for chunk in range(25):
        for change in range(2):
            value = 0.5 + 0.01 * chunk + 0.005 * change
            generator.set({"params": {"temperature": value, "prompt1": "a" * (chunk + 1), "weight2": value}})
        assert np.isfinite(generator.step(0)).all()
    assert generator.seat.session._staged == []


# --- beginning anew, going on, pausing --------------------------------------------------------------------------------


def test_a_reset_begins_the_same_music_again_after_a_crossfade(opened: Opener) -> None:
    generator, other = opened(), opened()
    first = play(generator, 4, seed=1.0, reset=7.0)  # what a counter begins with means nothing
    went_on = play(other, 5, seed=1.0)[:, -CHUNK:]
    again = play(generator, 4, seed=1.0, reset=8.0)
    np.testing.assert_array_equal(again[:, CHUNK + 960 :], first[:, CHUNK + 960 :])
    np.testing.assert_allclose(again[:, 0], went_on[:, 0], atol=1e-6)  # no click
    assert not again[:, 960:CHUNK].any()
    assert np.abs(play(generator, 1, seed=1.0, reset=6.0)).max() > 0.0
    assert generator.seat.session.chunk == 5  # a counter that goes down means nothing either


@pytest.mark.parametrize("lookahead", ["on", "off"])
def test_live_it_begins_anew_stops_and_goes_back_as_well(opened: Opener, words: Words, lookahead: str) -> None:
    generator = opened(_lockstep=False, lookahead=lookahead)
    begun = 960 if lookahead == "on" else CHUNK + 960
    first = play(generator, 4, seed=1.0)
    again = play(generator, 4, seed=1.0, reset=1.0)
    np.testing.assert_array_equal(again[:, begun:], first[:, begun:])
    assert generator.rewind()
    np.testing.assert_array_equal(play(generator, 1), first[:, 3 * CHUNK :])
    expected = play(generator, 3)
    play(generator, 1, seed=1.0, reset=2.0)
    assert not generator.rewind()  # a jump is not taken back
    play(generator, 3)
    play(generator, 3, seed=1.0, reset=2.0, bypass=True)
    play(generator, 1, seed=1.0, reset=3.0, bypass=True)
    again = play(generator, 7, seed=1.0, reset=3.0)
    np.testing.assert_array_equal(again[:, begun : 4 * CHUNK], first[:, begun:])
    np.testing.assert_array_equal(again[:, 4 * CHUNK :], expected)
    stored = generator.snapshot()
    went_on = play(generator, 2)
    other = opened(_lockstep=False, lookahead=lookahead)
    other.restore(stored)
    np.testing.assert_array_equal(play(other, 2), went_on)


def test_bypassed_it_fades_and_costs_nothing(opened: Opener) -> None:
    generator, other = opened(), opened()
    play(generator, 3, seed=1.0)
    expected = play(other, 6, seed=1.0)
    fading = play(generator, 1, seed=1.0, bypass=True)
    assert fading[0, 0] == pytest.approx(expected[0, 3 * CHUNK], rel=1e-3)
    assert np.abs(fading[:, :900]).max() > 0.0 and not fading[:, 960:].any()
    before = chunks_made(generator)
    for value in range(3):
        assert not play(generator, 2, seed=1.0, bypass=True, temperature=1.0 + value / 10).any()
    assert chunks_made(generator) == before
    assert len(generator.seat.session._staged) == 0
    assert not generator.rewind()
    back = play(generator, 2, seed=1.0)
    assert abs(back[0, 0]) < 0.01
    np.testing.assert_array_equal(back[:, 960:], expected[:, 4 * CHUNK + 960 :])


@pytest.mark.parametrize("lookahead", ["off", "on"])
def test_what_was_struck_while_bypassed_does_not_begin_all_at_once(opened: Opener, lookahead: str) -> None:
    generator = opened(_lockstep=False, lookahead=lookahead, rollback=False)
    notes = Notes()
    for bypass in (False, True, True, False):
        generator.set({"notes": notes.data(), "params": {"bypass": bypass, "unmask": 127, "onsets": "exact"}})
        generator.step(0)
        notes = notes.struck(60).released(60) if bypass else notes
    session = generator.seat.session
    assert not (session.edge or session).fingers.sounding  # in the chunk that was played
    generator.set({"notes": notes.struck(62).data(), "params": {"unmask": 127, "onsets": "exact"}})
    generator.step(0)
    assert (session.edge or session).fingers.sounding == {62}


def test_a_reset_while_bypassed_is_heard_when_it_comes_back(opened: Opener) -> None:
    generator = opened()
    first = play(generator, 4, seed=1.0)
    play(generator, 2, seed=1.0, bypass=True)
    play(generator, 2, seed=1.0, bypass=True, reset=1.0)
    again = play(generator, 4, seed=1.0, reset=1.0)
    np.testing.assert_array_equal(again[:, CHUNK + 960 :], first[:, CHUNK + 960 :])


def heard(generator: Generator, seconds: float, seed: int = 0) -> None:
    """Some noise comes in."""
    sound = np.random.default_rng(seed).normal(0.0, 0.1, (2, round(seconds * RATE))).astype(np.float32)
    for begin in range(0, sound.shape[1], 5000):
        generator.hear(sound[:, begin : begin + 5000], begin)


def test_it_continues_from_what_it_has_heard(opened: Opener) -> None:
    takes = []
    for seed in (0, 0, 1):
        generator = opened()
        play(generator, 2, continue_from=0.0)
        heard(generator, 3.0, seed)
        takes.append(play(generator, 3, continue_from=1.0))
        assert generator.seat.session.chunk == 24 + 3  # a second is left out at both ends
        play(generator, 2, continue_from=1.0)
        begun = play(generator, 3, continue_from=1.0, reset=1.0)  # it is where a reset begins from now on
        np.testing.assert_array_equal(begun[:, 960:], takes[-1][:, 960:])
        stored = generator.snapshot()
        other = opened()
        other.restore(stored)
        play(other, 1, continue_from=1.0, reset=1.0)
        begun = play(other, 3, continue_from=1.0, reset=2.0)
        np.testing.assert_array_equal(begun[:, 960:], takes[-1][:, 960:])
    np.testing.assert_array_equal(takes[0], takes[1])
    assert np.abs(takes[0] - takes[2]).max() > 0.01


class Listening:
    """Somebody who listens to the end when he may, and how often he was asked to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from graphflow.models.magenta import player

        self._may, self._work, self.asked = threading.Semaphore(0), player.continued, 0
        self._busy, self._made = threading.Lock(), dict[bytes, Any]()
        monkeypatch.setattr(player, "continued", self._continued)

    def _continued(self, *given: Any) -> Any:
        self.asked += 1
        assert self._may.acquire(timeout=60.0)
        sound = given[1].tobytes()
        with self._busy:  # whoever heard the same comes to the same, to the last bit
            if sound not in self._made:
                self._made[sound] = self._work(*given)
        return self._made[sound]

    def finish(self, generator: Generator) -> None:
        self._may.release()
        listening = generator.player._listener._listening
        assert listening is not None
        wait_until(lambda: listening.ready, 60.0, "listening")


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Listening:
    return Listening(monkeypatch)


def test_live_it_plays_on_while_it_listens(opened: Opener, listening: Listening) -> None:
    generator = opened(_lockstep=False)
    play(generator, 2, continue_from=0.0)
    heard(generator, 3.0)
    play(generator, 2, continue_from=1.0)
    assert generator.seat.session.chunk == 4
    listening.finish(generator)
    play(generator, 1)
    assert generator.seat.session.chunk == 24 + 1
    assert generator.news() == []


def test_it_listens_to_one_thing_at_a_time_however_often_it_is_asked(opened: Opener, listening: Listening) -> None:
    generator = opened(_lockstep=False)
    play(generator, 2, continue_from=0.0)
    heard(generator, 3.0)
    for asked in range(1, 20):
        play(generator, 1, continue_from=float(asked))
    wait_until(lambda: listening.asked == 1, 60.0, "listening")
    listening.finish(generator)
    play(generator, 2)
    assert generator.seat.session.chunk == 24 + 2
    wait_until(lambda: listening.asked == 2, 60.0, "listening again")  # for all that came meanwhile
    listening.finish(generator)
    play(generator, 3)
    assert (generator.seat.session.chunk, listening.asked) == (24 + 3, 2)


def test_a_reset_while_it_listens_is_the_last_word(opened: Opener, listening: Listening) -> None:
    generator = opened(_lockstep=False)
    play(generator, 2, continue_from=0.0)
    heard(generator, 3.0)
    play(generator, 1, continue_from=1.0)
    play(generator, 1, continue_from=1.0, reset=1.0)
    listening.finish(generator)
    play(generator, 2)
    assert generator.seat.session.chunk == 3
    play(generator, 1, continue_from=2.0, reset=1.0)
    listening.finish(generator)
    play(generator, 1)
    assert generator.seat.session.chunk == 24 + 1


def test_a_step_taken_back_while_it_listens_does_not_make_it_listen_twice(opened: Opener, listening: Listening) -> None:
    generator = opened(_lockstep=False)
    play(generator, 2, continue_from=0.0)
    heard(generator, 3.0)
    play(generator, 1, continue_from=1.0)
    assert generator.rewind()
    play(generator, 1, continue_from=1.0, seed=1.0)
    listening.finish(generator)
    play(generator, 3)
    assert (generator.seat.session.chunk, listening.asked) == (24 + 3, 1)


def test_a_replay_goes_on_from_what_was_heard_in_the_chunk_in_which_it_did(
    opened: Opener, listening: Listening
) -> None:
    live, again = opened(_lockstep=False), opened(_repeats=True)
    sounds: list[list[np.ndarray]] = [[], []]
    for chunk in range(9):
        state = {"params": {"continue_from": float(chunk >= 2), "reset": float(chunk >= 8)}}
        if chunk == 1:
            for generator in (live, again):
                heard(generator, 3.0)
        if chunk == 5:
            listening.finish(live)
            listening._may.release()  # the other one's
        live.set(state)
        sounds[0].append(live.step(0))
        if (told := live.told()) is not None:
            again.repeat(told)
        again.set(state)
        sounds[1].append(again.step(0))
        assert again.seat.session.chunk == live.seat.session.chunk
    assert live.seat.session.chunk == 24 + 1
    np.testing.assert_array_equal(*(np.concatenate(sound, axis=1) for sound in sounds))


def test_what_cannot_be_continued_is_said_and_the_music_goes_on(opened: Opener) -> None:
    generator = opened()
    play(generator, 2, continue_from=0.0)
    play(generator, 1, continue_from=1.0)
    generator.hear(np.full((1, 500), 0.1, np.float32), 0)
    play(generator, 1, continue_from=2.0)
    assert generator.news() == [
        "has heard nothing to continue from; wire sound into its input",
        "prefill has 0.01 s of sound; expected at least 0.04 s",
    ]
    assert generator.seat.session.chunk == 4


def test_the_last_28_seconds_are_kept(opened: Opener) -> None:
    generator = opened()
    block = np.ones((1, RATE), np.float32)
    for second in range(40):
        generator.hear(block * second, second * RATE)
    last = generator.player.heard.last()
    assert last.shape == (2, 28 * RATE)
    assert (last[0, 0], last[1, -1]) == (12.0, 39.0)
    generator.hear(block, 40 * RATE + 100)  # a short gap is silence
    assert generator.player.heard.last()[0, -RATE - 100 : -RATE + 1].tolist() == [0.0] * 100 + [1.0]
    generator.hear(block, 50 * RATE)  # a long one is a new beginning
    assert generator.player.heard.last().shape == (2, RATE)


def test_it_begins_with_a_sound_file(opened: Opener, folder: Path) -> None:
    sound = np.random.default_rng(0).normal(0.0, 0.1, (4 * 44_100, 1)).astype(np.float32)
    soundfile.write(folder / "intro.wav", sound, 44_100)
    one, other, plain = opened(begin_with="intro.wav"), opened(begin_with="intro.wav"), opened()
    assert one.seat.session.chunk == 100 - 50 - 1
    np.testing.assert_array_equal(first := play(one, 3), play(other, 3))
    assert np.abs(first - play(plain, 3)).max() > 0.01


def test_it_begins_with_a_saved_stream(opened: Opener, folder: Path) -> None:
    one = opened()
    play(one, 5, seed=1.0)
    one.seat.do(lambda session: session.save(folder / "moment.safetensors"))
    expected = play(one, 3)
    other = opened(begin_with="moment.safetensors")
    np.testing.assert_array_equal(play(other, 3, seed=1.0)[:, 960:], expected[:, 960:])
    play(other, 2)
    again = play(other, 3, seed=1.0, reset=1.0)
    np.testing.assert_array_equal(again[:, 960:], expected[:, 960:])


@pytest.mark.parametrize(
    "settings, line",
    [
        (
            {"model": "mrt2-smal"},
            "mrt2-smal: no such model; did you mean 'mrt2-small'?; expected mrt2-small, mrt2-base or a folder",
        ),
        (
            {"device": "tpu"},
            "device is 'tpu'; expected auto, cpu, mps or cuda:N: graphflow runs Magenta RealTime in torch only",
        ),
        ({"lookahead": "yes"}, "lookahead is 'yes'; expected one of auto, on, off"),
        ({"rollback": "yes"}, "rollback is 'yes'; expected true or false"),
        ({"style_levels": 13}, "style_levels is 13; expected 1 to 12"),
        ({"begin_with": "gone.wav"}, "begin_with is 'gone.wav'; no such file in FOLDER"),
        ({"begin_with": "config.json"}, "begin_with is 'config.json'; it cannot be read as sound (Error opening"),
        ({"begin_with": "model.safetensors"}, "snapshot cannot be read (SafetensorError: "),
    ],
)
def test_what_cannot_be_opened_is_said_in_a_line(
    opened: Opener, folder: Path, settings: dict[str, Any], line: str
) -> None:
    with pytest.raises(UserError) as refused:
        opened(**settings)
    assert str(refused.value).startswith(line.replace("FOLDER", str(folder)))
    assert "\n" not in str(refused.value)


def test_without_weights_a_line_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRAPHFLOW_HOME", "XDG_DATA_HOME", "MAGENTA_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    with pytest.raises(UserError, match=r"; graphflow models download mrt2-base$"):
        magenta.open({"model": "mrt2-base"})


def test_silence_may_be_what_was_asked_for(opened: Opener) -> None:
    generator = opened()
    latch = generator.player.latch
    for params, notes, yes in (
        ({}, [], False),
        ({"unmask": 127, "drums": "off"}, [], True),
        ({"unmask": 127}, [], True),
        ({"unmask": 127, "drums": "on"}, [], False),
        ({"unmask": 127}, [[60, 0.5, 1]], False),
        ({"unmask": 126}, [], False),
    ):
        generator.set({"params": params, "notes": notes})
        generator.step(0)
        assert latch.may_be_silent is yes, params
    for params, yes in (({}, True), ({"temperature": 0.0}, False), ({"top_k": 1}, False)):
        play(generator, 1, unheard=0, **params)
        assert latch.by_chance is yes, params


def test_a_model_that_cannot_keep_up_is_refused_live_and_renders(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "READABLE", 1e6)
    with pytest.raises(
        UserError, match=r"^tiny on cpu in float32 reads \d+ GB of weights per second; expected at most"
    ):
        opened(_lockstep=False)
    assert np.isfinite(play(opened(), 2)).all()


# --- watched ----------------------------------------------------------------------------------------------------------


class Spoiler:
    """Makes a generator's steps fail as a model may: with `how` set, its chunks are changed."""

    def __init__(self, generator: Generator) -> None:
        self.step, self.how = generator.seat.step, ""
        generator.seat.step = self.spoiled  # type: ignore[method-assign]

    def spoiled(self, **how: bool) -> Chunk:
        chunk = self.step(**how)
        change = {
            "": lambda sound: sound,
            "silent": np.zeros_like,
            "loud": lambda sound: np.sign(sound + 1e-9).astype(np.float32),
            "nan": lambda sound: np.full_like(sound, np.nan),
        }
        if self.how == "nan once":
            self.how = ""
            return replace(chunk, sound=np.full_like(chunk.sound, np.nan))
        return replace(chunk, sound=change[self.how](chunk.sound))


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watcher that takes chunks for what are seconds else."""
    for name, chunks in dict(SILENT=4, CLIPPED=4, LOUD=4, KEEP=5, CONTENT=2).items():
        monkeypatch.setattr(liveness, f"{name}_CHUNKS", chunks)
    monkeypatch.setattr(liveness, "SOON", 10)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "how, line, cause",
    [
        ("silent", "has fallen silent; it goes on from a moment ago", "1 silence"),
        ("loud", "has become too loud; it goes on from a moment ago", "1 loudness"),
    ],
)
def test_a_stream_that_is_no_music_any_more_goes_back(opened: Opener, how: str, line: str, cause: str) -> None:
    generator = opened()
    spoiler = Spoiler(generator)
    play(generator, 12, seed=1.0)
    spoiler.how = how
    play(generator, 4)
    spoiler.how = ""
    assert generator.news() == []
    sound = play(generator, 6)
    assert generator.seat.session.chunk == 10 + 6  # the newest that was kept is that after its 10th chunk
    assert generator.news() == [line]
    assert generator.figures()["rescues"] == cause
    assert 0.001 < np.abs(sound).max() < 1.0
    assert int(generator.seat.session.generator.step_.wanted.seed[0]) == 1 + (1 << 32)


@pytest.mark.usefixtures("hasty")
def test_a_rescued_render_is_the_same_from_run_to_run(opened: Opener) -> None:
    def take() -> np.ndarray:
        generator = opened()
        spoiler = Spoiler(generator)
        parts = [play(generator, 12, seed=1.0)]
        for how in ("silent", "", "loud", ""):
            spoiler.how = how
            parts.append(play(generator, 5))
        return np.concatenate(parts, axis=1)

    np.testing.assert_array_equal(take(), take())


@pytest.mark.usefixtures("hasty")
def test_what_is_no_number_is_never_played(opened: Opener) -> None:
    generator = opened()
    spoiler = Spoiler(generator)
    play(generator, 12, seed=1.0)
    spoiler.how = "nan once"
    sound = play(generator, 3)
    assert np.isfinite(sound).all()
    assert np.abs(sound[:, 960:]).max() > 0.001
    assert generator.news() == ["its model made a sample that is no number; it goes on from a moment ago"]
    spoiler.how = "nan"
    assert np.isnan(play(generator, 1)).all()  # nothing helps: the worker has a silence for it
    assert generator.figures()["rescues"] == "4 numbers (1 in vain)"


@pytest.mark.usefixtures("hasty")
def test_a_replay_learns_of_a_style_that_came_with_a_chunk_that_was_no_number(opened: Opener, words: Words) -> None:
    generator = opened(_lockstep=False)
    spoiler = Spoiler(generator)
    play(generator, 12)
    generator.set({"params": {"prompt1": "abc"}})
    assert generator.desk is not None and generator.desk.settle(10.0)
    spoiler.how = "nan once"
    play(generator, 1)
    assert generator.told() == {"style": [3, *[0] * 11]}
    play(generator, 1)
    assert generator.told() is None


@pytest.mark.usefixtures("hasty")
def test_unwatched_it_is_left_alone(opened: Opener) -> None:
    generator = opened(watch=False)
    spoiler = Spoiler(generator)
    play(generator, 12, seed=1.0)
    spoiler.how = "silent"
    play(generator, 12)
    assert generator.seat.session.chunk == 24
    assert generator.news() == []

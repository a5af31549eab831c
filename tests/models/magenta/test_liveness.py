"""The watcher: it must see what is no music any more, and leave alone what is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, repeat

import numpy as np
import pytest

from graphflow.models.magenta.liveness import KEEP_CHUNKS, SECOND, SOON, Care, Health, Sound

CHUNK, RATE = 1920, 48_000
Chunk = tuple[Sound, tuple[int, ...]]
NEW = count()


def at(level: float, sound: np.ndarray) -> Sound:
    """Brought to an RMS level in dB, [2, frames]."""
    scaled = sound * 10 ** (level / 20) / max(np.sqrt(np.mean(sound**2)), 1e-20)
    return np.broadcast_to(scaled, (2, sound.size)).astype(np.float32)


def fresh() -> tuple[int, ...]:
    """Tokens that were never there before."""
    return (next(NEW),) * 12


def noise(seconds: float, level: float, seed: int = 1) -> Iterator[Chunk]:
    rng = np.random.default_rng(seed)
    for _ in range(round(seconds * SECOND)):
        yield at(level, rng.standard_normal(CHUNK)), fresh()


def tone(seconds: float, level: float, freq: float = 440.0) -> Iterator[Chunk]:
    for n in range(round(seconds * SECOND)):
        phase = 2.0 * np.pi * freq * (n * CHUNK + np.arange(CHUNK)) / RATE
        yield at(level, np.sin(phase)), fresh()


def silence(seconds: float) -> Iterator[Chunk]:
    yield from repeat((np.zeros((2, CHUNK), np.float32), (1,) * 12), round(seconds * SECOND))


def watch(*parts: Iterable[Chunk], **how: bool) -> list[tuple[int, str]]:
    """At which chunks there was trouble, and of which kind; after trouble it begins anew, as after a rescue."""
    health, troubles = Health(), []
    for number, (sound, tokens) in enumerate(chunk for part in parts for chunk in part):
        health, cause = health.after(sound, tokens, **how)
        if cause:
            troubles.append((number, cause))
            health = Health()
    return troubles


def test_music_is_left_alone() -> None:
    fading = ((at(-20.0 - 0.2 * n, np.random.default_rng(n).standard_normal(CHUNK)), fresh()) for n in range(200))
    assert (
        watch(noise(4, -40.0), noise(1, -80.0), noise(4, -65.0), tone(6, -35.0), fading, silence(7.9), tone(1, -20.0))
        == []
    )


def test_loud_music_with_single_clipped_samples_is_left_alone() -> None:
    loud = [(np.clip(at(-9.0, sound[0].astype(float)), -1.0, 1.0), tokens) for sound, tokens in noise(10, -9.0)]
    assert max(np.mean(np.abs(sound) >= 0.999) for sound, _ in loud) > 0.003
    assert watch(loud) == []
    assert watch(tone(3.9, -5.0), tone(3, -20.0), tone(3.9, -5.0)) == []


def test_a_held_note_and_a_repeated_bar_are_left_alone() -> None:
    assert watch(tone(20, -20.0, freq=440.0)) == []
    assert watch(tone(9.9, -20.0, freq=100.0)) == []
    bar = list(noise(2.4, -20.0))
    assert watch(bar * 8) == []  # longer than a second


def test_a_stream_that_falls_silent_is_noticed_after_8_seconds() -> None:
    assert watch(noise(1, -30.0), silence(20)) == [(25 + 200 - 1, "silence")]


@pytest.mark.parametrize(
    "parts, how",
    [
        ([silence(60)], {}),  # it never was to be heard
        ([noise(1, -30.0), silence(60)], {"may_be_silent": True}),
        ([noise(1, -30.0), silence(7.9), noise(0.1, -65.0), silence(7.9)], {}),
    ],
)
def test_silence_with_a_reason_is_left_alone(parts: list[Iterator[Chunk]], how: dict[str, bool]) -> None:
    assert watch(*parts, **how) == []


def test_what_clips_for_3_seconds_is_noticed() -> None:
    clipping = ((np.clip(sound, -1.0, 1.0), tokens) for sound, tokens in noise(4, -7.0))
    assert watch(clipping) == [(75 - 1, "loudness")]


def test_what_is_too_loud_for_4_seconds_is_noticed_though_it_does_not_clip() -> None:
    square = ((0.6 * np.sign(sound), tokens) for sound, tokens in tone(5, -20.0))
    assert watch(square) == [(100 - 1, "loudness")]


@pytest.mark.parametrize("period", [1, 3, 25])
def test_a_loop_of_the_same_tokens_is_noticed(period: int) -> None:
    loop = list(noise(period / SECOND, -30.0))
    ((number, cause),) = watch(noise(1, -30.0), loop * (110 // period + 1))
    assert (number, cause) == (25 + period + 100 - 1, "stuck")


def test_a_loop_that_was_asked_for_or_cannot_be_heard_is_left_alone() -> None:
    assert watch(list(noise(0.04, -30.0)) * 200, by_chance=False) == []
    assert watch(list(noise(0.04, -60.0)) * 200) == []


def test_the_same_sound_over_and_over_is_noticed_whatever_its_tokens() -> None:
    frozen = ((sound, fresh()) for sound, _ in list(noise(0.04, -30.0)) * 300)
    assert watch(frozen) == [(250, "stuck")]


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_noticed_at_once(number: float) -> None:
    bad = np.zeros((2, CHUNK), np.float32)
    bad[1, 7] = number
    assert watch(noise(1, -30.0), [(bad, fresh())]) == [(25, "numbers")]


def care_for(chunks: int, care: Care | None = None) -> tuple[Care, list[int]]:
    """A while of good music; what is kept of it are the numbers of its chunks."""
    care, health, kept = care or Care(), Health(), []
    for number, (sound, tokens) in enumerate(noise(chunks / SECOND, -30.0)):
        health, _ = health.after(sound, tokens)
        care = care.after()
        if care.keeps(health):
            care = care.keep(number)
            kept.append(number)
    return care, kept


def test_the_two_newest_good_states_are_kept() -> None:
    care, kept = care_for(4 * KEEP_CHUNKS)
    assert kept == [124, 249, 374, 499]
    assert care.kept == (374, 499)


def test_a_rescue_goes_back_further_each_time_and_gives_up_in_the_end() -> None:
    care, _ = care_for(2 * KEEP_CHUNKS)
    done = []
    for cause in ("silence", "silence", "loudness", "stuck", "stuck"):
        care, way, state = care.rescue(cause)
        done.append((way, state))
        care, kept = care_for(SOON - 1, care)  # too soon to trust it
        assert kept == []
    assert done == [("back", 249), ("back", 124), ("anew", None), ("none", None), ("none", None)]
    assert str(care) == "2 silence, 1 loudness, 2 stuck (2 in vain)"
    assert care.rescues == 3


def test_after_a_calm_while_states_are_kept_again() -> None:
    care, _ = care_for(2 * KEEP_CHUNKS)
    care, way, state = care.rescue("silence")
    assert (way, state) == ("back", 249)
    care, kept = care_for(SOON + 1, care)
    assert kept == [SOON - 1]
    assert care.kept == (124, SOON - 1)
    assert care.forget().kept == ()
    assert str(care.forget()) == "1 silence"


def test_without_a_good_state_it_begins_anew_once() -> None:
    care = Care()
    ways = []
    for _ in range(3):
        care, way, _ = care.rescue("silence")
        ways.append(way)
    assert ways == ["anew", "none", "none"]
    care, _ = care_for(SOON, care)
    assert care.rescue("silence")[1] == "back"


def test_nothing_bad_is_kept() -> None:
    care, health = Care(), Health()
    for sound, tokens in (chunk for part in (noise(6, -5.5), silence(3)) for chunk in part):
        health, _ = health.after(sound, tokens)
        care = care.after()
        assert not care.keeps(health)

"""player, recorder, input, output: sound in and out of the patch."""

import numpy as np
import pytest
from uncompiled import Uncompiled, run

SOUND = np.array([[1, 2, 3], [4, 5, 6]], np.float32)


def test_player_goes_round() -> None:
    out = run("player", 7, files={"file": SOUND}, blocks=[2, 2])["out"]
    np.testing.assert_array_equal(out, [[1, 2, 3, 1, 2, 3, 1], [4, 5, 6, 4, 5, 6, 4]])


def test_player_stops_at_the_end_and_begins_again_when_told_to_loop() -> None:
    player = Uncompiled("player", files={"file": SOUND[:1]}, params={"loop": False, "level": -20.0}, width=2)
    np.testing.assert_allclose(player.block(5, {}, 0)["out"], [[0.1, 0.2, 0.3, 0, 0]] * 2, rtol=1e-6)
    player.values["loop"] = True
    np.testing.assert_allclose(player.block(2, {}, 0)["out"], [[0.1, 0.2]] * 2, rtol=1e-6)


def test_player_without_a_file_is_silent() -> None:
    np.testing.assert_array_equal(run("player", 4)["out"], np.zeros((2, 4)))


def test_recorder_writes_what_it_hears() -> None:
    np.testing.assert_array_equal(run("recorder", 3, {"input": SOUND})["tape"], SOUND)


@pytest.mark.parametrize("kind, port, other", [("output", "input", "device"), ("input", "device", "out")])
def test_devices_have_a_level(kind: str, port: str, other: str) -> None:
    np.testing.assert_array_equal(run(kind, 3, {port: SOUND})[other], SOUND)
    np.testing.assert_allclose(run(kind, 3, {port: SOUND}, params={"level": -20.0})[other], SOUND / 10, rtol=1e-6)
    np.testing.assert_array_equal(run(kind, 3, {port: SOUND}, params={"level": -60.0})[other], 0 * SOUND)

"""With MusicCoCa's released files, where they are on this machine: codes that are publicly known."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from graphflow.models.magenta.style.blend import blend

pytest.importorskip("ai_edge_litert")

from graphflow.models.magenta.style.litert import Network
from graphflow.models.magenta.style.musiccoca import MusicCoCa

DISCO_FUNK = [660, 597, 668, 315, 857, 217, 930, 175, 655, 343, 534, 137]
DISCO_FUNK_MAPPED = [660, 1016, 208, 530, 589, 702, 376, 54, 203, 444, 36, 246]
# what the official C++ engine plays before its first prompt, called "piano" there
PIANO = [325, 98, 979, 657, 802, 453, 475, 622, 729, 934, 567, 782]


def _folder() -> Path | None:
    homes = [os.environ.get("GRAPHFLOW_HOME", ""), "~/Documents/Magenta/magenta-rt-v2"]
    for home in filter(None, homes):
        for place in (".", "magenta-rt-v2"):
            folder = Path(home).expanduser() / place / "resources" / "musiccoca"
            if (folder / "text_encoder.tflite").is_file():
                return folder
    return None


FOLDER = _folder()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FOLDER is None, reason="MusicCoCa's files are not there: graphflow models download mrt2-small"),
]


@pytest.fixture(scope="module")
def musiccoca() -> MusicCoCa:
    assert FOLDER
    return MusicCoCa(FOLDER)


def test_words_have_the_known_codes(musiccoca: MusicCoCa) -> None:
    assert musiccoca.quantizer.quantize(musiccoca.embed_text("disco funk", mapped=False)).tolist() == DISCO_FUNK
    assert musiccoca.quantizer.quantize(musiccoca.embed_text("disco funk")).tolist() == DISCO_FUNK_MAPPED


def test_piano_is_the_engines_default(musiccoca: MusicCoCa) -> None:
    both = [
        musiccoca.quantizer.quantize(musiccoca.embed_text("piano", mapped=mapped)).tolist() for mapped in (False, True)
    ]
    assert PIANO in both or PIANO[:6] in [codes[:6] for codes in both]


def test_the_mapper_runs_in_torch(musiccoca: MusicCoCa) -> None:
    musiccoca.embed_text("disco funk")
    assert musiccoca.statistics().mapper.startswith("torch, cosine 1.0000")


def test_our_codes_are_those_of_the_released_quantizer(musiccoca: MusicCoCa) -> None:
    network = Network(musiccoca.folder / "pretrained_vector_quantizer.tflite")
    rng = np.random.default_rng(1)
    words = [musiccoca.embed_text(text) for text in ("piano", "techno", "calm strings")]
    for _ in range(10):
        place = (rng.dirichlet([1.0, 1.0, 1.0]) @ np.stack(words)).astype(np.float32)
        assert musiccoca.quantizer.quantize(place).tolist() == network.run(place).astype(int).tolist()


def test_our_log_mel_is_that_of_the_released_preprocessor(musiccoca: MusicCoCa) -> None:
    network = Network(musiccoca.folder / "audio_preprocessor.tflite")
    clip = (np.random.default_rng(2).standard_normal(160000) * 0.1).astype(np.float32)
    assert np.abs(musiccoca._log_mel(clip).reshape(-1) - network.run(clip)).max() < 1e-3


def test_a_sine_and_a_prompt_blend_into_codes(musiccoca: MusicCoCa, tmp_path: Path) -> None:
    import soundfile

    path = tmp_path / "sine.wav"
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 440 * np.arange(480000) / 48000), 48000)
    found = blend([{"audio": str(path), "weight": 1.0}, {"text": "piano", "weight": 1.0}], musiccoca)
    assert found
    assert found.trouble == ""
    assert min(found.codes) >= 0

"""Recording to disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from kinds import change, opened, rendered

from graphflow.core.errors import PatchError

PATCH = """
format = 1
wires = ["n -> keep", "n -> out"]
[nodes.n]
kind = "count"
[nodes.keep]
kind = "keep"
[nodes.out]
kind = "out"
"""
PLAYER = """
[nodes.p]
kind = "take"
file = "unheard_of.wav"
"""


def test_a_recording_is_what_was_heard(tmp_path: Path):
    session = opened(PATCH, folder=tmp_path)
    heard = rendered(session, 10_000)
    session.close()
    kept, rate = soundfile.read(tmp_path / "take.wav", dtype="float32", always_2d=True)
    assert rate == 48000
    assert np.array_equal(np.minimum(kept, 1.0), heard)  # the speakers' side is cut at full scale, the tape is not
    assert [(Path(t.file).name, t.frames, t.dropped) for t in session.finished_tapes] == [("take.wav", 10_000, 0)]


def test_a_recorder_that_is_taken_out_finishes_its_file(tmp_path: Path):
    session = opened(PATCH, folder=tmp_path)
    rendered(session, 1000)
    without = PATCH.replace('"n -> keep", ', "").replace('[nodes.keep]\nkind = "keep"\n', "")
    change(session, without)
    rendered(session, 4096)
    assert soundfile.info(tmp_path / "take.wav").frames == 1000
    session.close()


def test_a_place_that_cannot_be_written_is_refused_and_nothing_changes(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PatchError) as error:
        opened(PATCH.replace('kind = "keep"', 'kind = "keep"\nfile = "file/take.wav"'), folder=tmp_path)
    assert str(error.value).startswith("nodes.keep.file is 'file/take.wav'; it cannot be written in ")
    with pytest.raises(PatchError, match=r"expected a name ending in \.wav"):
        opened(PATCH.replace('kind = "keep"', 'kind = "keep"\nfile = "take.doc"'), folder=tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full to stand for a full disk")
def test_a_full_disk_ends_the_recording_and_not_the_music(tmp_path: Path):
    (tmp_path / "take.flac").symlink_to("/dev/full")  # a FLAC's header is written late, as a disk fills up late
    lines: list[str] = []
    session = opened(PATCH.replace('kind = "keep"', 'kind = "keep"\nfile = "take.flac"'), lines, folder=tmp_path)
    sound = rendered(session, 96_000)
    assert sound[-1, 0] == 1.0
    session.close()
    assert len(lines) == 1
    assert "recording has ended" in lines[0] or "could not be finished" in lines[0]


def test_an_edit_that_is_refused_leaves_an_older_take_as_it_was(tmp_path: Path):
    soundfile.write(tmp_path / "take.wav", np.ones(1000), 48000)
    with pytest.raises(PatchError, match="unheard_of"):
        opened(PATCH.replace('"n -> out"', '"n -> out", "p -> out"') + PLAYER, folder=tmp_path)
    assert soundfile.info(tmp_path / "take.wav").frames == 1000

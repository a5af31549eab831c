"""Where the files of Magenta RealTime 2 are looked for, and what is said where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphflow.core.errors import UserError
from graphflow.models import home
from graphflow.models.magenta.files import CHECKPOINTS, ENCODER, MUSICCOCA, MUSICCOCA_FILES, Files, find, locate, roots


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The three places, none of them there yet; `~` is the test's own folder."""
    monkeypatch.setattr(home.sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GRAPHFLOW_HOME", str(tmp_path / "chosen"))
    for name in ("XDG_DATA_HOME", "MAGENTA_HOME"):
        monkeypatch.delenv(name, raising=False)
    return {
        "chosen": tmp_path / "chosen" / "magenta-rt-v2",
        "default": tmp_path / ".local" / "share" / "graphflow" / "magenta-rt-v2",
        "official": tmp_path / "Documents" / "Magenta" / "magenta-rt-v2",
    }


def put(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def test_a_name_is_looked_up_in_three_places_in_order(places: dict[str, Path]) -> None:
    assert locate("mrt2-small") is None
    for place in ("official", "default", "chosen"):
        put(places[place], CHECKPOINTS["mrt2-small"])
        assert find("mrt2-small") == Files("mrt2-small", places[place] / "checkpoints" / "mrt2_small.safetensors")


def test_the_environment_names_the_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHFLOW_HOME", "")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("MAGENTA_HOME", "~/magenta")
    assert roots() == (
        tmp_path / "data" / "graphflow" / "magenta-rt-v2",
        tmp_path / "magenta" / "magenta-rt-v2",
    )
    monkeypatch.setenv("XDG_DATA_HOME", "data")  # relative: ignored, as the specification asks
    assert roots()[0] == tmp_path / ".local" / "share" / "graphflow" / "magenta-rt-v2"


@pytest.mark.parametrize(
    "platform, environment, expected",
    [
        ("darwin", {}, "Library/Application Support/graphflow"),
        ("win32", {"LOCALAPPDATA": ""}, "AppData/Local/graphflow"),
    ],
)
def test_each_system_has_its_place(
    platform: str, environment: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home.sys, "platform", platform)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert home.default_home() == tmp_path / expected


def test_encoder_and_musiccoca_may_lie_in_another_place(places: dict[str, Path]) -> None:
    put(places["default"], CHECKPOINTS["mrt2-base"])
    put(places["official"], ENCODER, *(f"{MUSICCOCA}/{name}" for name in MUSICCOCA_FILES))
    found = find("mrt2-base")
    assert found.encoder == places["official"] / ENCODER
    assert found.musiccoca == places["official"] / MUSICCOCA
    assert str(found) == "mrt2-base: ~/.local/share/graphflow/magenta-rt-v2/checkpoints/mrt2_base.safetensors"


def test_what_a_broken_download_left_out_is_said(places: dict[str, Path]) -> None:
    put(places["default"], CHECKPOINTS["mrt2-base"], ENCODER, f"{MUSICCOCA}/text_encoder.tflite")
    assert find("mrt2-base").missing == ("5 of musiccoca's 6 files",)
    put(places["default"], *(f"{MUSICCOCA}/{name}" for name in MUSICCOCA_FILES if name != "spm.model"))
    assert str(find("mrt2-base")).endswith("mrt2_base.safetensors, without musiccoca's spm.model")
    put(places["default"], f"{MUSICCOCA}/spm.model")
    assert find("mrt2-base").missing == ()


def test_the_encoder_beside_the_checkpoint_goes_first(places: dict[str, Path]) -> None:
    put(places["chosen"], CHECKPOINTS["mrt2-small"], ENCODER, "checkpoints/encoder.safetensors")
    assert find("mrt2-small").encoder == places["chosen"] / "checkpoints" / "encoder.safetensors"


def test_the_fullest_musiccoca_is_used(places: dict[str, Path]) -> None:
    put(places["chosen"], CHECKPOINTS["mrt2-small"], f"{MUSICCOCA}/spm.model")
    put(places["official"], f"{MUSICCOCA}/spm.model", f"{MUSICCOCA}/text_encoder.tflite")
    assert find("mrt2-small").musiccoca == places["official"] / MUSICCOCA
    put(places["chosen"], f"{MUSICCOCA}/mapper.tflite")
    assert find("mrt2-small").musiccoca == places["chosen"] / MUSICCOCA


def test_a_folder_may_be_in_the_official_layout(tmp_path: Path) -> None:
    put(tmp_path / "m", CHECKPOINTS["mrt2-base"], "checkpoints/encoder.safetensors", f"{MUSICCOCA}/spm.model")
    assert find(str(tmp_path / "m")) == Files(
        "mrt2-base",
        tmp_path / "m" / "checkpoints" / "mrt2_base.safetensors",
        encoder=tmp_path / "m" / "checkpoints" / "encoder.safetensors",
        musiccoca=tmp_path / "m" / MUSICCOCA,
    )
    assert find("~/m") == find(str(tmp_path / "m"))


def test_a_folder_may_have_been_saved(tmp_path: Path) -> None:
    put(tmp_path / "mine", "config.json", "model.safetensors")
    bare = find(str(tmp_path / "mine"))
    assert bare == Files("mine", tmp_path / "mine" / "model.safetensors", tmp_path / "mine" / "config.json")
    assert str(bare) == "mine: ~/mine/model.safetensors, without encoder and musiccoca"
    put(tmp_path / "mine", "encoder.safetensors", "musiccoca/spm.model")
    full = find(str(tmp_path / "mine"))
    assert (full.encoder, full.musiccoca) == (
        tmp_path / "mine" / "encoder.safetensors",
        tmp_path / "mine" / "musiccoca",
    )


@pytest.mark.parametrize(
    "model, line",
    [
        (
            "mrt2-small",
            "mrt2-small: no checkpoints/mrt2_small.safetensors in ~/chosen/magenta-rt-v2, "
            "~/.local/share/graphflow/magenta-rt-v2 or ~/Documents/Magenta/magenta-rt-v2; "
            "graphflow models download mrt2-small",
        ),
        (
            "mrt2_small",
            "mrt2_small: no such model; did you mean 'mrt2-small'?; expected mrt2-small, mrt2-base or a folder",
        ),
        ("{}/a.txt", "{}/a.txt is a file; expected mrt2-small or mrt2-base, or the folder of a model"),
        (
            "{}/empty",
            "{}/empty holds no model; expected config.json and model.safetensors, or checkpoints/NAME.safetensors",
        ),
        (
            "{}/half",
            "{}/half has config.json and no model.safetensors; save the model again, or name another folder",
        ),
        (
            "{}/two",
            "{}/two/checkpoints holds mrt2_base.safetensors, mrt2_small.safetensors; expected one; "
            "move the others to another folder",
        ),
    ],
)
def test_what_is_not_found_is_one_line_with_a_repair(model: str, line: str, tmp_path: Path) -> None:
    put(tmp_path, "a.txt", "empty/x", "half/config.json")
    put(tmp_path / "two", *CHECKPOINTS.values())
    with pytest.raises(UserError) as refused:
        find(model.format(tmp_path))
    assert str(refused.value) == line.format(tmp_path)

"""graphflow models, against a hub on loopback: what it says, what it leaves on the disk, what it repairs."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import save

from graphflow.cli import main
from graphflow.cli.models import Shown
from graphflow.models.catalogue import MODELS
from tests.conftest import wait_until
from tests.models.fake_hub import COMMIT, FakeHub, Fault

CHECKPOINT = "checkpoints/mrt2_small.safetensors"
ENCODER = "resources/spectrostream/encoder.safetensors"
STYLE = [item.path for item in MODELS["mrt2-small"].items if item.part == "musiccoca"]
SMALL_FILE = "resources/musiccoca/spm.model"
CREDIT = (
    "Magenta RealTime 2 by the Magenta team of Google DeepMind "
    "(https://huggingface.co/google/magenta-realtime-2); weights CC-BY-4.0, code Apache-2.0"
)
WEIGHTS = save({"embedding": np.arange(600, dtype=np.float32).reshape(20, 30)})
TOKEN = "hf_secret"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with nothing in it, and nothing set."""
    for name in ("HF_ENDPOINT", "HF_TOKEN", "XDG_DATA_HOME", "MAGENTA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GRAPHFLOW_HOME", str(tmp_path / "home" / "g"))
    monkeypatch.setenv("no_proxy", "*")
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def root(home: Path) -> Path:
    """Where a download goes."""
    return home / "g" / "magenta-rt-v2"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub with small files in place of the real ones, which the catalogue knows."""
    known = MODELS["mrt2-small"]
    items = tuple(replace(item, tensors={"embedding": (20, 30)} if item.tensors else {}) for item in known.items)
    monkeypatch.setitem(MODELS, "mrt2-small", replace(known, items=items))
    fake = FakeHub()
    fake.files = {path: (f"content of {path}".encode() * 9, path != SMALL_FILE) for path in STYLE}
    fake.files |= {CHECKPOINT: (WEIGHTS, True), ENCODER: (save({"e": np.ones(3, np.float32)}), True)}
    monkeypatch.setenv("HF_ENDPOINT", fake.endpoint)
    yield fake
    fake.close()


@pytest.fixture
def here(fake: FakeHub, root: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The model, downloaded."""
    assert main(["models", "download", "mrt2-small", "--yes"]) == 0
    capsys.readouterr()
    fake.asked.clear()
    return root


def change(content: bytes) -> bytes:
    """One bit is enough."""
    return content[:-1] + bytes([content[-1] ^ 1])


def put(root: Path, fake: FakeHub, paths: list[str]) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(fake.files[path][0])


def fetched(fake: FakeHub) -> list[str]:
    return [asked.path for asked in fake.asked if asked.method == "GET" and asked.where == "hub"]


# --- list and info -------------------------------------------------------------------------------------------------


def test_the_list_says_what_is_known_and_where(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    first, small, base = capsys.readouterr().out.splitlines()
    folder = MODELS["first-light"].folder
    assert first == f"first-light      3.5 M     7.6 MB  comes with graphflow, {folder}"
    assert small == "mrt2-small     282.2 M    2.09 GB  not here; graphflow models download mrt2-small"
    assert base == "mrt2-base    2,459.2 M   10.79 GB  not here; graphflow models download mrt2-base"


def test_the_list_says_what_is_here(fake: FakeHub, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def small() -> str:
        assert main(["models", "list"]) == 0
        return capsys.readouterr().out.splitlines()[1].partition("  h")[2]

    put(root, fake, [CHECKPOINT])
    at = f"ere, ~/g/magenta-rt-v2/{CHECKPOINT}"
    assert small() == f"{at}, without encoder and musiccoca; graphflow models download mrt2-small"
    put(root, fake, [ENCODER, *STYLE])
    assert small() == at


def test_info_of_a_folder_states_its_size_and_its_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (folder / "config.json").write_text("{}")
    assert main(["models", "info", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "mine: 600 parameters in 1 tensors"
    assert "  encoder     not here: no music to go on from" in lines
    (folder / "model.safetensors").write_bytes(WEIGHTS[:40])
    assert main(["models", "info", str(folder)]) == 2
    assert "model.safetensors: no safetensors file" in capsys.readouterr().err


def test_info_states_files_licence_and_limits(fake: FakeHub, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(root, fake, [CHECKPOINT])
    assert main(["models", "info", "mrt2_small"]) == 0
    assert capsys.readouterr().out == (
        "mrt2-small: Magenta RealTime 2 small\n\n"
        "  parameters  282,194,376\n"
        "  licence     CC-BY-4.0\n"
        f"  credit      {CREDIT}\n"
        "  limits      reported by others: left alone for many minutes it may grow too loud; "
        "true guidance, by several passes, above about 3.5 may run away or fall silent\n"
        "              trained on clips of 20 s, mostly without voices\n"
        "  from        google/magenta-realtime-2 on the Hugging Face hub\n"
        f"  is          here, ~/g/magenta-rt-v2/{CHECKPOINT}, without encoder and musiccoca; "
        "graphflow models download mrt2-small\n"
        "  files       checkpoints/mrt2_small.safetensors                          0.0 MB  here\n"
        "              resources/musiccoca/text_encoder.tflite                   418.7 MB\n"
        "              resources/musiccoca/mapper.tflite                          86.2 MB\n"
        "              resources/musiccoca/pretrained_vector_quantizer.tflite     72.4 MB\n"
        "              resources/musiccoca/spm.model                               0.5 MB\n"
        "              resources/musiccoca/music_encoder.tflite                  370.9 MB\n"
        "              resources/musiccoca/audio_preprocessor.tflite               8.7 MB\n"
        "              resources/spectrostream/encoder.safetensors                      ?\n"
    )


def test_first_light_is_among_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "info", "first_light"]) == 0
    told = capsys.readouterr().out
    assert "  licence     Apache-2.0\n" in told
    assert "weights.safetensors" in told
    assert main(["models", "verify", "first-light"]) == 0
    assert capsys.readouterr().out.count("which nothing speaks against") == 2
    assert main(["models", "download", "first-light"]) == 0
    assert capsys.readouterr().out == "first-light comes with graphflow; nothing to download\n"


# --- download ------------------------------------------------------------------------------------------------------


def test_a_download_tells_first_and_leaves_files_and_a_record(
    fake: FakeHub, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert main(["models", "download", "mrt2-small", "--yes"]) == 0
    said = capsys.readouterr()
    total = sum(len(content) for content, _ in fake.files.values())
    lines = said.out.splitlines()
    assert lines[0] == "Magenta RealTime 2 small, google/magenta-realtime-2 at c0ffee00"
    assert [line.split() for line in lines[1:9]] == [
        [item.path, f"{len(fake.files[item.path][0]) / 1e6:.1f}", "MB"] for item in MODELS["mrt2-small"].items
    ]
    assert lines[9].startswith(f"to fetch: {total / 1e6:.1f} MB into ~/g/magenta-rt-v2, where ")
    assert lines[10] == f"licence: CC-BY-4.0; give credit as: {CREDIT}"
    assert lines[11:] == ["mrt2-small is here, 8 of 8 files fetched, every checksum is right"]
    for path, (content, _) in fake.files.items():
        assert (root / path).read_bytes() == content
    record = json.loads((root / "graphflow-download.json").read_text())
    assert set(record["files"]) == set(fake.files)
    entry = record["files"][SMALL_FILE]
    assert entry.pop("date").endswith("+00:00")
    assert entry == {
        "repository": "google/magenta-realtime-2",
        "endpoint": fake.endpoint,
        "commit": COMMIT,
        "size": len(fake.files[SMALL_FILE][0]),
        # though the hub names this small file by git's checksum
        "sha256": hashlib.sha256(fake.files[SMALL_FILE][0]).hexdigest(),
    }
    assert TOKEN not in said.out + said.err + (root / "graphflow-download.json").read_text()
    assert {asked.token for asked in fake.asked if asked.where == "storage"} == {""}
    assert not list(root.rglob("*.part"))
    # what main means may change meanwhile: only the first question is for it
    assert [asked.revision for asked in fake.asked if asked.where == "hub"] == ["main"] + 15 * [COMMIT]


def test_what_is_here_is_not_fetched_again(fake: FakeHub, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "download", "mrt2-small"]) == 0  # and nobody is asked
    assert fetched(fake) == []
    assert capsys.readouterr().out.endswith("mrt2-small is here, 0 of 8 files fetched, every checksum is right\n")


def test_the_official_folder_is_used_part_by_part(fake: FakeHub, home: Path, root: Path) -> None:
    official = home / "Documents" / "Magenta" / "magenta-rt-v2"
    put(official, fake, [CHECKPOINT, *STYLE])
    (official / STYLE[0]).write_bytes(bytes(len(fake.files[STYLE[0]][0])))
    assert main(["models", "download", "mrt2-small", "--yes"]) == 0
    # the checkpoint is right; of the style's files one is damaged, so they are fetched all, to be used from one folder
    assert sorted(fetched(fake)) == sorted([ENCODER, *STYLE])
    assert not (root / CHECKPOINT).exists()
    assert not (official / "graphflow-download.json").exists()


@pytest.mark.parametrize(
    "answer, code, says", [("y\n", 0, "every checksum is right\n"), ("\n", 130, "[y/N] "), ("", 130, "[y/N] ")]
)
def test_it_asks_before_it_fetches(
    fake: FakeHub,
    answer: str,
    code: int,
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Person(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("graphflow.cli.models.sys", SimpleNamespace(stdin=Person(answer)))
    assert main(["models", "download", "mrt2-small"]) == code
    assert capsys.readouterr().out.endswith(says)
    assert len(fetched(fake)) == (8 if code == 0 else 0)


def test_where_nobody_can_answer_yes_must_be_typed(
    fake: FakeHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphflow.cli.models.sys", SimpleNamespace(stdin=io.StringIO("y\n")))
    assert main(["models", "download", "mrt2-small"]) == 2
    assert capsys.readouterr().err == "mrt2-small: nobody is here to agree to this download; add --yes\n"
    assert fetched(fake) == []


def test_a_full_disk_is_told_before_anything_is_fetched(
    fake: FakeHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Usage = namedtuple("Usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(1000))
    assert main(["models", "download", "mrt2-small", "--yes"]) == 2
    assert capsys.readouterr().err == (
        "mrt2-small needs 0.0 MB and ~/g/magenta-rt-v2 has 0.0 MB free; "
        "make room, or set GRAPHFLOW_HOME to a folder on another disk\n"
    )
    assert fetched(fake) == []


def test_a_file_that_the_repository_lacks_is_left_out_unless_it_is_needed(
    fake: FakeHub, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del fake.files["resources/musiccoca/mapper.tflite"]
    assert main(["models", "download", "mrt2-small", "--yes"]) == 0
    assert "  resources/musiccoca/mapper.tflite  is not in the repository; left out\n" in capsys.readouterr().out
    assert (root / CHECKPOINT).exists()
    del fake.files[CHECKPOINT]
    assert main(["models", "download", "mrt2-small", "--yes"]) == 2
    assert capsys.readouterr().err == f"{CHECKPOINT}: {fake.host} has no such file (404); is the endpoint right?\n"


def test_wrong_bytes_end_it_and_what_came_before_stays(
    fake: FakeHub, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.faults = [Fault(path=ENCODER, alter=change)]
    assert main(["models", "download", "mrt2-small", "--yes"]) == 2
    assert capsys.readouterr().err.endswith(
        f"{ENCODER} came with another checksum than {fake.host} promised and was deleted; fetch it again\n"
    )
    assert (root / CHECKPOINT).exists()
    assert not (root / ENCODER).exists()
    fake.asked.clear()
    assert main(["models", "download", "mrt2-small", "--yes"]) == 0
    assert fetched(fake) == [ENCODER]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ended_by_hand_it_goes_on_later(fake: FakeHub, root: Path, how: signal.Signals) -> None:
    hold = threading.Event()
    fake.faults = [Fault(path=CHECKPOINT, cut=1000, hold=hold)]
    command = [sys.executable, "-m", "graphflow", "models", "download", "mrt2-small", "--yes"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def kept() -> list[int]:
        return [part.stat().st_size for part in (root / "checkpoints").glob("*.part")]

    wait_until(lambda: kept() == [1000] or running.poll() is not None, 30.0, "the first 1000 bytes")
    os.kill(running.pid, how)
    _, said = running.communicate(timeout=30)
    hold.set()
    assert kept() == [1000]
    if how != signal.SIGKILL:
        assert running.returncode == 130
        assert said == "mrt2-small: ended by hand; what came is kept, and the same command goes on from there\n"
    fake.asked.clear()
    assert main(["models", "download", "mrt2-small", "--yes"]) == 0
    assert [asked.range for asked in fake.asked if asked.path == CHECKPOINT and asked.method == "GET"] == [
        "bytes=1000-",
        "bytes=1000-",  # at the hub, and at the storage it leads to
    ]
    assert (root / CHECKPOINT).read_bytes() == WEIGHTS


def test_another_endpoint_may_be_named(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    assert main(["models", "download", "mrt2-small", "--yes", "--endpoint", fake.endpoint]) == 0


# --- verify --------------------------------------------------------------------------------------------------------


def test_what_is_sound_is_verified_against_the_record(
    fake: FakeHub, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "verify", "mrt2-small"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert all(line.startswith("ok    ~/g/magenta-rt-v2/") and ", as recorded on 2" in line for line in lines)
    assert fake.asked == []  # it needs no network


@pytest.mark.parametrize(
    "path, damage, says",
    [
        (CHECKPOINT, change, "is damaged: sha256 "),
        (STYLE[0], change, "is damaged: sha256 "),
        (CHECKPOINT, lambda content: content[:-4], "is damaged: 2496 bytes, recorded 2500"),
        (CHECKPOINT, lambda content: b"", "is damaged: 0 bytes, recorded 2500"),
    ],
)
def test_damage_is_found_and_the_download_repairs_it(
    fake: FakeHub,
    here: Path,
    path: str,
    damage: Callable[[bytes], bytes],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    says = says.replace("2500", str(len(WEIGHTS))).replace("2496", str(len(WEIGHTS) - 4))
    (here / path).write_bytes(damage((here / path).read_bytes()))
    assert main(["models", "verify", "mrt2-small"]) == 2
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("BAD")]
    assert line.startswith(f"BAD   ~/g/magenta-rt-v2/{path}: {says}")
    assert line.endswith("; graphflow models download mrt2-small")
    assert main(["models", "download", "mrt2-small", "--yes"]) == 0
    assert fetched(fake) == [path]
    assert main(["models", "verify", "mrt2-small"]) == 0


def test_a_file_that_is_as_the_hub_has_it_is_not_called_damaged(
    fake: FakeHub, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = MODELS["mrt2-small"]
    unlike = replace(known.items[0], tensors={"embedding": (20, 30), "kernel": (5,)})
    monkeypatch.setitem(MODELS, "mrt2-small", replace(known, items=(unlike, *known.items[1:])))
    assert main(["models", "verify", "mrt2-small"]) == 0
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith(f"note  ~/g/magenta-rt-v2/{CHECKPOINT}: sha256 ")
    assert line.endswith("; but it is another model's: kernel is missing, expected [5]")


def test_without_a_record_the_header_is_looked_at(
    fake: FakeHub, home: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(root, fake, [CHECKPOINT, SMALL_FILE])
    assert main(["models", "verify", "mrt2-small"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        f"note  ~/g/magenta-rt-v2/{CHECKPOINT}: {len(WEIGHTS)} bytes, which nothing speaks against; "
        "its checksum was not recorded"
    )
    assert lines[1] == f"note  {STYLE[0]}: is not here; graphflow models download mrt2-small"
    size = len(fake.files[SMALL_FILE][0])
    assert lines[4] == (
        f"note  ~/g/magenta-rt-v2/{SMALL_FILE}: {size} bytes, expected 517448; its checksum was not recorded"
    )
    (root / CHECKPOINT).write_bytes(WEIGHTS[:-4])
    assert main(["models", "verify", "mrt2-small"]) == 2
    assert capsys.readouterr().out.splitlines()[0] == (
        f"BAD   ~/g/magenta-rt-v2/{CHECKPOINT}: is damaged (incomplete metadata, file not fully covered); "
        "graphflow models download mrt2-small"
    )
    (root / CHECKPOINT).write_bytes(save({"embedding": np.zeros((20, 31), np.float32)}))
    assert main(["models", "verify", "mrt2-small"]) == 2
    assert capsys.readouterr().out.splitlines()[0] == (
        f"BAD   ~/g/magenta-rt-v2/{CHECKPOINT}: is another model's: embedding is [20, 31], expected [20, 30]; "
        "graphflow models download mrt2-small"
    )


@pytest.mark.parametrize(
    "name, content, what",
    [
        ("text_encoder.tflite", b"", "is empty"),
        ("spm.model", b"", "is empty"),
        ("text_encoder.tflite", b"version https://git-lfs", "is no .tflite file"),
        (
            "text_encoder.tflite",
            b"<!doctype html>",
            "is a web page, perhaps one that says why the download was refused",
        ),
    ],
)
def test_without_a_record_a_file_of_another_kind_is_found(
    name: str, content: bytes, what: str, fake: FakeHub, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(root, fake, [CHECKPOINT])
    (root / "resources" / "musiccoca").mkdir(parents=True)
    (root / "resources" / "musiccoca" / name).write_bytes(content)
    assert main(["models", "verify", "mrt2-small"]) == 2
    line = f"BAD   ~/g/magenta-rt-v2/resources/musiccoca/{name}: {what}; graphflow models download mrt2-small"
    assert line in capsys.readouterr().out.splitlines()
    (root / "resources" / "musiccoca" / name).write_bytes(b"\x1c\0\0\0TFL3")
    assert main(["models", "verify", "mrt2-small"]) == 0


def test_an_encoder_beside_the_checkpoint_must_go_to_be_repaired(
    fake: FakeHub, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = here / "checkpoints" / "encoder.safetensors"
    beside.write_bytes(b"{}")
    assert main(["models", "verify", "mrt2-small"]) == 2
    assert (
        "BAD   ~/g/magenta-rt-v2/checkpoints/encoder.safetensors: is damaged (header too small); "
        "delete it, then: graphflow models download mrt2-small\n" in capsys.readouterr().out
    )


def test_a_saved_model_is_verified_by_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model.safetensors").write_bytes(WEIGHTS)
    (tmp_path / "config.json").write_text("{")
    assert main(["models", "verify", str(tmp_path)]) == 2
    assert capsys.readouterr().out.splitlines() == [
        f"note  {tmp_path}/model.safetensors: {len(WEIGHTS)} bytes, which nothing speaks against; "
        "its checksum was not recorded",
        f"BAD   {tmp_path}/config.json: is damaged (the model's sizes cannot be read); "
        "save the model again, or download it again",
    ]


@pytest.mark.parametrize(
    "text, why",
    [
        ("{", "Expecting property name"),
        ("[]", "list indices must be"),
        ('{"format": 2, "files": {}}', "its format is 2, expected 1"),
        ('{"format": 1, "files": {"x": {"size": 1}}}', "Entry.__init__() missing"),
    ],
)
def test_a_record_that_cannot_be_read_is_told(
    fake: FakeHub, here: Path, text: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "graphflow-download.json").write_text(text)
    assert main(["models", "verify", "mrt2-small"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{here / 'graphflow-download.json'} cannot be read ({why}")
    assert said.endswith("; delete it and download the model again\n")


# --- the rest ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, line",
    [
        (["dwnload"], "graphflow models has no command 'dwnload'; did you mean 'download'?; expected list, info, "),
        (["info", "mrt2-smal"], "mrt2-smal: no such model; did you mean 'mrt2-small'?; expected first-light, "),
        (["download"], "graphflow models download: MODEL is missing; "),
        (["download", "mrt2-small", "--endpoint", "hub"], "--endpoint is 'hub'; expected an address like https://"),
        (["verify", "mrt2-base"], "mrt2-base: no checkpoints/mrt2_base.safetensors in ~/g/magenta-rt-v2, "),
        (["verify", "nowhere"], "nowhere: no such model; expected mrt2-small, mrt2-base or a folder"),
        (["parity", "nowhere"], "nowhere: no such folder; expected one that holds goldens"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith(line)
    assert said.count("\n") == 1


def test_parity_is_asked_of_the_models_own_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    stand_in = SimpleNamespace(main=lambda folder: asked.append(folder) or 1)
    monkeypatch.setitem(sys.modules, "graphflow.models.magenta.parity", stand_in)  # type: ignore[arg-type]
    assert main(["models", "parity", str(tmp_path)]) == 1
    assert asked == [tmp_path]


def test_none_of_this_loads_torch() -> None:
    code = (
        "import sys; from graphflow.cli import main; main(['models']); main(['models', 'verify', 'first-light']); "
        "print({'torch', 'torchaudio', 'huggingface_hub'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.endswith("set()\n")


def test_progress_names_the_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    times = iter(range(0, 100, 6))  # seconds; lines come every five
    monkeypatch.setattr("graphflow.cli.progress.time", SimpleNamespace(monotonic=times.__next__))
    shown = Shown()
    shown("fetching", "checkpoints/a.safetensors", 4_000_000, 1_000_000)
    shown("checking", "checkpoints/a.safetensors", 4_000_000, 4_000_000)
    shown("fetching", "tiny", 1, 1)
    shown.end()
    assert capsys.readouterr().err == (
        "fetching a.safetensors 1.0 of 4 MB (25%)\nchecking a.safetensors 4.0 of 4 MB (100%)\n"
        "fetching tiny 0.0 of 0.1 MB (0%)\n"
    )

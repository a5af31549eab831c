from __future__ import annotations

import os
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest

from graphflow import doctor
from graphflow.audio.devices import Device, DeviceError, Devices, NoPortAudio
from graphflow.doctor import Finding
from graphflow.models.catalogue import MODELS
from graphflow.models.magenta.files import MUSICCOCA_FILES, Files


def installed(**versions: str):  # type: ignore[no-untyped-def]
    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    return version


def test_findings_are_printed_with_repairs_and_the_sum(capsys: pytest.CaptureFixture[str]) -> None:
    findings = [
        Finding("python", "good", "3.11.7"),
        Finding("sound", "bad", "no PortAudio", "apt install libportaudio2 (or your system's)"),
    ]
    assert doctor.main(findings) == 2
    assert capsys.readouterr().out == (
        "ok    python        3.11.7\n"
        "BAD   sound         no PortAudio; apt install libportaudio2 (or your system's)\n"
        "1 to repair: see the lines marked BAD\n"
    )
    assert doctor.main(findings[:1]) == 0
    assert capsys.readouterr().out.endswith("nothing to repair\n")


def test_a_missing_library_is_named_with_its_command() -> None:
    everything = dict.fromkeys(doctor.LIBRARIES, "1.0")
    del everything["soxr"]
    last = doctor.versions(installed(**everything))[-1]
    assert str(last) == f"BAD   libraries     missing: soxr; {Path(sys.executable).name} -m pip install soxr"


def test_the_other_graphflow_of_pypi_is_noticed() -> None:
    assert doctor.name_clash(installed())[0].state == "good"
    assert str(doctor.name_clash(installed(graphflow="0.8.0"))[0]) == (
        "BAD   name          PyPI's 'graphflow' 0.8.0, another project, is installed under our import name; "
        "pip uninstall graphflow, then install graphflow-live again"
    )


def test_no_portaudio_is_one_line() -> None:
    def none() -> Devices:
        raise NoPortAudio

    assert [str(finding) for finding in doctor.sound(none)] == [
        "BAD   sound         no PortAudio; apt install libportaudio2 (or your system's)"
    ]


class FakeDevices:
    version = "PortAudio V19.7, revision 0"

    def __init__(self, *cards: Device) -> None:
        self.cards = cards

    def all(self) -> tuple[Device, ...]:
        return self.cards

    def find(self, name: str) -> Device:
        if not self.cards:
            raise DeviceError("no sound card with outputs; connect one")
        return self.cards[0]

    def close(self) -> None: ...


@pytest.mark.parametrize(
    "cards, last",
    [
        (
            [Device(0, "USB Audio", "ALSA", 0, 2, 48000.0, 0.0087)],
            "ok    sound card    USB Audio plays by default, latency 8.7 ms",
        ),
        ([], "note  sound card    no sound card with outputs; connect one"),
    ],
)
def test_devices_and_the_default_are_listed(cards: list[Device], last: str) -> None:
    findings = doctor.sound(lambda: FakeDevices(*cards))  # type: ignore[arg-type, return-value]
    assert len(findings) == len(cards) + 2
    assert str(findings[-1]) == last


ON_CPU = (
    f"ok    magenta       device auto is cpu, precision auto is int8, {os.cpu_count()} cores; "
    "mrt2-base only renders there"
)


@pytest.mark.parametrize(
    "ask, card, lines",
    [
        (
            """print('{"version": "2.13.0+cpu", "cuda": [], "mps": false}')""",
            "",
            ["ok    torch         2.13.0+cpu", "ok    gpu           none; models run on the CPU", ON_CPU],
        ),
        (
            """print('{"version": "2.13.0+cpu", "cuda": [], "mps": false}')""",
            "NVIDIA H200",
            [
                "ok    torch         2.13.0+cpu",
                "note  gpu           NVIDIA H200 is here, and this torch cannot use it; "
                "install a build of torch with CUDA (pytorch.org, Get Started)",
                ON_CPU,
            ],
        ),
        (
            """print('{"version": "2.13.0", "cuda": ["NVIDIA H200"], "mps": false}')""",
            "NVIDIA H200",
            [
                "ok    torch         2.13.0",
                "ok    gpu           cuda: NVIDIA H200",
                "ok    magenta       device auto is cuda:0, precision auto is bfloat16, "
                "without kernels of its own, which need Triton and a C compiler",
            ],
        ),
        (
            "raise ImportError('libgomp is missing')",
            "",
            ["BAD   torch         cannot be imported: ImportError: libgomp is missing; install torch again"],
        ),
    ],
)
def test_torch_answers_from_a_process_of_its_own(ask: str, card: str, lines: list[str]) -> None:
    assert [str(finding) for finding in doctor.torch_and_gpu(ask, lambda: card)] == lines


def test_weights_are_measured_or_missed(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(bytes(2_500_000))
    models = {**MODELS, "first-light": replace(MODELS["first-light"], folder=tmp_path)}
    assert [str(finding) for finding in doctor.weights(models, lambda name: None)] == [
        f"BAD   weights       first-light has no words.safetensors in {tmp_path}; install graphflow-live again",
        "note  weights       mrt2-small, mrt2-base are not here; graphflow models download mrt2-small",
    ]
    (tmp_path / "words.safetensors").write_bytes(bytes(500_000))
    for name in MUSICCOCA_FILES:
        (tmp_path / name).touch()
    whole = Files("mrt2-base", tmp_path / "b.safetensors", None, tmp_path / "encoder.safetensors", tmp_path)
    assert [str(finding) for finding in doctor.weights(models, {"mrt2-base": whole}.get)] == [
        "ok    weights       first-light: 3.0 MB, comes with graphflow",
        f"ok    weights       mrt2-base: {tmp_path}/b.safetensors",
    ]
    bare = Files("mrt2-small", tmp_path / "s.safetensors")
    assert [str(finding) for finding in doctor.weights(models, {"mrt2-small": bare}.get)][1:] == [
        f"note  weights       mrt2-small: {tmp_path}/s.safetensors, without encoder and musiccoca; "
        "graphflow models download mrt2-small",
    ]


def test_the_kernel_cache_is_measured(tmp_path: Path) -> None:
    (tmp_path / "k_sine.py").write_bytes(bytes(100_000))
    assert str(doctor.kernel_cache(tmp_path)[0]) == f"ok    kernel cache  {tmp_path}: 1 files, 0.1 MB"


def test_a_kernel_cache_that_cannot_be_written_says_which_folder_to_set(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert str(doctor.kernel_cache(file / "cache")[0]) == (
        f"BAD   kernel cache  {file / 'cache'} cannot be written (Not a directory), every start compiles anew; "
        "set GRAPHFLOW_CACHE to a folder you can write"
    )


def test_shared_memory_is_tried() -> None:
    assert str(doctor.shared_memory()[0]) == "ok    shared memory 1 MB taken and given back"


def test_an_examination_runs_through() -> None:
    findings = list(doctor.examine())
    subjects = {finding.subject for finding in findings}
    assert {"graphflow", "python", "libraries", "name", "sound", "torch", "weights", "kernel cache"} <= subjects

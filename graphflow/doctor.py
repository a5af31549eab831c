"""What `graphflow doctor` looks at: everything outside graphflow that a patch needs, each with its repair."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import graphflow
from graphflow.audio.compile import cache_folder
from graphflow.audio.devices import DeviceError, Devices, NoPortAudio
from graphflow.control.midi.ports import plain
from graphflow.control.midi.rtmidi_ports import RtMidi
from graphflow.core.errors import UserError
from graphflow.models.catalogue import MODELS, Model, amount
from graphflow.models.magenta.files import Files, locate
from graphflow.worker.memory import SharedMemory

State = Literal["good", "note", "bad"]

LIBRARIES = ("numpy", "numba", "sounddevice", "soundfile", "soxr", "tomlkit", "safetensors", "torch", "torchaudio")
MARKS: dict[State, str] = {"good": "ok  ", "note": "note", "bad": "BAD "}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `good` works, `note` limits, `bad` keeps something from working."""

    subject: str
    state: State
    message: str
    repair: str = ""

    def __str__(self) -> str:
        line = f"{MARKS[self.state]}  {self.subject:<14}{self.message}"
        return f"{line}; {self.repair}" if self.repair else line


def examine() -> Iterator[Finding]:
    """Look at everything, one after the other; torch is asked in a process of its own, which takes seconds."""
    for look in (versions, name_clash, sound, midi, priority, torch_and_gpu, weights, kernel_cache, shared_memory):
        yield from look()


def closing(findings: Iterable[Finding]) -> str:
    """The sum in a line."""
    bad = sum(finding.state == "bad" for finding in findings)
    return f"{bad} to repair: see the lines marked BAD" if bad else "nothing to repair"


def main(findings: Iterable[Finding] | None = None) -> int:
    """Print each finding as it is made, and the sum; exit code 2 where something is to be repaired."""
    seen = []
    for finding in examine() if findings is None else findings:
        print(finding, flush=True)
        seen.append(finding)
    print(closing(seen))
    return 2 if any(finding.state == "bad" for finding in seen) else 0


def versions(version: Callable[[str], str] = metadata.version) -> list[Finding]:
    """graphflow, Python, the machine, and the libraries by their installed versions."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    findings = [
        Finding("graphflow", "good", f"{graphflow.__version__} in {Path(graphflow.__file__).parent}"),
        Finding("python", "good", f"{platform.python_version()}, {machine}"),
    ]
    present, missing = [], []
    for library in LIBRARIES:
        try:
            present.append(f"{library} {version(library)}")
        except metadata.PackageNotFoundError:
            missing.append(library)
    if present:
        findings.append(Finding("libraries", "good", ", ".join(present)))
    if missing:
        repair = f"{Path(sys.executable).name} -m pip install {' '.join(missing)}"
        findings.append(Finding("libraries", "bad", f"missing: {', '.join(missing)}", repair))
    return findings


def name_clash(version: Callable[[str], str] = metadata.version) -> list[Finding]:
    """PyPI's `graphflow` is another project with the same import name; ours is `graphflow-live`."""
    try:
        other = version("graphflow")
    except metadata.PackageNotFoundError:
        return [Finding("name", "good", "no other package called graphflow is installed")]
    message = f"PyPI's 'graphflow' {other}, another project, is installed under our import name"
    return [Finding("name", "bad", message, "pip uninstall graphflow, then install graphflow-live again")]


def sound(open_devices: Callable[[], Devices] = Devices) -> list[Finding]:
    """PortAudio, every device, and what plays when none is named."""
    try:
        devices = open_devices()
    except NoPortAudio as missing:
        return [Finding("sound", "bad", *_split(str(missing)))]
    try:
        findings = [Finding("sound", "good", devices.version.split(",")[0])]
        findings += [Finding("device", "good", str(device)) for device in devices.all()]
        try:
            default = devices.find("")
        except DeviceError as none:
            findings.append(Finding("sound card", "note", *_split(str(none))))
        else:
            latency = f"{default.latency * 1000:.1f} ms"
            findings.append(Finding("sound card", "good", f"{default.name} plays by default, latency {latency}"))
        return findings
    finally:
        devices.close()


def midi(open_midi: Callable[[], RtMidi] = RtMidi) -> list[Finding]:
    """The extra for MIDI, and what is plugged in."""
    try:
        backend = open_midi()
    except UserError as missing:
        return [Finding("midi", "note", *_split(str(missing)))]
    try:
        devices = dict.fromkeys(map(plain, [*backend.inputs(), *backend.outputs()]))
    except OSError as error:
        return [Finding("midi", "note", f"{backend.name}: devices cannot be listed ({error})")]
    finally:
        backend.close()
    return [Finding("midi", "good", f"{backend.name}: {', '.join(devices) or 'nothing is plugged in'}")]


def priority() -> list[Finding]:
    """Whether the audio thread may go before other programs."""
    if sys.platform != "linux":
        return []
    import resource

    allowed = resource.getrlimit(resource.RLIMIT_RTPRIO)[1]
    if os.geteuid() == 0 or allowed != 0:
        return [Finding("priority", "good", "the audio thread may run in real time")]
    repair = "add yourself to the group 'audio' (usermod -aG audio NAME) and log in again"
    return [Finding("priority", "note", "the audio thread may not run in real time", repair)]


ASK_TORCH = """
import importlib.util, json, torch
triton = importlib.util.find_spec("triton") is not None
cuda = torch.cuda.is_available()
names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())] if cuda else []
mps = torch.backends.mps.is_available()
print(json.dumps({"version": torch.__version__, "cuda": names, "mps": mps, "triton": triton}))
"""


def torch_and_gpu(ask: str = ASK_TORCH, cards: Callable[[], str] | None = None) -> list[Finding]:
    """What torch can compute on, asked in a process of its own, and whether a graphics card lies idle."""
    try:
        asked = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return [Finding("torch", "bad", "does not answer within 60 s", "install torch again")]
    if asked.returncode != 0:
        reason = (asked.stderr.strip().splitlines() or ["no reason given"])[-1]
        return [Finding("torch", "bad", f"cannot be imported: {reason}", "install torch again")]
    answer = json.loads(asked.stdout)
    findings = [Finding("torch", "good", answer["version"])]
    card = (cards or _nvidia_cards)()
    if answer["cuda"]:
        findings.append(Finding("gpu", "good", f"cuda: {', '.join(answer['cuda'])}"))
    elif answer["mps"]:
        findings.append(Finding("gpu", "good", "mps: Apple"))
    elif card:
        repair = "install a build of torch with CUDA (pytorch.org, Get Started)"
        findings.append(Finding("gpu", "note", f"{card} is here, and this torch cannot use it", repair))
    else:
        findings.append(Finding("gpu", "good", "none; models run on the CPU"))
    if answer["cuda"]:
        magenta = f"device auto is cuda:0, precision auto is bfloat16, {own_kernels(answer)}"
    elif answer["mps"]:
        magenta = "device auto is mps, precision auto is bfloat16 (not tried yet)"
    else:
        magenta = f"device auto is cpu, precision auto is int8, {os.cpu_count()} cores; mrt2-base only renders there"
    findings.append(Finding("magenta", "good", magenta))
    return findings


def own_kernels(answer: Mapping[str, Any]) -> str:
    """Whether Magenta's own GPU kernels can be compiled, which makes it about three times as fast."""
    compiler = any(shutil.which(name) for name in (os.environ.get("CC", ""), "cc", "gcc", "clang") if name)
    if answer.get("triton") and compiler:
        return "with kernels of its own"
    return "without kernels of its own, which need Triton and a C compiler"


def _nvidia_cards() -> str:
    if shutil.which("nvidia-smi") is None:
        return ""
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return ""
    return ", ".join(answer.stdout.split("\n")).strip(", ") if answer.returncode == 0 else ""


def weights(models: Mapping[str, Model] = MODELS, locate: Callable[[str], Files | None] = locate) -> list[Finding]:
    """Which models have their weights here, and how to get one where none of the large ones is."""
    findings, missing = [], []
    for model in models.values():
        if model.folder is not None:
            files = [model.folder / item.path for item in model.items]
            lost = [file.name for file in files if not file.is_file()]
            if lost:
                message = f"{model.name} has no {' and no '.join(lost)} in {model.folder}"
                findings.append(Finding("weights", "bad", message, "install graphflow-live again"))
            else:
                size = amount(sum(file.stat().st_size for file in files))
                findings.append(Finding("weights", "good", f"{model.name}: {size}, comes with graphflow"))
        elif found := locate(model.name):
            repair = f"graphflow models download {model.name}" if found.missing else ""
            findings.append(Finding("weights", "note" if found.missing else "good", str(found), repair))
        else:
            missing.append(model.name)
    if missing and len(missing) == sum(model.folder is None for model in models.values()):
        repair = f"graphflow models download {missing[0]}"
        verb = "is" if len(missing) == 1 else "are"
        findings.append(Finding("weights", "note", f"{', '.join(missing)} {verb} not here", repair))
    return findings


def kernel_cache(folder: Path | None = None) -> list[Finding]:
    """Where compiled nodes are kept, how much there is, and whether more can be added."""
    folder = cache_folder() if folder is None else folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as reason:
        message = f"{folder} cannot be written ({reason.strerror}), every start compiles anew"
        return [Finding("kernel cache", "bad", message, "set GRAPHFLOW_CACHE to a folder you can write")]
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    return [Finding("kernel cache", "good", f"{folder}: {len(sizes)} files, {sum(sizes) / 1e6:.1f} MB")]


def shared_memory(size: int = 1 << 20) -> list[Finding]:
    """Whether a worker process can hand over its sound."""
    try:
        memory = SharedMemory(size)
    except OSError as reason:
        message = f"none to be had ({reason.strerror}), generators stay silent"
        return [Finding("shared memory", "bad", message, "free memory, or allow this program to make memory files")]
    memory.bytes()[-1] = 1
    memory.close()
    return [Finding("shared memory", "good", f"{size >> 20} MB taken and given back")]


def _split(line: str) -> tuple[str, str]:
    """An error's line as message and repair."""
    message, _, repair = line.partition("; ")
    return (message, repair)


__all__ = ["Finding", "closing", "examine", "main"]

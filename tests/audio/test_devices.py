from __future__ import annotations

import builtins
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numba
import numpy as np
import pytest
from numba import carray, types

from graphflow.audio.devices import Device, DeviceError, Devices, DeviceStream, NoPortAudio, find
from graphflow.audio.portaudio import PortAudio
from tests.conftest import JackServer, wait_until

CARDS = (
    Device(0, "HDA Intel PCH: ALC256 (hw:0,0)", "ALSA", 2, 2, 44100.0, 0.0087),
    Device(1, "USB Audio (hw:1,0)", "ALSA", 0, 2, 48000.0, 0.0087),
    Device(2, "USB Microphone (hw:2,0)", "ALSA", 1, 0, 48000.0, 0.0087),
    Device(3, "system", "JACK Audio Connection Kit", 2, 2, 48000.0, 0.0053),
    Device(4, "USB Audio", "JACK Audio Connection Kit", 0, 2, 48000.0, 0.0053),
)

SIGNATURE = types.int32(
    types.intp,  # the input, as a number: NULL is 0
    types.CPointer(types.float32),
    types.uint64,
    types.voidptr,
    types.uint64,
    types.CPointer(types.int64),
)


@numba.cfunc(SIGNATURE)
def quiet_tone(heard: Any, out: Any, frames: int, time: int, flags: int, counters: Any) -> int:
    """Counters: callbacks, frames, blocks with an input, step of a sawtooth."""
    counts = carray(counters, 4)
    played = carray(out, (frames, 2))
    for frame in range(frames):
        counts[3] = (counts[3] + 1) % 100
        level = np.float32(counts[3]) * np.float32(0.0001)
        played[frame, 0] = level
        played[frame, 1] = -level
    counts[0] += 1
    counts[1] += frames
    if heard:
        counts[2] += 1
    return 0


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, index",
    [("system", 3), ("SYST", 3), ("hda", 0), ("usb alsa", 1), ("usb audio", 4), ("jack system", 3), ("hw:1", 1)],
)
def test_a_part_of_the_name_is_enough(name: str, index: int) -> None:
    assert find(name, CARDS).index == index


@pytest.mark.parametrize(
    "name, line",
    [
        (
            "usb",
            "device 'usb' is any of 'USB Audio (hw:1,0) ALSA', 'USB Audio JACK Audio Connection Kit'; "
            "give more of the name",
        ),
        (
            "scarlett",
            "no device 'scarlett'; expected part of 'HDA Intel PCH: ALC256 (hw:0,0) ALSA', 'USB Audio (hw:1,0) ALSA', "
            "'system JACK Audio Connection Kit', 'USB Audio JACK Audio Connection Kit'",
        ),
    ],
)
def test_a_name_that_is_not_one_device_is_answered_with_the_candidates(name: str, line: str) -> None:
    with pytest.raises(DeviceError) as error:
        find(name, CARDS)
    assert str(error.value) == line


def test_only_devices_with_the_wanted_direction_count() -> None:
    assert find("usb", CARDS, "in").index == 2
    with pytest.raises(DeviceError) as error:
        find("usb", CARDS[2:3])
    assert str(error.value) == "no device 'usb'; there is no sound card with outputs"


def test_a_device_has_a_text_form() -> None:
    assert str(CARDS[3]) == "system (JACK Audio Connection Kit): 2 in, 2 out, 48000 Hz, 5.3 ms"


# --- what the system lacks -------------------------------------------------------------------------------------------


def test_without_portaudio_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(NoPortAudio) as error:
        Devices()
    assert str(error.value) == "no PortAudio; apt install libportaudio2 (or your system's)"


class FakeStream:
    samplerate, blocksize, latency, active = 48000.0, 128, 0.005, True

    def abort(self, ignore_errors: bool) -> None: ...
    def close(self, ignore_errors: bool) -> None:
        self.active = False


def fake_stream() -> tuple[DeviceStream, FakeStream, list[float]]:
    now, stream = [100.0], FakeStream()
    portaudio: Any = SimpleNamespace(streams=1, sounddevice=SimpleNamespace(PortAudioError=RuntimeError))
    return DeviceStream(portaudio, stream, CARDS[1], None, clock=lambda: now[0]), stream, now


def test_a_device_that_asks_for_nothing_for_half_a_second_is_lost() -> None:
    playing, _, now = fake_stream()
    assert playing.check(0) == ""
    now[0] += 0.4
    assert playing.check(1) == ""
    now[0] += 0.4
    assert playing.check(1) == ""
    now[0] += 0.1
    assert playing.check(1) == "device 'USB Audio (hw:1,0)' has asked for nothing for 0.5 s"
    assert playing.check(2) == "device 'USB Audio (hw:1,0)' has asked for nothing for 0.5 s"  # lost stays lost


def test_a_device_that_the_driver_ended_is_lost_at_once() -> None:
    playing, stream, _ = fake_stream()
    assert str(playing.statistics()) == "USB Audio (hw:1,0) at 48000 Hz, block 128, latency 5 ms"
    stream.active = False
    assert playing.check(0) == "device 'USB Audio (hw:1,0)' has gone"
    assert str(playing.statistics()) == (
        "USB Audio (hw:1,0) at 48000 Hz, block 128, lost: device 'USB Audio (hw:1,0)' has gone"
    )


# --- a real audio server ---------------------------------------------------------------------------------------------


@pytest.fixture
def devices(jack: JackServer) -> Iterator[Devices]:
    devices = Devices()
    devices.refresh()
    yield devices
    devices.close()


@pytest.mark.audio
def test_a_native_callback_keeps_time_while_python_is_busy(devices: Devices) -> None:
    counters = np.zeros(4, np.int64)
    system = devices.find("system")
    assert (system.inputs, system.outputs, system.rate) == (2, 2, 48000.0)
    spinning = True

    def spin() -> None:
        number = 0
        while spinning:
            number += 1

    thread = threading.Thread(target=spin)
    thread.start()
    playing = devices.open(
        system,
        rate=48000,
        block=128,
        callback=quiet_tone.address,
        userdata=counters.ctypes.data,
        kept=counters,
    )
    try:
        wait_until(lambda: counters[0] >= 20, 5.0, "the first blocks")
        before = int(counters[0])
        seconds = wait_until(lambda: counters[0] >= before + 375, 5.0, "a second of blocks")
        assert playing.check(int(counters[0])) == ""
    finally:
        playing.close()
        spinning = False
        thread.join()
    assert 0.9 < seconds < 1.8  # 375 blocks of 128 frames are 1 s; a loaded machine may drop some
    assert counters[1] == counters[0] * 128
    assert counters[2] == 0


@pytest.mark.audio
def test_a_duplex_stream_hears_too(devices: Devices) -> None:
    counters = np.zeros(4, np.int64)
    system = devices.find("system")
    playing = devices.open(
        system,
        input=devices.find("system", "in"),
        inputs=2,
        rate=48000,
        block=128,
        callback=quiet_tone.address,
        userdata=counters.ctypes.data,
        kept=counters,
    )
    wait_until(lambda: counters[0] >= 5, 5.0, "the first blocks")
    playing.close()
    assert counters[2] == counters[0]
    assert playing.latency > 0.0


@pytest.mark.audio
def test_a_rate_the_device_does_not_run_at_is_refused_with_the_repair(devices: Devices) -> None:
    with pytest.raises(DeviceError) as error:
        devices.open(devices.find("system"), rate=44100, block=128, callback=quiet_tone.address, userdata=0)
    assert str(error.value) == (
        "device 'system' runs at 48000 Hz, patch wants 44100 Hz; play with --rate 48000, or set rate = 48000 in [engine]"
    )


@pytest.mark.audio
def test_more_channels_than_the_device_has_are_refused(devices: Devices) -> None:
    with pytest.raises(DeviceError) as error:
        devices.open(devices.find("system"), rate=48000, block=128, callback=quiet_tone.address, userdata=0, outputs=8)
    assert str(error.value) == "device 'system' has 2 outputs; expected 8, choose another device"


@pytest.mark.audio
@pytest.mark.parametrize("kill", [False, True], ids=["server stops", "server is killed"])
def test_a_lost_device_is_noticed_and_found_again(devices: Devices, jack: JackServer, kill: bool) -> None:
    counters = np.zeros(4, np.int64)
    where = {"rate": 48000, "block": 128, "callback": quiet_tone.address, "userdata": counters.ctypes.data}
    playing = devices.open(devices.find("system"), kept=counters, **where)
    wait_until(lambda: counters[0] >= 5, 5.0, "the first blocks")
    jack.stop(kill=kill)
    wait_until(lambda: playing.check(int(counters[0])) != "", 2.0, "noticing")
    playing.close()
    assert all(device.name != "system" for device in devices.refresh())
    jack.start()
    devices.refresh()
    before = int(counters[0])
    again = devices.open(devices.find("system"), kept=counters, **where)
    wait_until(lambda: counters[0] >= before + 20, 5.0, "playing again")
    again.close()


@pytest.mark.audio
def test_a_process_that_closed_a_lost_device_can_open_devices_anew(devices: Devices, jack: JackServer) -> None:
    counters = np.zeros(4, np.int64)
    where = {"rate": 48000, "block": 128, "callback": quiet_tone.address, "userdata": counters.ctypes.data}
    playing = devices.open(devices.find("system"), kept=counters, **where)
    jack.stop(kill=True)
    wait_until(lambda: playing.check(int(counters[0])) != "", 2.0, "noticing")
    playing.close()
    devices.close()
    jack.start()
    before = int(counters[0])
    anew = Devices()
    again = anew.open(anew.find("system"), kept=counters, **where)
    wait_until(lambda: counters[0] >= before + 20, 5.0, "playing again")
    again.close()
    anew.close()


LEFT_ALONE = """
import sys
from graphflow.audio.devices import Devices
devices = Devices()
print(devices.find("system").name, flush=True)
sys.stdin.readline()
"""


@pytest.mark.audio
def test_a_process_ends_cleanly_when_its_audio_server_has_died(jack: JackServer) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", LEFT_ALONE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)
    )
    assert child.stdin is not None and child.stdout is not None
    assert child.stdout.readline() == b"system\n"
    jack.stop(kill=True)
    child.communicate(b"\n", timeout=10.0)
    assert child.returncode == 0


ALSA_TAP = """
</usr/share/alsa/alsa.conf>
pcm.tap {{
    type file
    slave.pcm "null"
    file "{file}"
    format "raw"
    hint {{ show on description "tap" }}
}}
"""

PLAY_INTO_TAP = """
import numpy as np
from graphflow.audio.devices import Devices
from tests.audio.test_devices import quiet_tone
from tests.conftest import wait_until

devices = Devices()
counters = np.zeros(4, np.int64)
playing = devices.open(
    devices.find("tap alsa"),
    rate=48000, block=128, callback=quiet_tone.address, userdata=counters.ctypes.data, kept=counters,
)
wait_until(lambda: counters[0] >= 20, 5.0, "the first blocks")
playing.close()
devices.close()
"""


@pytest.mark.audio
@pytest.mark.skipif(not Path("/usr/share/alsa/alsa.conf").exists(), reason="ALSA's own configuration is missing")
def test_what_the_callback_writes_is_what_an_alsa_card_gets(tmp_path: Path, jack: JackServer) -> None:
    played = tmp_path / "played.raw"
    configuration = tmp_path / "asound.conf"
    configuration.write_text(ALSA_TAP.format(file=played))
    subprocess.run(
        [sys.executable, "-c", PLAY_INTO_TAP],
        cwd=Path(__file__).parent.parent.parent,
        env=os.environ | {"ALSA_CONFIG_PATH": str(configuration), "JACK_DEFAULT_SERVER": "none"},
        timeout=60.0,
        check=True,
    )
    with played.open("rb") as file:
        frames = np.frombuffer(file.read(8 * 10_000), np.float32).reshape(-1, 2)
    first = int(np.flatnonzero(frames[:, 0])[0])  # the driver begins with silence of its own
    sawtooth = ((np.arange(1000) + 1) % 100).astype(np.float32) * np.float32(0.0001)
    np.testing.assert_array_equal(frames[first : first + 1000], np.stack([sawtooth, -sawtooth], axis=1))


def test_starting_again_under_a_playing_stream_is_refused() -> None:
    portaudio = PortAudio.__new__(PortAudio)
    portaudio.streams = 1
    with pytest.raises(RuntimeError, match="1 streams are open"):
        portaudio.restart()

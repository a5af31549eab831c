"""Sound cards: listed, found by name, opened with a native callback, noticed when they are lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from graphflow.audio.portaudio import JACK, DeviceError, NoPortAudio, PortAudio
from graphflow.core.units import show

SILENT_FOR = 0.5
"""Seconds without a callback after which a device counts as lost."""

CLOSE_WITHIN = 2.0
"""Seconds a driver may take to let go of a stream before it is left behind."""

Direction = Literal["in", "out"]


@dataclass(frozen=True)
class Device:
    """A sound card as its driver describes it. Latency is the lowest it offers, in s."""

    index: int
    name: str
    host: str
    inputs: int
    outputs: int
    rate: float
    latency: float

    def __str__(self) -> str:
        return (
            f"{self.name} ({self.host}): {self.inputs} in, {self.outputs} out, "
            f"{show(self.rate, 'Hz')}, {show(round(self.latency * 1000, 1), 'ms')}"
        )


@dataclass(frozen=True)
class DeviceStatistics:
    """What a running stream can say of itself. Latencies in s, as the driver reports them."""

    device: str
    rate: float
    block: int
    latency: float
    input_latency: float
    lost: str

    def __str__(self) -> str:
        state = f"lost: {self.lost}" if self.lost else f"latency {show(round(self.latency * 1000, 1), 'ms')}"
        return f"{self.device} at {show(self.rate, 'Hz')}, block {self.block}, {state}"


def find(name: str, devices: Iterable[Device], direction: Direction = "out") -> Device:
    """The one device whose name and host hold every word of `name`, in any case; a whole name wins over parts.

    Raises DeviceError, one line, when there is none or more than one.
    """
    usable = [device for device in devices if (device.outputs if direction == "out" else device.inputs)]
    words = name.lower().split()
    exact = [device for device in usable if device.name.lower() == name.lower()]
    near = [device for device in usable if all(word in f"{device.name} {device.host}".lower() for word in words)]
    found = exact if len(exact) == 1 else near
    if len(found) == 1:
        return found[0]
    if not usable:
        raise DeviceError(f"no device '{name}'; there is no sound card with {direction}puts")
    offered = ", ".join(f"'{device.name} {device.host}'" for device in found or usable)
    if not found:
        raise DeviceError(f"no device '{name}'; expected part of {offered}")
    raise DeviceError(f"device '{name}' is any of {offered}; give more of the name")


class DeviceStream:
    """A sound card that is playing. The callback is native code and gets no help from Python."""

    def __init__(
        self,
        portaudio: PortAudio,
        stream: Any,
        device: Device,
        kept: object,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.device = device
        self.rate = float(stream.samplerate)
        self.block = int(stream.blocksize)
        latency = stream.latency
        self.input_latency, self.latency = latency if isinstance(latency, tuple) else (0.0, float(latency))
        self.lost = ""
        self._portaudio = portaudio
        self._stream = stream
        self._kept = kept
        self._clock = clock
        self._progress = -1
        self._since = clock()

    def check(self, progress: int) -> str:
        """Why the device is lost, or "" while it plays; to be called every few blocks.

        `progress` is any number that the callback raises, such as the frames it has played.
        """
        if self.lost:
            return self.lost
        now = self._clock()
        if progress != self._progress:
            self._progress, self._since = progress, now
        if not self._is_active():
            self.lost = f"device '{self.device.name}' has gone"
        elif now - self._since >= SILENT_FOR:
            self.lost = f"device '{self.device.name}' has asked for nothing for {show(SILENT_FOR, 's')}"
        return self.lost

    def close(self) -> None:
        """Stop at once, without a fade. A driver that hangs is left behind."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        self._portaudio.streams -= 1
        if self.device.host == JACK and not _active(stream, self._portaudio) and not self._portaudio.jack_lives():
            self._portaudio.leave_behind((stream, self._kept))
            return
        closer = threading.Thread(target=_shut, args=(stream,), name="closing a sound card", daemon=True)
        closer.start()
        closer.join(CLOSE_WITHIN)
        if closer.is_alive():
            self._portaudio.leave_behind((stream, self._kept))

    def statistics(self) -> DeviceStatistics:
        return DeviceStatistics(self.device.name, self.rate, self.block, self.latency, self.input_latency, self.lost)

    def _is_active(self) -> bool:
        return self._stream is not None and _active(self._stream, self._portaudio)


def _active(stream: Any, portaudio: PortAudio) -> bool:
    try:
        return bool(stream.active)
    except portaudio.sounddevice.PortAudioError:  # a card that was pulled out
        return False


def _shut(stream: Any) -> None:
    stream.abort(ignore_errors=True)
    stream.close(ignore_errors=True)


class Devices:
    """All sound cards of this machine, and the only way to open one."""

    def __init__(self) -> None:
        """Raises NoPortAudio where the system's library is missing."""
        self._portaudio = PortAudio()
        self._list = self._query()

    @property
    def version(self) -> str:
        return self._portaudio.version

    def all(self) -> tuple[Device, ...]:
        """The devices there were at the start or at the last refresh."""
        return self._list

    def refresh(self) -> tuple[Device, ...]:
        """Look for devices afresh; what is open must be closed before."""
        self._portaudio.restart()
        self._list = self._query()
        return self._list

    def find(self, name: str, direction: Direction = "out") -> Device:
        """The device whose name holds `name`; without a name the system's default. Raises DeviceError."""
        if name:
            return find(name, self._list, direction)
        index = self._portaudio.sounddevice.default.device[1 if direction == "out" else 0]
        if index < 0:
            lib = self._portaudio.sounddevice._lib
            index = lib.Pa_GetDefaultOutputDevice() if direction == "out" else lib.Pa_GetDefaultInputDevice()
        for device in self._list:
            if device.index == index:
                return device
        for device in self._list:
            if device.outputs if direction == "out" else device.inputs:
                return device
        raise DeviceError(f"no sound card with {direction}puts; connect one, or name a file: --device take.wav")

    def open(
        self,
        output: Device,
        *,
        rate: int,
        block: int,
        callback: int,
        userdata: int,
        outputs: int = 2,
        input: Device | None = None,
        inputs: int = 0,
        latency: Literal["low", "high"] | float = "low",
        kept: object = None,
    ) -> DeviceStream:
        """Start a sound card that calls native code for every block.

        `callback` is the address of `int32(float32* in, float32* out, uint64 frames, void* time, uint64 flags,
        void* userdata)`, both buffers interleaved, `in` NULL without an input; 0 goes on, 1 ends after what is
        buffered. `latency` in s, or the lowest or safest the driver offers. `kept` is held until the driver has
        surely let go, which after a lost device is never. Raises DeviceError.
        """
        for device, has, wanted, ports in (
            (output, output.outputs, outputs, "outputs"),
            (input or output, input.inputs if input else inputs, inputs, "inputs"),
        ):
            if has < wanted:
                raise DeviceError(f"device '{device.name}' has {has} {ports}; expected {wanted}, choose another device")
        sounddevice = self._portaudio.sounddevice
        duplex = input is not None and inputs > 0
        pointer = sounddevice._ffi.cast("void *", userdata)
        shared: dict[str, Any] = {"samplerate": rate, "blocksize": block, "dtype": "float32", "latency": latency}
        shared |= {"callback": callback, "userdata": pointer}
        try:
            if input is not None and duplex:
                stream = sounddevice._StreamBase(
                    "duplex", device=(input.index, output.index), channels=(inputs, outputs), **shared
                )
            else:
                stream = sounddevice._StreamBase("output", device=output.index, channels=outputs, **shared)
        except sounddevice.PortAudioError as refusal:
            raise DeviceError(self._why_not(refusal, output, input if duplex else None, rate)) from refusal
        self._portaudio.streams += 1
        playing = DeviceStream(self._portaudio, stream, output, kept)
        try:
            stream.start()
        except sounddevice.PortAudioError as refusal:
            playing.close()
            raise DeviceError(self._why_not(refusal, output, input if duplex else None, rate)) from refusal
        return playing

    def close(self) -> None:
        """Let go of all sound cards."""
        self._portaudio.close()

    def _query(self) -> tuple[Device, ...]:
        sounddevice = self._portaudio.sounddevice
        hosts = [host["name"] for host in sounddevice.query_hostapis()]
        return tuple(
            Device(
                index=index,
                name=found["name"],
                host=hosts[found["hostapi"]],
                inputs=found["max_input_channels"],
                outputs=found["max_output_channels"],
                rate=found["default_samplerate"],
                latency=found[
                    "default_low_output_latency" if found["max_output_channels"] else "default_low_input_latency"
                ],
            )
            for index, found in enumerate(sounddevice.query_devices())
        )

    def _why_not(self, refusal: Exception, output: Device, input: Device | None, rate: int) -> str:
        """The driver's refusal in a line that says what to do."""
        reason, code = str(refusal.args[0]), refusal.args[1] if len(refusal.args) > 1 else 0
        lib = self._portaudio.sounddevice._lib
        if code == lib.paInvalidSampleRate:
            other = next((d for d in (output, input) if d is not None and d.rate != rate), output)
            return (
                f"device '{other.name}' runs at {show(other.rate, 'Hz')}, patch wants {show(rate, 'Hz')}; "
                f"play with --rate {show(other.rate)}, or set rate = {show(other.rate)} in [engine]"
            )
        reason = reason.splitlines()[0].rstrip(". ")
        return f"device '{output.name}' cannot be opened: {reason}; close what uses it or choose another device"


__all__ = ["Device", "DeviceError", "DeviceStatistics", "DeviceStream", "Devices", "NoPortAudio", "find"]

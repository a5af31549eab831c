"""PortAudio, loaded once per process, and started again when sound cards come or go.

Its list of devices is frozen when it starts; starting again renews the list and kills every stream, so there is one
owner. Its JACK side (19.6, measured with jackd 1.9.21) does not survive the death of the server: stopping or closing
a stream then waits ten minutes for a signal that nobody gives, and terminating fails an assertion and aborts the
process. A library that holds a dead client is therefore left behind, never called again and never unloaded, and a
copy of it takes its place.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from graphflow.core.errors import UserError

JACK = "JACK Audio Connection Kit"

_LEFT_BEHIND: list[object] = []
"""Libraries and streams never to be touched nor freed: unloading code that a driver's thread still runs in crashes."""


class DeviceError(UserError):
    """A sound card that cannot be found, opened or kept."""


class NoPortAudio(DeviceError):
    """The library that reaches sound cards is not installed."""

    def __init__(self) -> None:
        super().__init__("no PortAudio; apt install libportaudio2 (or your system's)")


class PortAudio:
    """The library. Streams still open are counted by whoever opens and closes them."""

    def __init__(self) -> None:
        """Load and start it, which takes up to a second. Raises NoPortAudio."""
        try:
            import sounddevice
        except OSError as missing:  # the module is there, the system's library is not
            raise NoPortAudio from missing
        self.sounddevice: Any = sounddevice
        self.streams = 0
        if self._is_left_behind():
            self._replace()
        elif not sounddevice._initialized:  # closed earlier in this process
            sounddevice._initialize()
        atexit.register(self.close)  # runs before sounddevice's own, which would terminate a dead library

    @property
    def version(self) -> str:
        return str(self.sounddevice.get_portaudio_version()[1])

    def restart(self) -> None:
        """Look for sound cards afresh. Every stream must be closed before."""
        if self.streams:
            raise RuntimeError(f"{self.streams} streams are open; close them before looking for devices")
        if self._is_alive():
            self.sounddevice._terminate()
            self.sounddevice._initialize()
        else:
            self._replace()

    def leave_behind(self, stream: object = None) -> None:
        """Never touch this stream again, nor the library that holds it."""
        _LEFT_BEHIND.extend((stream, self.sounddevice._lib))

    def close(self) -> None:
        """Let go of all sound cards. The object is of no use afterwards."""
        atexit.unregister(self.close)
        if self.sounddevice._initialized:
            if self._is_alive():
                self.sounddevice._terminate()
            else:
                self.sounddevice._initialized = 0

    def _is_left_behind(self) -> bool:
        return any(left is self.sounddevice._lib for left in _LEFT_BEHIND)

    def _is_alive(self) -> bool:
        """False when the library must not be called again; remembers that."""
        if self._is_left_behind():
            return False
        if self.jack_lives():
            return True
        self.leave_behind()
        return False

    def jack_lives(self) -> bool:
        """False when a JACK server that was there has gone: opening a stream tells, without waiting."""
        sounddevice = self.sounddevice
        for host in sounddevice.query_hostapis():
            if host["name"] != JACK or not host["devices"]:
                continue
            for index in host["devices"]:
                device = sounddevice.query_devices(index)
                if device["max_output_channels"]:
                    wanted = {"device": index, "channels": 1, "samplerate": device["default_samplerate"]}
                    try:
                        with _quiet():
                            probe = sounddevice._StreamBase("output", **wanted)
                    except sounddevice.PortAudioError:
                        return False
                    probe.close()
                    return True
        return True

    def _replace(self) -> None:
        """Load a copy of the library under a name of its own and go on with that."""
        sounddevice = self.sounddevice
        sounddevice._lib = sounddevice._ffi.dlopen(_copy_of_library())
        sounddevice._initialized = 0
        sounddevice._initialize()


@contextmanager
def _quiet() -> Iterator[None]:
    """PortAudio's and JACK's remarks, written past Python to the terminal, go nowhere."""
    terminal = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)


def _copy_of_library() -> str:
    """The path of a copy of the loaded libportaudio, in memory, kept open so that its name stays its own."""
    try:
        maps = Path("/proc/self/maps").read_text()
        library = next(line.split()[-1] for line in maps.splitlines() if "/libportaudio" in line)
        descriptor = os.memfd_create("libportaudio")
    except (OSError, AttributeError, StopIteration) as reason:  # not Linux
        raise DeviceError("PortAudio lost its sound server and cannot be loaded again; restart graphflow") from reason
    os.write(descriptor, Path(library).read_bytes())
    return f"/proc/self/fd/{descriptor}"

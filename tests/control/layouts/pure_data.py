"""A headless Pure Data with a patch in it, moved and watched by a second patch."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

DRIVER = """#N canvas 0 0 400 300 12;
#X obj 20 20 netreceive -u {port};
#X obj 20 50 list;
#X msg 20 80 \\; \\$1 \\$2;
#X obj 20 140 loadbang;
#X obj 20 170 print ready;
#X connect 0 0 1 0;
#X connect 1 0 2 0;
#X connect 3 0 4 0;
"""


def require_pd() -> None:
    """Skip, or fail where CI wants it, when Pure Data is missing."""
    if shutil.which("pd") is None:
        missing = "pd is missing: apt install puredata-core"
        if os.environ.get("GRAPHFLOW_REQUIRE_PD"):
            pytest.fail(missing)
        pytest.skip(missing)


class PureData:
    """Runs until `close`. `watched` are names of which every message is printed."""

    def __init__(self, folder: Path, patch: str, watched: tuple[str, ...] = ()) -> None:
        self._to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        (folder / "panel.pd").write_text(patch)
        driver, count = DRIVER.format(port=self._port), 5
        for number, name in enumerate(watched):
            driver += f"#X obj {40 * number} 200 r {name};\n#X obj {40 * number} 240 print {name};\n"
            driver += f"#X connect {count + 2 * number} 0 {count + 2 * number + 1} 0;\n"
        (folder / "driver.pd").write_text(driver)
        self.said: list[str] = []
        self._changed = threading.Condition()
        files = ["-open", str(folder / "panel.pd"), "-open", str(folder / "driver.pd")]
        self._process = subprocess.Popen(
            ["pd", "-nogui", "-noaudio", "-nomidi", "-stderr", *files],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait_for("ready: bang")

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._changed:
                self.said.append(line.rstrip("\n"))
                self._changed.notify_all()

    def wait_for(self, line: str, seconds: float = 15.0) -> None:
        """Return when Pd has printed a line."""
        with self._changed:
            there = self._changed.wait_for(lambda: line in self.said, seconds)
        assert there, f"Pd did not say {line!r} but {self.said[-20:]}"

    def move(self, name: str, value: float | str) -> None:
        """What a hand does to a control: it takes the value and sends it on."""
        what = f"symbol {value}" if isinstance(value, str) else f"{value}"
        self._to.sendto(f"{name} {what if isinstance(value, float) else value};\n".encode(), ("127.0.0.1", self._port))

    def complaints(self) -> list[str]:
        """What Pd finds wrong with the patch."""
        words = ("error", "couldn't", "can't", "no such", "no method", "bad", "refused")
        return [line for line in self.said if any(word in line for word in words)]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10.0)
        self._reader.join(5.0)
        self._to.close()

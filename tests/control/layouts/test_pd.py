"""The Pure Data patch: how it is laid out, and a real Pd that plays on it."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from panels import PATCHES, drawn, small, tree_of
from pure_data import PureData, require_pd

from graphflow.control.layouts.pd import canvas, pd
from graphflow.control.layouts.pd_file import atom
from graphflow.control.layouts.place import overlaps
from graphflow.control.osc.packet import read, written
from tests.conftest import wait_until


@pytest.mark.parametrize("name", PATCHES)
def test_every_patch_is_drawn_without_overlaps_and_stays_the_same(name: str):
    made = canvas(drawn(name))
    assert overlaps(made.visible) == []
    assert str(made) == pd(drawn(name))


@pytest.mark.parametrize("name", PATCHES)
def test_every_address_in_it_is_one_of_the_patch(name: str):
    tree = tree_of(name)
    lines = pd(drawn(name)).splitlines()
    formats = ["/" + "/".join(line.split()[5:]).rstrip(";") for line in lines if " oscformat " in line]
    assert formats and set(formats) <= set(tree)


def test_texts_are_escaped_as_pd_reads_them():
    assert atom("dub, $1; a\\b") == "dub\\,\\ \\$1\\;\\ a\\\\b"
    assert (atom(0.30000000000000004), atom(20000.0), atom("")) == ("0.3", "20000", "empty")


def test_a_number_is_a_label_a_fader_and_a_number_in_one_row(tmp_path: Path):
    lines = pd(drawn(small(tmp_path), "nodes")).splitlines()
    place = next(number for number, line in enumerate(lines) if " hsl " in line and "/gf/node/sway/rate" in line)
    assert [line.split(" #")[0] for line in lines[place - 1 : place + 2]] == [
        "#X text 22 349 rate Hz;",
        "#X obj 162 348 hsl 164 18 0.001 100 1 0 send/gf/node/sway/rate /gf/node/sway/rate empty -2 -8 0 12",
        "#X floatatom 340 348 10 0.001 100 0 - /gf/node/sway/rate/shown send/gf/node/sway/rate/shown 0;",
    ]


class Peer:
    """Graphflow's place: a socket that hears what Pd sends and answers it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(15.0)
        self.port: int = self._socket.getsockname()[1]
        self._who: tuple[str, int] = ("", 0)

    def heard(self) -> str:
        data, self._who = self._socket.recvfrom(65536)
        return " ".join(str(message) for bundle in read(data).bundles for message in bundle.messages)

    def tell(self, address: str, *values: float | str) -> None:
        self._socket.sendto(written(address, values), self._who)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


@pytest.fixture
def panel(peer: Peer, tmp_path: Path) -> Iterator[PureData]:
    require_pd()
    watched = [f"/gf/node/band/{name}" for name in ("density", "density/shown", "drums", "mode", "mode/shown")]
    watched += ["/gf/node/band/weights/2", "/gf/transport/beat"]
    pure_data = PureData(tmp_path, pd(drawn(small(tmp_path)), "127.0.0.1", peer.port), tuple(watched))
    assert peer.heard() == "/gf/sys/hello"
    yield pure_data
    pure_data.close()


def test_what_is_moved_in_pd_is_sent_in_its_own_unit(panel: PureData, peer: Peer):
    for name, value, told in (
        ("/gf/node/band/density", 0.75, "/gf/node/band/density 0.75"),
        ("send/gf/node/band/density/shown", 0.5, "/gf/node/band/density 0.5"),
        ("/gf/node/sway/rate", 10.0, "/gf/node/sway/rate 10.0"),
        ("/gf/node/band/drums", 0.0, "/gf/node/band/drums 0.0"),
        ("/gf/node/band/mode", 2.0, "/gf/node/band/mode 2.0"),
        ("send/gf/node/band/prompt/3", "choir", "/gf/node/band/prompt 3.0 'choir'"),
        ("/gf/macro/distance", 0.25, "/gf/macro/distance 0.25"),
        ("/gf/hush", 1.0, "/gf/hush 1.0"),
        ("/gf/panic", "bang", "/gf/panic"),
        ("/gf/scene/far_away", "bang", "/gf/scene/far_away"),
        ("/gf/transport/tempo", 90.0, "/gf/transport/tempo 90.0"),
    ):
        panel.move(name, value)
        assert peer.heard() == told
    panel.wait_for("/gf/node/band/mode/shown: set minor")  # the word is told by the patch itself
    assert panel.complaints() == []


def test_a_weight_goes_with_all_the_others_and_what_came_from_outside_is_kept(panel: PureData, peer: Peer):
    panel.move("/gf/node/band/weights/2", 0.5)
    assert peer.heard() == "/gf/node/band/weights 1.0 1.0 0.5 1.0 1.0 1.0 1.0 1.0"
    peer.tell("/gf/node/band/weights", *(0.25 * number for number in range(8)))
    panel.wait_for("/gf/node/band/weights/2: set 0.5")
    panel.move("/gf/node/band/weights/7", 2.0)
    assert peer.heard() == "/gf/node/band/weights 0.0 0.25 0.5 0.75 1.0 1.25 1.5 2.0"


def test_values_that_come_are_shown_and_not_sent_back(panel: PureData, peer: Peer):
    peer.tell("/gf/node/band/density/norm", 0.5)
    peer.tell("/gf/node/band/density", 0.125)
    panel.wait_for("/gf/node/band/density: set 0.125")
    panel.wait_for("/gf/node/band/density/shown: set 0.125")
    peer.tell("/gf/node/band/mode", "dorian")
    panel.wait_for("/gf/node/band/mode: set 3")
    panel.wait_for("/gf/node/band/mode/shown: set dorian")
    peer.tell("/gf/transport/beat", 17)
    panel.wait_for("/gf/transport/beat: set 17")
    panel.move("/gf/panic", "bang")
    assert peer.heard() == "/gf/panic"  # and nothing before it
    assert "/gf/node/band/density: set 0.5" not in panel.said
    assert panel.complaints() == []


@pytest.mark.slow
def test_pd_plays_on_a_performance_in_another_process(tmp_path: Path):
    """graphflow play and Pd, each a program of its own, as on a desk."""
    require_pd()
    patch, port = small(tmp_path), free_port()
    play = [sys.executable, "-m", "graphflow", "play", patch, "--osc", str(port), "--device", "null"]
    with subprocess.Popen([*play, "--seconds", "120"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as playing:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as desk:
                desk.settimeout(1.0)
                wait_until(lambda: asked(desk, port, "/gf/node/hall/size") is not None, 90.0, "the performance")
                watched = ("/gf/node/hall/size/shown", "/gf/node/band/mode/shown", "/gf/node/hall/damp/shown")
                panel = PureData(tmp_path, pd(drawn(patch), "127.0.0.1", port), watched)
                try:
                    panel.wait_for("/gf/node/hall/size/shown: set 0.5")  # what it has when Pd comes
                    panel.move("/gf/node/hall/size", 0.875)
                    wait_until(lambda: asked(desk, port, "/gf/node/hall/size") == 0.875, 15.0, "the fader's move")
                    desk.sendto(written("/gf/node/hall/damp", [0.25]), ("127.0.0.1", port))
                    panel.wait_for("/gf/node/hall/damp/shown: set 0.25")
                    desk.sendto(written("/gf/node/band/mode", ["minor"]), ("127.0.0.1", port))
                    panel.wait_for("/gf/node/band/mode/shown: set minor")
                    assert panel.complaints() == []
                finally:
                    panel.close()
        finally:
            playing.terminate()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1]) & ~1 or 7654


def asked(desk: socket.socket, port: int, address: str) -> float | None:
    """A value, or None while nobody answers."""
    desk.sendto(written(address, []), ("127.0.0.1", port))
    try:
        while True:
            told = read(desk.recv(65536)).bundles[0].messages[0]
            if told.address == address:
                return float(told.arguments[0])
    except (TimeoutError, ConnectionRefusedError):
        return None

"""Prompts at an engine over real sockets: several at once, killed, slow, strange."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from desks import Notebook

from graphflow.control.attach import lines, peer, place
from graphflow.control.attach.client import PENDING
from graphflow.control.attach.place import Place
from graphflow.control.attach.remote import Gone, RemoteDesk
from graphflow.control.attach.server import AttachServer
from graphflow.control.live.outcome import Outcome, Suggestion
from graphflow.core.errors import UserError
from tests.conftest import wait_until

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def runtime(socket_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where sockets lie."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(socket_folder))
    monkeypatch.setattr("tempfile.tempdir", str(socket_folder))
    return socket_folder


@pytest.fixture
def served() -> Iterator[tuple[Notebook, AttachServer]]:
    desk = Notebook()
    server = AttachServer(desk, "02-night-bass")
    server.start()
    yield desk, server
    server.close()
    while Raw.open:
        Raw.open.pop().close()


def remote(server: AttachServer) -> RemoteDesk:
    desk = RemoteDesk(server.place)
    desk.start()
    return desk


class Raw:
    """Says what it likes."""

    open: ClassVar[list[Raw]] = []

    def __init__(self, server: AttachServer) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(10.0)
        self.socket.connect(str(server.place.path))
        self.file = self.socket.makefile("rb")
        self.greeting = self.hear()
        self.open.append(self)

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hear(self) -> dict[str, object]:
        answer = json.loads(self.file.readline())
        assert isinstance(answer, dict)
        return answer


def test_a_prompt_elsewhere_does_what_one_here_does(served: tuple[Notebook, AttachServer]):
    desk, server = served
    there = remote(server)
    assert there.patch == "02-night-bass"
    assert there.enter("6 * 7").result(5.0) == Outcome(1, True, "42", pytest.approx(0.0, abs=5.0))
    assert there.enter("1 / 0").result(5.0).text == "cell 2: ZeroDivisionError: division by zero"
    assert "Traceback" in there.traceback()
    assert there.complete("x = ba", 6) == [Suggestion("band", 4, "Music."), Suggestion("bass", 4, "Low notes.")]
    assert there.unfinished("for x in y:")
    assert not there.unfinished("x = 1")
    assert there.toolbar() == desk.bar
    assert not there.interrupt()
    there.close()


def test_a_runaway_cell_is_stopped_from_elsewhere(served: tuple[Notebook, AttachServer]):
    desk, server = served
    there = remote(server)
    cell = there.enter("while True: pass")
    wait_until(lambda: desk.running == 1, 5.0, "the cell")
    there.toolbar()
    assert there.running == 1
    assert there.interrupt()
    assert cell.result(5.0).text == "cell 1: stopped"
    there.close()


def test_everybody_hears_what_is_said_and_leaving_is_nobodys_business(served: tuple[Notebook, AttachServer]):
    desk, server = served
    first, second = remote(server), remote(server)
    heard: list[tuple[str, str]] = []
    first.hear(lambda line: heard.append(("first", line)))
    second.hear(lambda line: heard.append(("second", line)))
    wait_until(lambda: server.statistics().attached == 2, 5.0, "two")
    desk.tell("band: ready")
    wait_until(lambda: sorted(heard) == [("first", "band: ready"), ("second", "band: ready")], 5.0, "the line")
    first.close()
    wait_until(lambda: server.statistics().attached == 1, 5.0, "one")
    assert second.enter("1").result(5.0).ok
    second.close()
    wait_until(
        lambda: str(server.statistics()) == "0 attached (2 ever), 1 requests, 0 refused, 0 malformed, 0 lines dropped",
        5.0,
        "nobody",
    )


def test_a_prompt_is_told_when_the_engine_ends(served: tuple[Notebook, AttachServer]):
    desk, server = served
    ended = threading.Event()
    there = RemoteDesk(server.place, ended.set)
    there.start()
    desk.free.clear()
    cell = there.enter("while True: pass")
    wait_until(lambda: desk.running == 1, 5.0, "the cell")
    server.close()
    assert ended.wait(5.0)
    desk.free.set()
    desk.interrupt()
    with pytest.raises(Gone, match="the engine has ended"):
        cell.result(5.0)
    with pytest.raises(Gone):
        there.enter("1").result(5.0)
    assert there.toolbar().endswith("does not answer")
    assert not server.place.path.exists()


def test_leaving_is_no_end(served: tuple[Notebook, AttachServer]):
    _, server = served
    ended = threading.Event()
    there = RemoteDesk(server.place, ended.set)
    there.start()
    there.close()
    assert not ended.is_set()


def test_only_this_user_can_reach_it(served: tuple[Notebook, AttachServer], runtime: Path):
    _, server = served
    assert server.place.path.parent == runtime / "graphflow"
    assert server.place.path.parent.stat().st_mode & 0o777 == 0o700
    assert server.place.path.stat().st_mode & 0o777 == 0o600
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(server.place.path))
        assert peer.user(caller) == os.getuid()


def test_another_user_is_turned_away(served: tuple[Notebook, AttachServer], monkeypatch: pytest.MonkeyPatch):
    _, server = served
    monkeypatch.setattr(peer, "user", lambda connection: os.getuid() + 1)
    with pytest.raises(UserError, match="is another user's; nothing was sent"):
        RemoteDesk(server.place)
    monkeypatch.setattr("graphflow.control.attach.remote.peer.trusted", lambda connection: True)
    monkeypatch.setattr(
        "graphflow.control.attach.server.peer", type("Peer", (), {"trusted": staticmethod(lambda connection: False)})
    )
    with pytest.raises(UserError, match="has ended"):
        RemoteDesk(server.place)
    wait_until(lambda: server.statistics().refused >= 1, 5.0, "the refusal")


@pytest.mark.parametrize(
    "said, answer",
    [
        (b"hello\n", "this is no JSON (Expecting value: line 1 column 1 (char 0)); expected one object a line"),
        (b"[1]\n", "this is a list; expected one JSON object a line"),
        (b"\xff\xfe\n", "this is no JSON ('utf-8' codec can't decode byte 0xff"),
        (b"[" * 100_000 + b"\n", "this is no JSON ("),
        (b'{"do": "enter"}\n', "id is 'None'; expected a whole number"),
        (b'{"id": true, "do": "enter"}\n', "id is 'True'; expected a whole number"),
        (b'{"id": 1, "do": "enter"}\n', "request 1: source is 'None'; expected a text"),
        (b'{"id": 2, "do": "dance"}\n', "request 2: do is 'dance'; expected enter, interrupt, complete, unfinished,"),
        (b'{"id": 3, "do": "complete", "text": "a", "cursor": "b"}\n', "request 3: cursor is 'b'; expected a whole"),
    ],
)
def test_what_is_malformed_is_answered_in_one_line_and_counted(
    served: tuple[Notebook, AttachServer], said: bytes, answer: str
):
    desk, server = served
    stranger = Raw(server)
    assert stranger.greeting == {"graphflow": lines.VERSION, "patch": "02-night-bass", "pid": os.getpid()}
    stranger.say(said)
    error = stranger.hear()["error"]
    assert isinstance(error, str)
    assert error.startswith(answer)
    assert "\n" not in error
    stranger.say(b'{"id": 9, "do": "toolbar"}\n')
    assert stranger.hear() == {"id": 9, "value": [desk.bar, 0]}
    assert server.statistics().malformed == 1


def test_a_line_without_end_is_left_out(served: tuple[Notebook, AttachServer]):
    desk, server = served
    stranger = Raw(server)
    talking = threading.Thread(
        target=stranger.say, args=(b"x" * 5 * lines.LONGEST + b'\n{"id": 1, "do": "toolbar"}\n',)
    )
    talking.start()
    assert stranger.hear() == {"error": f"a line is longer than {lines.LONGEST} bytes; it is left out"}
    assert stranger.hear() == {"id": 1, "value": [desk.bar, 0]}
    talking.join(5.0)


def test_a_cursor_outside_is_brought_in(served: tuple[Notebook, AttachServer]):
    _, server = served
    stranger = Raw(server)
    stranger.say(b'{"id": 1, "do": "complete", "text": "bl", "cursor": 99999}\n')
    assert stranger.hear() == {"id": 1, "value": [["blend", 0, "Mixes\tprompts."]]}


def test_too_many_requests_at_once_are_refused_but_not_the_one_that_stops(served: tuple[Notebook, AttachServer]):
    desk, server = served
    stranger = Raw(server)
    stranger.say(b'{"id": 0, "do": "enter", "source": "while True: pass"}\n')
    wait_until(lambda: desk.running == 1, 5.0, "the cell")
    stranger.say(b"".join(b'{"id": %d, "do": "enter", "source": "1"}\n' % number for number in range(1, PENDING + 1)))
    assert stranger.hear() == {"id": PENDING, "error": f"{PENDING} requests wait already; ask again later"}
    stranger.say(b'{"id": 999, "do": "interrupt"}\n')
    assert stranger.hear() == {"id": 999, "value": True}
    answers = [stranger.hear() for _ in range(PENDING)]
    assert [answer["id"] for answer in answers] == list(range(PENDING))


@pytest.mark.parametrize("source", ["quit()", "x = 1\nexit()", "for n in range(3):\n    quit()"])
def test_nobody_ends_it_for_everybody(served: tuple[Notebook, AttachServer], source: str):
    desk, server = served
    there = remote(server)
    with pytest.raises(UserError, match="this would end the performance for everybody"):
        there.enter(source).result(5.0)
    assert desk.sources == []
    there.close()


def test_a_fault_of_the_desk_is_an_answer(served: tuple[Notebook, AttachServer], monkeypatch: pytest.MonkeyPatch):
    desk, server = served
    stranger = Raw(server)
    monkeypatch.setattr(desk, "complete", lambda text, cursor: 1 // 0)
    stranger.say(b'{"id": 1, "do": "complete", "text": "", "cursor": 0}\n')
    assert stranger.hear() == {"id": 1, "error": "ZeroDivisionError: integer division or modulo by zero"}


def test_a_prompt_that_does_not_read_loses_the_older_lines(served: tuple[Notebook, AttachServer]):
    desk, server = served
    deaf = Raw(server)
    quick = remote(server)
    heard: list[str] = []
    quick.hear(heard.append)
    wait_until(lambda: server.statistics().attached == 2, 5.0, "two")
    began = time.monotonic()
    for number in range(600):
        desk.tell(f"{number} " + "x" * 5000)
        if number % 50 == 49:  # so that the quick one, which shares this test's one Python, has time to read
            wait_until(lambda number=number: len(heard) == number + 1, 5.0, "the quick one")
    assert time.monotonic() - began < 5.0
    wait_until(lambda: server.statistics().dropped > 0, 5.0, "a dropped line")
    told = [deaf.hear()["line"]]
    while not str(told[-1]).startswith("599 "):
        told.append(deaf.hear()["line"])
    missing = [str(line) for line in told if "were left out" in str(line)]
    dropped = server.statistics().dropped
    assert missing == [f"{dropped} lines were left out: they came faster than they were read here"]
    assert len(told) - 1 + dropped == 600
    quick.close()


def test_a_prompt_that_does_not_read_its_answers_is_not_listened_to(served: tuple[Notebook, AttachServer]):
    desk, server = served
    desk.bar = "x" * 50_000
    deaf = Raw(server)
    deaf.socket.settimeout(0.5)
    asking = b"".join(b'{"id": %d, "do": "toolbar"}\n' % number for number in range(100_000))
    with pytest.raises(TimeoutError):
        deaf.say(asking)
    there = remote(server)
    assert there.enter("1").result(5.0).ok
    there.close()


KILLED = """
import os, sys, threading
sys.path.insert(0, sys.argv[1])
from desks import Notebook
from graphflow.control.attach.server import AttachServer
server = AttachServer(Notebook(), "killed")
server.start()
print(server.place.path, flush=True)
threading.Event().wait(60.0)
"""


def killed() -> Path:
    """The socket that a killed engine left."""
    engine = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(Path(__file__).parent)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert engine.stdout is not None
    left = Path(engine.stdout.readline().strip())
    assert [p.path for p in place.running()] == [left]
    engine.send_signal(signal.SIGKILL)
    engine.wait(10.0)
    engine.stdout.close()
    return left


def test_what_a_killed_engine_left_is_cleaned_by_the_next():
    left = killed()
    assert left.exists()
    assert place.running() == []
    server = AttachServer(Notebook(), "next")
    assert not left.exists()
    server.close()


def test_a_prompt_that_is_killed_leaves_the_engine_alone(served: tuple[Notebook, AttachServer]):
    desk, server = served
    code = (
        "import sys, threading; from pathlib import Path; from graphflow.control.attach.place import Place; "
        "from graphflow.control.attach.remote import RemoteDesk; d = RemoteDesk(Place(Path(sys.argv[1]))); d.start(); "
        "print(d.enter('6 * 7').result(5.0).text, flush=True); d.enter('while True: pass'); threading.Event().wait(60.0)"
    )
    prompt = subprocess.Popen(
        [sys.executable, "-c", code, str(server.place.path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    other = remote(server)
    assert prompt.stdout is not None
    assert prompt.stdout.readline() == "42\n"
    wait_until(lambda: desk.running == 2, 5.0, "its cell")
    prompt.kill()
    prompt.wait(10.0)
    prompt.stdout.close()
    wait_until(lambda: server.statistics().attached == 1, 5.0, "one prompt")
    assert other.interrupt()
    assert other.enter("2").result(5.0).text == "2"
    other.close()


def test_a_socket_of_one_that_is_just_starting_is_left(runtime: Path):
    (runtime / "graphflow").mkdir(mode=0o700)
    young = Place(runtime / "graphflow" / f"young-{os.getpid()}.sock")
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(young.path))
    assert not young.stale()
    os.utime(young.path, (0, 0))  # its process number now belongs to somebody else
    assert young.stale()
    bound.close()


def test_engines_are_found_by_name():
    with pytest.raises(UserError, match="no engine runs that could be attached to; start one: graphflow play PATCH"):
        place.find(None)
    server = AttachServer(Notebook(), "02-night-bass")
    server.start()
    pid = os.getpid()
    for name in (None, "02-night-bass", "night-bass", "02-night-bass.toml", str(pid), f"02-night-bass-{pid}"):
        assert place.find(name).path == server.place.path
    other = AttachServer(Notebook(), "wind")
    other.start()
    with pytest.raises(UserError) as error:
        place.find(None)
    listed = f"02-night-bass-{pid}, wind-{pid}"
    assert str(error.value) == f"2 engines run; name one: graphflow attach 02-night-bass-{pid}; running: {listed}"
    with pytest.raises(UserError) as error:
        place.find("winf")
    assert str(error.value) == f"no engine is called 'winf'; did you mean 'wind'?; running: {listed}"
    server.close()
    other.close()


def test_a_folder_that_others_can_reach_is_not_used(runtime: Path):
    folder = runtime / "graphflow"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    server = AttachServer(Notebook(), "elsewhere")
    assert server.place.path.parent == runtime / f"graphflow-{os.getuid()}"
    server.close()
    server.place.path.parent.rmdir()
    (runtime / f"graphflow-{os.getuid()}").symlink_to(folder)
    with pytest.raises(UserError, match="is not a folder of yours alone; remove it, or make it so with chmod 700"):
        AttachServer(Notebook(), "nowhere")


def test_a_path_that_is_too_long_says_what_to_do(runtime: Path, monkeypatch: pytest.MonkeyPatch):
    deep = runtime / ("d" * 90)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    with pytest.raises(UserError, match="is longer than 100 bytes; set XDG_RUNTIME_DIR to a shorter folder"):
        AttachServer(Notebook(), "x")


def test_a_patchs_strange_name_is_made_plain():
    server = AttachServer(Notebook(), "../größe \n" + "x" * 200)
    assert server.place.path.parent.name == "graphflow"
    assert server.place.patch == ("..-gr-e-" + "x" * 200)[:40]
    server.close()


def test_another_version_is_refused(runtime: Path):
    (runtime / "graphflow").mkdir(mode=0o700)
    later = Place(runtime / "graphflow" / "later-1.sock")
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(later.path))
        engine.listen()

        def greet() -> None:
            connection, _ = engine.accept()
            with connection:
                connection.sendall(b'{"graphflow": 2}\n')

        greeting = threading.Thread(target=greet)
        greeting.start()
        with pytest.raises(UserError, match="later-1 is another version of graphflow; attach with the one that plays"):
            RemoteDesk(later)
        greeting.join(5.0)


def test_texts_are_cut_to_fit_a_line():
    long = "\U0001f3b5" * (lines.TEXT + 5)
    assert len(lines.encoded({"id": 1, "value": lines.outcome_data(Outcome(1, True, long, 0.0))})) <= lines.LONGEST
    many = [Suggestion("\U0001f3b5" * 1000, 0, "\U0001f3b5" * 1000)] * 1000
    assert len(lines.encoded({"id": 1, "value": lines.suggestions_data(many)})) <= lines.LONGEST

"""OSCQuery over real sockets: a plain HTTP client, the websockets library's client, and python-oscquery."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import House
from desk import PATCH
from kinds import change

from graphflow.control.osc.packet import read, written
from graphflow.control.oscquery.client import OUTBOX, Client
from graphflow.control.oscquery.door import OPEN
from graphflow.control.oscquery.server import OscQuery
from graphflow.core.errors import UserError
from tests.conftest import wait_until


class Phone:
    """A WebSocket client, used from a thread."""

    def __init__(self, house: House, target: str = "/", **more: Any) -> None:
        from websockets.sync.client import connect

        self._open = ExitStack()
        url = f"ws://127.0.0.1:{house.query.port}{target}"
        self._socket = self._open.enter_context(connect(url, open_timeout=10.0, **more))

    def listen(self, address: str, command: str = "LISTEN") -> None:
        self._socket.send(json.dumps({"COMMAND": command, "DATA": address}))

    def text(self, text: str) -> None:
        self._socket.send(text)

    def move(self, address: str, *values: Any) -> None:
        self._socket.send(written(address, values))

    def heard(self) -> Any:
        """What comes next: a command as (name, data), or a message as text."""
        frame = self._socket.recv(timeout=10.0)
        if isinstance(frame, str):
            told = json.loads(frame)
            return told["COMMAND"], told["DATA"]
        (bundle,) = read(frame).bundles
        return " ".join(map(str, bundle.messages))

    def nothing(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        try:
            self._socket.recv(timeout=seconds)
        except TimeoutError:
            return True
        return False

    def close(self) -> None:
        self._open.close()


def test_the_whole_tree_is_one_request(house: House):
    root = house.json("/")
    assert root["FULL_PATH"] == "/" and root["ACCESS"] == 0
    assert list(root["CONTENTS"]["gf"]["CONTENTS"])[:2] == ["node", "meter"]
    value = root["CONTENTS"]["gf"]["CONTENTS"]["node"]["CONTENTS"]["a"]["CONTENTS"]["value"]
    assert value == house.json("/gf/node/a/value")
    assert (value["VALUE"], value["RANGE"]) == ([0.25], [{"MIN": -1.0, "MAX": 1.0}])
    assert "CONTENTS" not in value  # a client that takes what has contents for a container would lose the value
    assert house.json("/gf/node/a/value?CONTENTS")["CONTENTS"]["norm"]["VALUE"] == [0.625]
    assert house.json("/gf/node/a/value/norm?VALUE") == {"VALUE": [0.625]}


def test_every_address_of_the_session_is_there_but_twins_and_no_other(house: House):
    def walk(place: dict[str, Any]) -> set[str]:
        own = {place["FULL_PATH"]} if "TYPE" in place else set()
        return own.union(*(walk(below) for below in place.get("CONTENTS", {}).values()))

    every = house.osc.space.entries
    assert walk(house.json("/")) == {address for address, entry in every.items() if entry.what != "norm"}
    assert all(house.get(f"{address}?TYPE")[0] == 200 for address in every)


def test_host_info_says_where_osc_is(house: House):
    info = house.json("/?HOST_INFO")
    assert (info["NAME"], info["OSC_IP"], info["OSC_PORT"]) == ("graphflow Test", "127.0.0.1", house.osc.port)
    assert info["OSC_TRANSPORT"] == "UDP" and info["WS_PORT"] == house.query.port
    assert all(info["EXTENSIONS"][name] for name in ("LISTEN", "PATH_ADDED", "RANGE", "CLIPMODE", "UNIT"))
    assert house.osc.http_port == house.query.port


def test_wrong_questions_have_their_numbers(house: House):
    assert house.get("/gf/node/zz")[0] == 404
    assert house.get("/gf?COLOUR")[0] == 400
    assert house.get("/gf/hush?VALUE") == (204, "")
    assert house.get("/gf", Origin="http://evil.example")[0] == 403
    assert house.get("/gf", Origin="http://localhost:8000")[0] == 200
    assert house.query.statistics().refused == 1


def test_values_are_read_while_the_session_is_held_up(house: House):
    house.session.set("a", "value", 0.5)  # and nobody runs its loop
    assert house.json("/gf/node/a/value?VALUE") == {"VALUE": [0.5]}


def test_a_client_listens_and_hears_every_change(house: House):
    def work() -> list[Any]:
        phone = Phone(house)
        phone.listen("/gf/node/a/value")
        heard = [phone.heard()]
        house.session.call(lambda: house.session.set("a", "value", 0.5))
        heard.append(phone.heard())
        phone.listen("/gf/node/a/value", "IGNORE")
        phone.listen("/gf/node/w/text")
        heard.append(phone.heard())
        house.session.call(lambda: house.session.set("a", "value", 0.75))
        house.session.call(lambda: house.session.set("w", "text", "café 雨"))
        heard.append(phone.heard())
        phone.close()
        return heard

    assert house.while_playing(work) == [
        "/gf/node/a/value 0.25",
        "/gf/node/a/value 0.5",
        "/gf/node/w/text 'dust'",
        "/gf/node/w/text 'café 雨'",
    ]


def test_a_packet_moves_a_param_and_others_hear_it_but_not_the_hand_itself(house: House):
    def work() -> tuple[Any, bool]:
        hand, eye = Phone(house), Phone(house)
        for phone in (hand, eye):
            phone.listen("/gf/node/a/value")
            phone.heard()
        hand.move("/gf/node/a/value", 0.75)
        seen = eye.heard()
        quiet = hand.nothing(0.5)
        hand.close()
        eye.close()
        return seen, quiet

    assert house.while_playing(work) == ("/gf/node/a/value 0.75", True)
    assert house.session.get("a", "value") == 0.75


def test_a_hand_that_goes_too_far_is_told_where_it_ended(house: House):
    def work() -> Any:
        phone = Phone(house)
        phone.listen("/gf/node/a/value")
        phone.heard()
        phone.move("/gf/node/a/value", 7.0)
        seen = phone.heard()
        phone.close()
        return seen

    assert house.while_playing(work) == "/gf/node/a/value 1.0"


def test_a_question_and_a_mistake_are_answered_to_who_asked(house: House):
    def work() -> list[Any]:
        phone = Phone(house)
        phone.move("/gf/node/a/value")
        phone.move("/gf/node/a/valu", 1.0)
        heard = [phone.heard(), phone.heard()]
        phone.close()
        return heard

    answer, error = house.while_playing(work)
    assert answer == "/gf/node/a/value 0.25"
    assert error.startswith("/gf/sys/error '/gf/node/a/valu'") and "did you mean 'value'?" in error


def test_edits_are_told_while_they_are_made(house: House):
    renamed = PATCH.replace("[nodes.m]", "[nodes.feeling]")
    without = renamed.replace('[nodes.feeling]\nkind = "mood"\n', "")

    def work() -> list[Any]:
        phone = Phone(house)
        phone.listen("/gf/node/m/mode")
        heard = [phone.heard()]
        for text in (renamed, without, renamed):
            house.session.call(lambda text=text: change(house.session, text))  # type: ignore[misc]
            heard.append(phone.heard())
        macro = renamed.replace('params = ["a.value"]', 'params = ["a.value"]\nmax = 0.5')
        house.session.call(lambda: change(house.session, macro))
        heard.append(phone.heard())
        phone.close()
        return heard

    assert house.while_playing(work) == [
        "/gf/node/m/mode 'off'",
        ("PATH_RENAMED", {"OLD": "/gf/node/m", "NEW": "/gf/node/feeling"}),
        ("PATH_REMOVED", "/gf/node/feeling"),
        ("PATH_ADDED", "/gf/node/feeling"),
        ("PATH_CHANGED", "/gf/macro/warmth"),
    ]
    assert house.get("/gf/node/m")[0] == 404
    assert house.json("/gf/node/feeling/mode?VALUE") == {"VALUE": ["off"]}


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '{"COMMAND": "LISTEN"}', '{"COMMAND": "LISTEN", "DATA": "/no"}', "[" * 5000]
)
def test_a_command_that_means_nothing_is_counted_and_the_rest_goes_on(house: House, text: str):
    def work() -> Any:
        phone = Phone(house)
        phone.text(text)
        phone.listen("/gf/node/a/value")
        heard = phone.heard()
        phone.close()
        return heard

    assert house.while_playing(work) == "/gf/node/a/value 0.25"
    assert house.query.statistics().malformed == 1


def test_bytes_that_are_no_osc_are_counted(house: House):
    def work() -> Any:
        phone = Phone(house)
        phone._socket.send(b"\xff" * 40)
        phone.move("/gf/node/a/value")
        heard = phone.heard()
        phone.close()
        return heard

    assert house.while_playing(work) == "/gf/node/a/value 0.25"
    assert house.osc.statistics().malformed == 1


def test_a_thousand_packets_at_once_lose_nothing(house: House):
    def work() -> Any:
        phone = Phone(house)
        for step in range(1000):
            phone.move("/gf/node/a/value", step / 1000.0)
        phone.move("/gf/node/a/value")
        heard = phone.heard()
        phone.close()
        return heard

    assert house.while_playing(work).startswith("/gf/node/a/value 0.99")
    assert house.osc.statistics().messages == 1001


def test_what_is_no_http_ends_that_connection_only(house: House):
    for data in (b"\x16\x03\x01\x02\x00", b"POST /gf HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET " + b"x" * 20000):
        with socket.create_connection(("127.0.0.1", house.query.port), 10.0) as stranger:
            stranger.sendall(data)
            stranger.shutdown(socket.SHUT_WR)
            try:
                while stranger.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    assert house.json("/gf/node/a/value?TYPE") == {"TYPE": "f"}


def test_a_port_that_is_taken_is_said(house: House):
    second = OscQuery(house.osc)
    with pytest.raises(UserError, match=r"^OSCQuery is off: TCP port \d+ of 127.0.0.1 cannot be had .*choose another"):
        second.start()


def test_clients_are_let_go_at_the_end(house: House):
    from websockets.exceptions import ConnectionClosed

    phone = Phone(house)
    house.query.close()
    with pytest.raises(ConnectionClosed):
        phone._socket.recv(timeout=10.0)
    phone.close()
    assert house.query.statistics().clients == 0


def test_a_client_library_that_others_wrote_reads_the_tree(house: House):
    library = pytest.importorskip("pythonoscquery.osc_query_client")
    zeroconf = pytest.importorskip("zeroconf")
    service = zeroconf.ServiceInfo(
        "_oscjson._tcp.local.", "x._oscjson._tcp.local.", house.query.port, addresses=[socket.inet_aton("127.0.0.1")]
    )
    client = library.OSCQueryClient(service)
    info = client.get_host_info()
    assert (info.name, str(info.osc_ip), info.osc_port) == ("graphflow Test", "127.0.0.1", house.osc.port)
    node = client.query_node("/gf/node/a/value")
    assert (node.full_path, list(node.value), node.access.name) == ("/gf/node/a/value", [0.25], "READWRITE_VALUE")
    assert client.query_node("/gf/node/zz") is None
    # all nodes at once; of the whole tree it refuses what only takes and so has no value
    nodes = client.query_node("/gf/node")
    assert [below.full_path for below in nodes.contents] == [f"/gf/node/{name}" for name in ("a", "w", "silent", "m")]


def test_from_elsewhere_a_token_is_needed(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("graphflow.control.oscquery.guard.is_local", lambda host: False)
    assert house.get("/gf") == (403, "only this computer may ask")
    house.query.token = "secret"
    assert house.get("/gf")[0] == 401
    assert house.get("/gf?token=secret")[0] == 200
    assert house.get("/gf", Authorization="Bearer secret", Origin="http://a.page")[0] == 200
    assert house.query.url.endswith("/?token=secret")

    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus, match="401"):
        Phone(house)
    Phone(house, "/?token=secret").close()


def test_one_that_vanishes_is_forgotten_and_others_go_on(house: House):
    def work() -> Any:
        gone, phone = Phone(house), Phone(house)
        gone.listen("/gf/node/a/value")
        gone.heard()
        gone._socket.socket.shutdown(socket.SHUT_RDWR)
        house.session.call(lambda: house.session.set("a", "value", 0.5))
        phone.listen("/gf/node/a/value")
        heard = phone.heard()
        wait_until(lambda: house.query.statistics().clients == 1, 10.0, "forgetting it")
        phone.close()
        return heard

    assert house.while_playing(work) == "/gf/node/a/value 0.5"


def test_who_says_hello_by_websocket_is_sent_everything_until_it_leaves(house: House):
    def work() -> list[Any]:
        phone = Phone(house)
        phone.move("/gf/sys/hello")
        heard = [phone.heard() for _ in range(4)]
        assert house.osc.statistics().feed.subscribers == 1
        phone.close()
        wait_until(lambda: house.osc.statistics().feed.subscribers == 0, 10.0, "the lease's end")
        return heard

    heard = house.while_playing(work)
    assert heard[0].startswith("/gf/sys/hello ")
    assert "/gf/node/a/value 0.25" in heard


def test_there_is_room_for_so_many_and_no_more(house: House, monkeypatch: pytest.MonkeyPatch):
    from websockets.exceptions import InvalidStatus

    monkeypatch.setattr("graphflow.control.oscquery.server.MOST", 1)
    phone = Phone(house)
    with pytest.raises(InvalidStatus, match="503"):
        Phone(house)
    phone.close()
    assert house.get("/gf?ACCESS")[0] == 200


def test_what_a_slow_client_does_not_take_is_dropped_and_counted():
    loop = asyncio.new_event_loop()
    client = Client("127.0.0.1", 1, loop)
    for _ in range(OUTBOX + 5):
        client.queue(b"x")
    assert client.dropped == 5 and client.behind
    loop.close()
    client.send(b"x")  # the server has ended: nothing is raised


def test_who_only_knocks_takes_no_more_than_so_many_places(house: House):
    knocking = [socket.create_connection(("127.0.0.1", house.query.port)) for _ in range(OPEN)]
    late = socket.create_connection(("127.0.0.1", house.query.port), timeout=10.0)
    assert late.recv(1) == b""
    assert house.query.statistics().refused == 1
    for opened in (late, *knocking):
        opened.close()

    def answered() -> bool:
        try:
            return house.get("/?HOST_INFO")[0] == 200
        except ConnectionError:  # it has not seen yet that they left
            return False

    wait_until(answered, 10.0, "an answer")


def test_what_the_loop_has_to_say_is_one_line(house: House, lines: list[str]):
    error = OSError(24, "Too many open files")
    for loop in (house.session.loop, house.query._loop, house.query._loop):
        context = {"message": "socket.accept() out of system resource", "exception": error}
        loop.call_soon_threadsafe(loop.call_exception_handler, context)
    told = [f"{place}: OSError: [Errno 24] Too many open files; playing on" for place in ("session", "OSCQuery")]
    house.while_playing(lambda: wait_until(lambda: sorted(lines) == sorted(told), 10.0, "a line for each"))

"""OSC over a real socket."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import pytest
from desk import Desk, bundle, until
from kinds import change, rendered
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from graphflow.control.osc import OscServer
from graphflow.core.errors import UserError
from graphflow.session import Session


@pytest.mark.parametrize("value", [0.5, 1, True])
def test_a_number_sets_a_param_in_any_type(session: Session, desk: Desk, value: float):
    assert desk.send("/gf/node/a/value", value) == []
    assert session.get("a", "value") == float(value)
    assert rendered(session, 2048)[-1, 0] == float(value)


def test_no_argument_asks_and_the_answer_comes_to_the_sender(desk: Desk):
    assert desk.send("/gf/node/a/value") == [("/gf/node/a/value", [0.25])]
    assert desk.send("/gf/node/a/value/norm") == [("/gf/node/a/value/norm", [0.625])]
    assert desk.send("/gf/node/w/text") == [("/gf/node/w/text", ["dust"])]


def test_words_reach_the_node_in_any_script(session: Session, desk: Desk):
    desk.send("/gf/node/w/text", "café 雨")
    assert session.get("w", "text") == "café 雨"


def test_a_controllers_number_is_brought_into_range(session: Session, desk: Desk):
    desk.send("/gf/node/a/value", 7.0)
    assert session.get("a", "value") == 1.0
    desk.send("/gf/node/a/value/norm", 0.5)
    assert session.get("a", "value") == 0.0


def test_scenes_and_macros(session: Session, desk: Desk):
    desk.send("/gf/scene/night")
    assert session.get("a", "value") == -0.5
    desk.send("/gf/macro/warmth", 0.125)
    assert session.get("a", "value") == 0.125


@pytest.mark.parametrize(
    "address, values, line",
    [
        ("/gf/node/b/value", [1.0], "no node is called 'b'"),
        ("/gf/node/a/valu", [1.0], "nodes.a: steady has no 'valu'; did you mean 'value'?"),
        ("/gf/node/a/value", ["loud"], "/gf/node/a/value is 'loud'; expected a number"),
        ("/gf/node/a/value", [1.0, 2.0], "/gf/node/a/value: 2 arguments; expected one value, or none to ask"),
        ("/gf/node/w/text", [1.0], "nodes.w.text is 1.0; expected text"),
        ("/gf/node/w/text/norm", [1.0], "/gf/node/w/text/norm: text is no number; it has no norm"),
        ("/other", [1.0], "/other: expected an address below /gf, like /gf/node/NAME/PARAM"),
        ("/gf/node/a/value/x/y", [], "/gf/node/a/value/x/y: no such address; expected /gf/node/NAME/PARAM"),
        ("/gf/nodes/a", [], "/gf/nodes/a: no such address; did you mean 'node'?"),
    ],
)
def test_what_is_wrong_is_answered_in_one_line(desk: Desk, address: str, values: list[Any], line: str):
    assert desk.send(address, *values) == [("/gf/sys/error", [address, line])]


def test_a_bundle_is_opened(session: Session, desk: Desk):
    bundle = OscBundleBuilder(IMMEDIATELY)
    for address, value in (("/gf/node/a/value", 0.5), ("/gf/node/w/weight", 0.25)):
        message = OscMessageBuilder(address)
        message.add_arg(value)
        bundle.add_content(message.build())
    assert desk.send_raw(bundle.build().dgram) == []
    assert (session.get("a", "value"), session.get("w", "weight")) == (0.5, 0.25)


@pytest.mark.parametrize("data", [b"", b"x", b"/gf/node/a/value\0\0\0\0,f\0\0", b"#bundle\0\0\0", b"\xff" * 40])
def test_what_is_no_osc_is_counted_and_nothing_breaks(desk: Desk, data: bytes):
    if data:
        assert desk.send_raw(data) == []
    assert desk.send("/gf/node/a/value") == [("/gf/node/a/value", [0.25])]


@pytest.mark.parametrize(
    "data, line",
    [
        (b"gf/node/a/value 0.5\n", "20 bytes that are no OSC (neither a message nor a bundle)"),
        (b"/gf/node/a/value\0\0\0\0,f\0\0", "24 bytes that are no OSC (cut off)"),
        (b"/a\0\0,z\0\0", "8 bytes that are no OSC (the tag 'z')"),
        (
            reduce(lambda inner, _: bundle(inner), range(9), b"/a\0\0"),
            "184 bytes that are no OSC (bundles in bundles; expected at most 8)",
        ),
        (b"#bundle\0", "8 bytes that are no OSC (a bundle that is cut off)"),
        (bundle(b"/a\0\0,z\0\0"), "1 of a bundle's messages have a type that nobody knows"),
    ],
)
def test_what_is_no_osc_is_told_in_the_log(desk: Desk, lines: list[str], data: bytes, line: str):
    assert desk.send_raw(data) == []
    assert lines == [f"osc: 127.0.0.1:{desk.port}: {line}"]


def test_who_moves_what_a_wire_drives_is_told_once(session: Session, desk: Desk, lines: list[str]):
    for words in ("one", "two"):
        assert desk.send("/gf/node/silent/text", words) == []
    assert lines == ["osc: /gf/node/silent/text is driven by w; what is sent there counts once that wire is cut"]
    assert session.get("silent", "text") == "two"


def test_a_ping_is_answered_with_whatever_it_held(desk: Desk):
    ping = b"/gf/sys/ping\0\0\0\0,[i[f]]\0" + (7).to_bytes(4, "big") + bytes(4)
    ((address, values),) = desk.send_raw(ping)
    assert address == "/gf/sys/pong" and values[0] == (7, (0.0,))


def test_a_choice_takes_a_number_but_no_nan(session: Session, desk: Desk):
    for value, word in ((1.0, "low"), (1e9, "high"), (-3, "off")):
        assert desk.send("/gf/node/m/mode", value) == []
        assert session.get("m", "mode") == word
    assert desk.send("/gf/node/m/mode", float("nan"))[0][0] == "/gf/sys/error"


def test_hush_fades_the_whole_output(session: Session, desk: Desk):
    desk.send("/gf/hush")
    assert rendered(session, 4800)[-1, 0] == 0.0
    desk.send("/gf/hush", 0)
    assert rendered(session, 4800)[-1, 0] == 0.25
    desk.send("/gf/panic")
    assert np.all(rendered(session, 128) == 0.0)


def test_a_port_that_is_taken_is_said(session: Session, desk: Desk):
    second = OscServer(session, port=desk.server.port)
    with pytest.raises(
        UserError,
        match=r"^--osc \d+: 127.0.0.1:\d+ cannot be had \(.*\); \S.* \(pid \d+\) holds it; choose another, as in --osc \d+$",
    ):
        session.loop.run_until_complete(second.start())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(
    "address",
    [
        "/gf/node/a/value",
        "/gf/node/a/value/norm",
        "/gf/macro/warmth",
        "/gf/transport/tempo",
        "/gf/scene/night",
        "/gf/hush",
    ],
)
def test_what_is_no_number_is_refused_and_nothing_moves(session: Session, desk: Desk, address: str, value: float):
    (told,) = desk.send(address, value)
    assert told[0] == "/gf/sys/error" and told[1][1] == f"{address} is {value}; expected a number"
    assert session.get("a", "value") == 0.25 and rendered(session, 512)[-1, 0] == 0.25


def test_the_address_of_a_node_that_is_gone_says_so_and_one_that_is_new_works(session: Session, desk: Desk):
    text = str(desk.server.files.files.text)
    change(session, text.replace('[nodes.m]\nkind = "mood"', '[nodes.n]\nkind = "mood"'))
    assert desk.send("/gf/node/m/mode", "low") == [("/gf/sys/error", ["/gf/node/m/mode", "no node is called 'm'"])]
    assert desk.send("/gf/node/n/mode", "low") == []
    assert session.get("n", "mode") == "low"


def test_a_pattern_asks_and_sets_values_and_touches_no_action(session: Session, desk: Desk):
    assert desk.send("/gf/node/{w,silent}/weigh?") == [
        ("/gf/node/w/weight", [1.0]),
        ("/gf/node/silent/weight", [1.0]),
    ]
    desk.send("/gf/node/*/weight", 0.5)
    assert session.get("w", "weight") == session.get("silent", "weight") == 0.5
    assert desk.send("/gf/pani?")[0][1][1] == "/gf/pani?: no value is called like this"
    assert desk.send("/gf/node/[a/value", 1.0)[0][1][1] == "/gf/node/[a/value: it has a [ that is not closed"


def test_transport(session: Session, desk: Desk):
    assert desk.send("/gf/transport/tempo") == [("/gf/transport/tempo", [120.0])]
    rendered(session, 48000 * 3)
    assert desk.send("/gf/transport/beat") == [("/gf/transport/beat", [6])]
    assert desk.send("/gf/transport/bar") == [("/gf/transport/bar", [1])]
    desk.send("/gf/transport/tempo", 9999)
    assert session.transport.tempo == 400.0
    desk.send("/gf/transport/tempo", 0)
    assert session.transport.tempo is None
    assert desk.send("/gf/transport/beat", 3)[0][1][1].startswith("/gf/transport/beat: it only tells;")


def test_the_beats_stand_still_and_go_on(session: Session, desk: Desk):
    rendered(session, 36000)
    assert desk.send("/gf/transport/running") == [("/gf/transport/running", [1])]
    assert desk.send("/gf/transport/stop") == []
    assert desk.send("/gf/transport/running") == [("/gf/transport/running", [0])]
    rendered(session, 48000)
    assert session.transport.beat_at(session.engine.frame) == 1.5
    desk.send("/gf/transport/play", 0)  # a button that is let go of
    assert not session.transport.running
    desk.send("/gf/transport/play", 1)
    rendered(session, 12000)
    assert session.transport.beat_at(session.engine.frame) == 2.0
    desk.send("/gf/transport/running", 0)
    assert not session.transport.running
    desk.send("/gf/transport/stop", 0)
    desk.send("/gf/transport/play")
    assert session.transport.running


def test_macros_and_scenes_by_their_unit_and_norm(session: Session, desk: Desk):
    desk.send("/gf/macro/warmth/norm", 0.75)
    assert session.get("a", "value") == 0.5
    assert desk.send("/gf/macro/warmth") == [("/gf/macro/warmth", [0.5])]
    assert desk.send("/gf/macro/warmth/norm") == [("/gf/macro/warmth/norm", [0.75])]
    desk.send("/gf/scene/night", 0.1)
    rendered(session, 2400)
    assert -0.1 < session.get("a", "value") < 0.1
    rendered(session, 4800)
    assert session.get("a", "value") == -0.5
    assert desk.send("/gf/scene/nigth")[0][1][1] == "no scene is called 'nigth'; did you mean 'night'?"


def test_buttons_send_0_when_they_are_let_go_of(session: Session, desk: Desk):
    desk.send("/gf/panic", 0)
    assert rendered(session, 128)[-1, 0] == 0.25
    desk.send("/gf/panic", 1.0)
    assert rendered(session, 128)[-1, 0] == 0.0


def test_greetings(desk: Desk):
    (pong,) = desk.send("/gf/sys/ping", "x")
    assert pong[0] == "/gf/sys/pong" and pong[1][0] == "x" and pong[1][1] > 1.6e9
    assert desk.send("/gf/sys/version")[0][1][0].count(".") == 2
    (status,) = desk.send("/gf/sys/status")
    assert len(status[1]) == 4
    desk.send("/gf/nonsense")
    assert desk.send("/gf/sys/error") == [
        ("/gf/sys/error", ["/gf/nonsense", "/gf/nonsense: no such address; did you mean 'scene'?"])
    ]


def test_errors_are_told_to_the_sender_each_time_and_in_the_log_once_a_second(
    desk: Desk, lines: list[str], session: Session
):
    assert sum(len(desk.send("/gf/node/b/value", 1.0)) for _ in range(20)) == 20
    assert lines == [f"osc: 127.0.0.1:{desk.port}: no node is called 'b'"]
    desk.look(1.1)
    desk.send("/gf/node/b/value", 1.0)
    assert lines[1:] == [f"osc: 127.0.0.1:{desk.port}: no node is called 'b' (and 19 more)"]
    for level, told in (("quiet", 0), (2, 1), ("errors", 0)):
        lines.clear()
        desk.send("/gf/sys/log_level", level)
        desk.look(1.1)
        lines.clear()
        desk.send("/gf/node/a/value", 0.5)
        assert len(lines) == told
    assert desk.send("/gf/sys/log_level", "loud")[0][1][1].endswith("expected quiet, errors, all")


def test_what_is_logged_moves_no_terminal(desk: Desk, lines: list[str]):
    desk.send("/gf/\x1b[2J\r\n")
    assert lines == [f"osc: 127.0.0.1:{desk.port}: /gf/?[2J??: it has a [ that is not closed"]


def test_other_hosts_are_not_let_in(desk: Desk, session: Session, lines: list[str]):
    desk.server.udp.take(bundle(("/gf/node/a/value", [0.5])), ("192.168.1.9", 9000))
    assert session.get("a", "value") == 0.25
    assert desk.server.statistics().strangers == 1
    assert lines == ["osc: 192.168.1.9 is not let in; play with --allow 192.168.1.9 if it may control this patch"]


def test_the_next_port_that_is_taken_is_said(session: Session, desk: Desk):
    second = OscServer(session, port=desk.server.port + 1)
    third = OscServer(session, port=desk.server.port)
    with pytest.raises(UserError, match=r"holds it"):
        session.loop.run_until_complete(third.start())
    # UDP on that number is free, TCP one further as well
    session.loop.run_until_complete(second.start())
    second.close()


@pytest.mark.parametrize("cut", [1, 3, 7])
def test_whatever_is_sent_the_server_answers_afterwards(desk: Desk, session: Session, cut: int):
    good = bundle(("/gf/node/a/value", [0.5]))
    for at in range(0, len(good) - 1, cut):
        desk.send_raw(good[: at + 1])
    desk.send_raw(b"/gf/node/a/value\0\0\0\0,q\0\0" + bytes(8))
    desk.send_raw(bytes(60_000))
    assert session.get("a", "value") == 0.25
    statistics = desk.server.statistics()
    assert statistics.malformed >= statistics.packets - 1  # a bundle of nothing is one
    assert desk.send("/gf/node/a/value") == [("/gf/node/a/value", [0.25])]


def test_a_burst_is_taken_whole(desk: Desk, session: Session):
    count = 200
    for k in range(count):
        desk.socket.sendto(bundle(("/gf/node/a/value", [k / 1000])), ("127.0.0.1", desk.server.port))
    until(session, lambda: desk.server.statistics().messages == count)
    assert session.get("a", "value") == pytest.approx((count - 1) / 1000)

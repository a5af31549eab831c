"""Subscriptions: values at a rate, the last one always sent, and no echo."""

from __future__ import annotations

import math
import time

import pytest
from desk import PATCH, Desk
from kinds import change, rendered

from graphflow.control.osc.feed import BUDGET, MOST, Feed
from graphflow.control.osc.lease import messages_of, same
from graphflow.session import Session

A = "/gf/node/a/value"


class Ear:
    """A receiver that only counts."""

    transport, local = "udp", True

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.host, self.port = host, port
        self.packets: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.packets.append(data)


def test_who_subscribes_is_told_what_is_and_then_what_changes(session: Session, desk: Desk):
    assert desk.send("/gf/subscribe", "/gf/node/a/*") == [(A, [0.25])]
    assert desk.look(1.0) == []
    session.set("a", "value", 0.5)
    assert desk.look(0.04) == [(A, [0.5])]
    assert desk.look(1.0) == []


def test_who_subscribes_to_what_is_not_there_is_told_and_is_sent_it_once_it_is(session: Session, desk: Desk):
    for address, line in (
        ("/gf/node/n/mode", "no node is called 'n'; it is sent as soon as it is there"),
        ("/gf/node/a/valu", "nodes.a: steady has no 'valu'; did you mean 'value'?; it is sent as soon as it is there"),
        ("/gf/hush", "/gf/hush: it holds no value that could be sent"),
    ):
        assert desk.send("/gf/subscribe", address) == [("/gf/sys/error", ["/gf/subscribe", line])]
    assert desk.send("/gf/subscribe", "/gf/node/n/*") == []  # a pattern is for whatever comes
    change(session, PATCH.replace('[nodes.m]\nkind = "mood"', '[nodes.n]\nkind = "mood"'))
    assert ("/gf/node/n/mode", ["off"]) in desk.look(0.1)


def test_values_trail_at_a_rate_and_the_last_one_is_always_sent(session: Session, desk: Desk):
    desk.send("/gf/subscribe", A, 10.0)
    told = []
    for k in range(200):  # one second
        session.set("a", "value", k / 200)
        told += desk.look(0.005)
    assert 9 <= len(told) <= 12
    told += desk.look(0.2)
    assert told[-1][1][0] == pytest.approx(199 / 200)
    desk.send("/gf/subscribe", A, 1000.0)
    count = 0
    for k in range(200):
        session.set("a", "value", k / 200)
        count += len(desk.look(0.005))
    assert 25 <= count <= 32


def test_what_a_controller_moves_is_not_sent_back_to_it_and_to_others_it_is(desk: Desk, other: Desk):
    desk.send("/gf/subscribe", A)
    other.send("/gf/subscribe", A)
    heard = []
    for k in range(40):  # 0.2 s of moving
        desk.send(A, k / 40)
        heard += desk.look(0.005)
    heard += desk.look(2.0)
    assert heard == []
    told = other.heard()
    assert 5 <= len(told) <= 9 and told[-1][1][0] == pytest.approx(39 / 40)


def test_after_its_move_a_controller_is_told_what_became_of_it(session: Session, desk: Desk):
    desk.send("/gf/subscribe", A)
    desk.send(A, 7.0)  # beyond its range
    assert desk.look(0.25) == []
    assert desk.look(0.1) == [(A, [1.0])]
    desk.send(A, 0.5)
    session.set("a", "value", 0.75)  # somebody else, meanwhile
    assert desk.look(0.25) == []
    assert desk.look(0.1) == [(A, [0.75])]


def test_asking_again_while_something_is_moved_brings_no_echo(desk: Desk):
    desk.send("/gf/subscribe", A)
    desk.send(A, 0.5)
    assert desk.send("/gf/subscribe", A) == []
    assert desk.look(0.2) == []
    assert desk.look(0.2) == [(A, [0.5])]  # it has asked, after all


def test_the_twin_of_what_is_moved_follows_at_once(desk: Desk):
    desk.send("/gf/subscribe", A)
    desk.send("/gf/subscribe", f"{A}/norm")
    desk.send(f"{A}/norm", 0.75)
    assert desk.look(0.04) == [(A, [0.5])]
    assert desk.look(1.0) == []


def test_values_go_to_the_port_that_is_named(session: Session, desk: Desk, other: Desk):
    assert desk.send("/gf/subscribe", A, 30.0, other.port) == []
    assert other.heard() == [(A, [0.25])]
    desk.send(A, 0.5)  # the same program by its other socket
    desk.look(1.0)
    assert other.heard() == []
    session.set("a", "value", 0.75)
    desk.look(0.1)
    assert other.heard() == [(A, [0.75])]
    for port in (0, 70000, 1.5):
        assert desk.send("/gf/subscribe", A, 30.0, port)[0][0] == "/gf/sys/error"


def test_a_lease_ends_and_anything_from_the_host_renews_it(session: Session, desk: Desk, other: Desk):
    desk.send("/gf/subscribe", A)
    desk.look(50.0, step=1.0)
    other.send("/gf/sys/ping")
    other.heard()
    desk.look(50.0, step=1.0)
    assert desk.server.feed.statistics().subscribers == 1
    desk.look(15.0, step=1.0)
    assert desk.server.feed.statistics().subscribers == 0
    session.set("a", "value", 0.5)
    assert desk.look(1.0) == []


def test_hello_is_answered_with_everything(session: Session, desk: Desk):
    first, *values = desk.send("/gf/sys/hello")
    values += desk.look(0.2)
    assert first == ("/gf/sys/hello", ["Test", "127.0.0.1", desk.server.port, 0])
    told = dict(values)
    assert told["/gf/node/w/text"] == ["dust"] and told["/gf/macro/warmth"] == [0.25]
    assert told["/gf/transport/tempo"] == [120.0]
    assert not any(address.startswith(("/gf/meter", "/gf/sys", "/gf/patch")) for address in told)
    session.set("m", "mode", "high")
    assert desk.look(0.1) == [("/gf/node/m/mode", ["high"])]
    desk.send("/gf/unsubscribe")
    session.set("m", "mode", "low")
    assert desk.look(0.1) == []


def test_who_unsubscribes_from_one_hears_the_other(session: Session, desk: Desk):
    desk.send("/gf/subscribe", A)
    desk.send("/gf/subscribe", "/gf/node/w/text")
    desk.send("/gf/unsubscribe", A)
    session.set("a", "value", 0.5)
    session.set("w", "text", "x")
    assert desk.look(0.1) == [("/gf/node/w/text", ["x"])]


@pytest.mark.parametrize("pattern", ["/gf/[", "nothing", "", "/" + "*" * 500, 3.0])
def test_a_pattern_that_is_none_is_refused(desk: Desk, pattern: str | float):
    assert desk.send("/gf/subscribe", pattern)[0][0] == "/gf/sys/error"
    assert desk.server.feed.statistics().subscribers == 0


def test_nodes_come_and_go_under_a_subscription(session: Session, desk: Desk):
    desk.send("/gf/subscribe", "/gf/node/*/mode")
    change(session, PATCH.replace('[nodes.m]\nkind = "mood"', '[nodes.n]\nkind = "mood"\nmode = "low"'))
    assert desk.look(0.1) == [("/gf/node/n/mode", ["low"])]
    change(session, PATCH)
    assert desk.look(0.1) == [("/gf/node/m/mode", ["off"])]
    session.set("m", "mode", "high")
    assert desk.look(0.1) == [("/gf/node/m/mode", ["high"])]


def test_a_thousand_subscribers_slow_each_other_down_and_nothing_else(session: Session, desk: Desk):
    server = desk.server
    ears = [Ear(20_000 + k) for k in range(MOST)]
    for ear in ears:
        server.feed.subscribe(ear, A, server.steady())
    assert (
        desk.send("/gf/subscribe", A)[0][1][1]
        == f"/gf/subscribe: {MOST} have subscribed already; wait until one has left"
    )
    desk.look(1.0)
    for ear in ears:
        assert len(ear.packets) == 1
        ear.packets.clear()
    for k in range(40):
        session.set("a", "value", k / 40)
        before = server.feed.statistics().sent
        desk.look(0.005)
        assert server.feed.statistics().sent - before <= BUDGET
    desk.look(1.0)
    last = {ear.packets[-1] for ear in ears}
    assert len(last) == 1 and all(1 <= len(ear.packets) < 10 for ear in ears)


def test_what_somebody_moves_costs_little_however_many_of_one_computer_listen(session: Session, desk: Desk):
    feed = desk.server.feed
    for k in range(MOST):
        feed.subscribe(Ear(2000 + k), A, 0.0)
    stranger = Ear(1)
    begun = time.process_time()
    for _ in range(50):
        feed.moved(A, stranger, [0.5], 0.0)
    assert time.process_time() - begun < 0.5  # about 20 ms; where each looks at all others, 6 s


def test_who_leaves_and_comes_again_is_found_by_its_owner(session: Session, desk: Desk):
    feed, ear = desk.server.feed, Ear(9)
    feed.subscribe(ear, A, 0.0, owner=("udp", "127.0.0.1", 5))
    feed.subscribe(ear, "/gf/node/w/*", 0.0, owner=("udp", "127.0.0.1", 6))
    feed.unsubscribe(("udp", "127.0.0.1", 5))
    assert str(feed) == "127.0.0.1:9 /gf/node/a/value\n127.0.0.1:9 /gf/node/w/*"
    feed.unsubscribe(("udp", "127.0.0.1", 6), A)
    assert str(feed) == "127.0.0.1:9 /gf/node/w/*"
    feed.unsubscribe(("udp", "127.0.0.1", 6))
    assert str(feed) == "" and feed.statistics().subscribers == 0
    session.set("a", "value", 0.75)
    told = len(ear.packets)
    feed.look(1.0)
    assert len(ear.packets) == told


def test_a_subscriber_that_vanishes_is_no_trouble(session: Session, desk: Desk, other: Desk):
    other.send("/gf/subscribe", A)
    other.close()
    for k in range(20):
        session.set("a", "value", k / 20)
        desk.look(0.05)
        assert desk.send("/gf/sys/ping", 1)[0][0] == "/gf/sys/pong"
    desk.send("/gf/unsubscribe")


def test_levels_come_to_subscribers_20_times_a_second(session: Session, desk: Desk):
    desk.send("/gf/subscribe", "/gf/meter/{a,out}")
    rendered(session, 96000)
    desk.heard()
    told = desk.look(1.0)
    assert 38 <= len(told) <= 42
    by_node = dict(told)
    assert by_node["/gf/meter/a"] == pytest.approx([-12.04, -12.04], abs=0.1)
    assert desk.send("/gf/meter/a")[0][1] == pytest.approx([-12.04, -12.04], abs=0.1)
    assert desk.send("/gf/meter/w")[0][1][1].startswith("/gf/meter/w: no such address")


def test_the_beat_is_told_when_it_falls(session: Session, desk: Desk):
    desk.send("/gf/subscribe", "/gf/transport/{beat,bar}")
    desk.heard()
    told = []
    for _ in range(100):
        rendered(session, 480)
        told += desk.look(0.01)
    assert [values for address, values in told if address.endswith("beat")] == [[1], [2]]


def test_a_prompt_makes_a_message_per_slot_and_what_is_told_in_float32_is_the_same():
    assert same((0.1, "x"), (0.10000000149011612, "x")) and not same((0.1,), (0.101,)) and not same((1,), None)
    assert same((math.inf,), (math.inf,))


def test_messages_of_a_prompt():
    from graphflow.control.osc.entry import Entry

    entry = Entry("/p", "isf", "", "prompt")
    assert messages_of(entry, (0, "a", 1.0, 1, "b", 0.5)) == [(0, "a", 1.0), (1, "b", 0.5)]


def test_a_feed_without_listeners_does_nothing(session: Session, desk: Desk):
    feed = Feed(desk.server.space)
    feed.look(0.0)
    feed.moved(A, Ear(1), [0.5], 0.0)
    feed.unsubscribe(("udp", "127.0.0.1", 1))
    assert feed.statistics().sent == 0

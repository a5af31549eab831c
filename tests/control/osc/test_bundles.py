"""Bundles land together, on their frame."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from desk import Desk, Watch, bundle
from kinds import rendered

from graphflow.control.osc import OscServer
from graphflow.control.osc.bundles import Bundles
from graphflow.control.osc.clock import GivenClock, LiveClock, tag_of, unix_of
from graphflow.control.osc.packet import NOW, Bundle, Message
from graphflow.control.osc.peer import Call
from graphflow.session import Session

BEGUN = tag_of(1.7e9)


@pytest.fixture
def server(session: Session, watch: Watch) -> Iterator[OscServer]:
    server = OscServer(session, port=0, steady=watch, clock=GivenClock(session, BEGUN))
    session.loop.run_until_complete(server.start())
    yield server
    server.close()


def frame_of(clock: LiveClock, tag: int) -> int:
    return clock.frame_at(clock.moment_of(tag))


def at(seconds: float) -> int:
    return BEGUN + round(seconds * 2**32)


def test_a_bundle_lands_on_its_frame_to_the_sample(session: Session, desk: Desk):
    frames = [601, 4800, 12345, 47999]
    for k, frame in enumerate(frames):
        desk.send_raw(
            bundle(("/gf/node/a/value", [0.5 + k / 10]), ("/gf/node/w/weight", [k / 4]), tag=at(frame / 48000))
        )
    sound = rendered(session, 50000)[:, 0]
    still = np.diff(sound) == 0.0
    moves = np.flatnonzero(still[:-1] & ~still[1:]) + 2
    assert list(moves) == frames
    assert session.get("w", "weight") == 0.75
    assert desk.server.statistics().bundles.late == 0


def test_what_is_in_a_bundle_waits_and_what_it_asks_is_answered_then(session: Session, desk: Desk):
    desk.send_raw(bundle(("/gf/node/w/text", ["later"]), ("/gf/node/w/text", []), ("/gf/hush", []), tag=at(0.5)))
    rendered(session, 23500)
    assert session.get("w", "text") == "dust" and desk.heard() == []
    sound = rendered(session, 4800)[:, 0]
    assert session.get("w", "text") == "later"
    assert ("/gf/node/w/text", ["later"]) in desk.heard()
    assert sound[400] == 0.25 and sound[-1] == 0.0


def test_beats_stop_go_on_and_change_their_tempo_on_the_frame_of_the_tag(session: Session, desk: Desk):
    for frame, address, values in (
        (24123, "/gf/transport/stop", []),  # a frame is 1/24000 of a beat
        (31001, "/gf/transport/play", []),
        (40007, "/gf/transport/tempo", [60.0]),
        (50009, "/gf/transport/running", [0]),
    ):
        desk.send_raw(bundle((address, values), tag=at(frame / 48000)))
    rendered(session, 30000)
    assert desk.send("/gf/transport/running") == [("/gf/transport/running", [0])]
    assert session.transport.beat_at(30000) * 24000 == pytest.approx(24123)
    rendered(session, 30000)
    assert desk.send("/gf/transport/running") == [("/gf/transport/running", [0])]
    assert desk.send("/gf/transport/tempo") == [("/gf/transport/tempo", [60.0])]
    counted = 24123 + (40007 - 31001) + (50009 - 40007) / 2
    assert session.transport.beat_at(60000) * 24000 == pytest.approx(counted)


def test_a_bundle_in_a_bundle_waits_for_its_own_time(session: Session, desk: Desk):
    inner = bundle(("/gf/node/w/text", ["inner"]), tag=at(0.5))
    desk.send_raw(bundle(("/gf/node/w/text", ["outer"]), inner, tag=at(0.2)))
    rendered(session, 12000)
    assert session.get("w", "text") == "outer"
    rendered(session, 14000)
    assert session.get("w", "text") == "inner"


def test_late_ones_run_at_once_and_are_told_of_once_a_second(session: Session, desk: Desk, lines: list[str]):
    rendered(session, 48000)
    for late in (0.031, 0.002, 0.010):
        desk.send_raw(bundle(("/gf/node/a/value", [0.5]), tag=at(1.0 - late)))
    assert session.get("a", "value") == 0.5
    desk.look(0.9)
    assert lines == []
    desk.look(0.2)
    assert lines == ["osc: 3 late bundles, worst 31 ms"]
    desk.send_raw(bundle(("/gf/node/a/value", [0.75]), tag=at(-315360000.0)))  # ten years
    desk.look(2.0)
    assert lines[1:] == ["osc: 1 late bundle, worst 3650.0 days"]
    assert desk.server.statistics().bundles.late == 4


def test_a_bundle_ten_years_ahead_is_refused(session: Session, desk: Desk):
    for ahead, line in (
        (315360000.0, "bundle: 3650.0 days ahead; expected at most 60 s"),
        (60.1, "bundle: 60.1 s ahead; expected at most 60 s"),
    ):
        answer = desk.send_raw(bundle(("/gf/node/a/value", [0.5]), tag=at(ahead)))
        assert answer == [("/gf/sys/error", ["#bundle", line])]
    assert desk.send_raw((b"#bundle\0" + b"\xff" * 8) + bundle(("/gf/hush", []))[16:])[0][0] == "/gf/sys/error"
    assert desk.send_raw(bundle(("/gf/node/a/value", [0.5]), tag=at(59.9))) == []
    assert desk.server.statistics().bundles.waiting == 1
    assert rendered(session, 512)[-1, 0] == 0.25


def test_so_many_may_wait_and_no_more(session: Session, desk: Desk):
    server = desk.server
    peer = server.udp_peer("127.0.0.1", desk.port)
    for _ in range(4096):
        server.receive(bundle(("/gf/node/a/value", [0.5]), tag=at(30.0)), peer)
    assert server.statistics().refused == 0
    server.receive(bundle(("/gf/node/a/value", [0.5]), tag=at(30.0)), peer)
    assert desk.heard() == [
        ("/gf/sys/error", ["#bundle", "bundle: 4096 wait already; expected at most 4096, send them later"])
    ]
    many = bundle(*[("/a", [])] * 4000, tag=at(30.0))
    queue = OscServer(session, port=0, clock=GivenClock(session, BEGUN))
    for _ in range(20):
        queue.receive(many, peer)
    assert queue.statistics().bundles.waiting == 16  # by what they hold


class Engine:
    """A clock that runs by itself, 128 frames at once."""

    def __init__(self) -> None:
        self.frame, self.lost = 1000, 0

    def now(self) -> int:
        return self.frame

    def moment_of(self, tag: int) -> float:
        return float(tag)

    def frame_at(self, moment: float) -> int:
        return int(moment) - self.lost


def test_where_a_clock_runs_what_belongs_together_gets_a_frame_and_what_follows_does_not_overtake_it():
    engine, done = Engine(), []
    queue = Bundles(
        engine, 48000, lambda message, call: done.append((message.address, call.frame)), lambda message: message.address != "/act",
        block=lambda: 128,
    )  # fmt: skip
    peer = None
    messages = tuple(Message(address, ()) for address in ("/a", "/b", "/act"))
    queue.take(Bundle(NOW, messages[:1]), peer)  # one alone needs none
    assert queue.soon() == 0
    queue.take(Bundle(NOW, messages), peer)
    assert done == [("/a", 0), ("/a", 1128), ("/b", 1128), ("/act", 0)]
    assert queue.soon() == 1128
    engine.frame = 1128
    assert queue.soon() == 0


def test_tags_are_times():
    assert unix_of(tag_of(1.7e9 + 0.25), 1.7e9) == 1.7e9 + 0.25
    assert tag_of(0.0) >> 32 == 2208988800


def test_live_ten_years_are_ten_years_although_tags_begin_anew_in_2036(session: Session):
    years = 315_360_000
    for now in (1.7e9, 1.796e9, 2.0855e9):  # the last one is a week before the turn
        clock = LiveClock(session, lambda now=now: now, Watch())
        assert tag_of(now + years) < 2**64
        assert frame_of(clock, tag_of(now + years)) == years * 48000
        assert frame_of(clock, tag_of(now - years)) == -years * 48000


def test_live_a_tag_is_compared_with_the_wall_clock_of_now(session: Session):
    wall, steady = Watch(), Watch()
    clock = LiveClock(session, wall, steady)
    assert frame_of(clock, tag_of(wall.now + 0.5)) == 24000  # before there is a block
    for k in range(300):
        session.frame_clock.look(k * 128, 900.0 + k * 128 / 48000)
    steady.now = 901.0
    assert frame_of(clock, tag_of(wall.now + 0.5)) == 48000 + 24000
    wall.now += 3600.0  # somebody sets the clock
    assert frame_of(clock, tag_of(wall.now + 0.5)) == 48000 + 24000


def test_what_the_device_loses_while_a_bundle_waits_is_made_up_for():
    engine, done = Engine(), []
    queue = Bundles(engine, 48000, lambda message, call: done.append(call.frame), lambda message: True)
    queue.take(Bundle(20_000, (Message("/a", ()),)), None)
    engine.lost = 480
    for engine.frame in range(1000, 20_000, 240):
        queue.look(engine.frame)
    assert done == [20_000 - 480] and queue.statistics().late == 0


def test_a_look_that_comes_late_does_what_is_due():
    engine, done = Engine(), []
    queue = Bundles(engine, 48000, lambda message, call: done.append(call), lambda message: True)
    queue.take(Bundle(engine.frame + 9600, (Message("/a", ()),)), None)
    engine.frame += 20000
    queue.look(engine.frame)
    assert done == [Call(None, 0)]
    assert queue.statistics().late == 1

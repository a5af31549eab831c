"""Notes on their way: each change with its frame, services beside the graph, and nothing that stays held."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from graphflow import AudioIn, AudioNode, ControlNode, DeviceOut, Held, Inlet, Notes, Outlet, Signal
from graphflow.core.library import Library
from graphflow.core.patch_text import read
from graphflow.session import Session
from graphflow.session.control_loop import WAITING
from graphflow.session.offline import render
from tests.conftest import unless_compiling

heard: list[Any] = []


class Keys(ControlNode):
    """Strikes what comes from outside, and tells it back."""

    notes = Outlet(Notes, "Them.")
    level = Outlet(Signal, "The last key.")
    shift = Held(0.0, "Added.", min=0.0, max=100.0)

    async def run(self) -> None:
        played = Notes()
        async for arrivals in self.arrivals("keys"):
            for arrived in arrivals:
                if arrived.what != "keys":
                    continue
                key = arrived.value
                played = played.struck(key) if key > 0 else played.released(-key)
                self.notes.send(played, frame=arrived.frame)
                self.level.send(abs(key) / 100.0, frame=arrived.frame, glide=0.0)
                self.tell("keys", key, frame=arrived.frame)
            if not arrivals:
                self.notes.send(played)


class Listener(ControlNode):
    """Writes down what arrives."""

    notes = Inlet(Notes, "What it hears.")

    async def run(self) -> None:
        async for arrivals in self.arrivals():
            heard.extend(arrivals)


class Busy(ControlNode):
    """Thinks for a long time about the first that comes."""

    notes = Inlet(Notes, "What it hears.")

    async def run(self) -> None:
        async for arrivals in self.arrivals("keys"):
            heard.append(len(arrivals))
            await self.sleep(0.5)


class Sink(AudioNode):
    """What you hear."""

    input = AudioIn("The sound.", channels=2)
    device = DeviceOut("The sound card.")

    @staticmethod
    def tick(input: float) -> float:
        return input


PATCH = """
format = 1
wires = ["k -> l", "k.level -> out"]
[nodes.k]
kind = "keys"
[nodes.l]
kind = "listener"
[nodes.out]
kind = "sink"
"""


def opened(text: str = PATCH, lines: list[str] | None = None) -> Session:
    heard.clear()
    report = (lambda line: None) if lines is None else unless_compiling(lines)
    session = Session(Library(Keys, Listener, Busy, Sink), lockstep=True, report=report)
    play(session, text)
    sound(session, 512)
    return session


def play(session: Session, text: str) -> None:
    patch, problems = read(text)
    assert problems == []
    session.play(patch)


def sound(session: Session, frames: int) -> Any:
    return np.concatenate(list(render(session, frames)))[:, 0]


def held() -> list[tuple[int, ...]]:
    """Which pitches were held, arrival by arrival."""
    return [tuple(p for p, _ in (a.value or Notes()).held) for a in heard if a.what == "notes"]


def test_every_change_arrives_by_itself_with_its_frame() -> None:
    session = opened()
    for key, frame in ((60, 700), (64, 700), (-60, 900)):
        session.enter("keys", key, frame)
    out = sound(session, 512)
    assert held()[-3:] == [(60,), (60, 64), (64,)]
    assert [a.frame for a in heard[-3:]] == [700, 700, 900]
    changes = np.flatnonzero(np.diff(out)) + 1 + 512
    assert list(changes) == [700, 900]  # 0.6 and 0.64 fall on one frame
    assert out[-1] == np.float32(0.6)
    session.close()


def test_a_service_hears_what_a_node_tells_until_it_ends() -> None:
    session = opened()
    told: list[tuple[str, Any, int]] = []
    session.serve("keys", lambda *what: told.append(what))
    session.enter("keys", 60, 600)
    session.enter("doors", 1)  # nobody listens
    sound(session, 512)
    assert told == [("k", 60, 600)]
    session.serve("keys", None)
    session.enter("keys", 61)
    sound(session, 512)
    assert told == [("k", 60, 600)]
    session.close()


def test_what_a_node_held_is_let_go_of_when_it_is_gone_cut_or_begins_anew() -> None:
    for edited in (
        PATCH.replace('"k -> l", ', ""),
        PATCH.replace('"k -> l", "k.level -> out"', '"out2 -> out"').replace("[nodes.k]", "[nodes.out2]"),
    ):
        session = opened()
        session.enter("keys", 60)
        sound(session, 512)
        assert held()[-1] == (60,)
        play(session, edited)
        sound(session, 512)
        assert held()[-1] == ()
        session.close()


def test_a_muted_node_lets_go_and_what_it_strikes_meanwhile_is_never_heard_of() -> None:
    session = opened()
    session.enter("keys", 60)
    sound(session, 512)
    session.mute("k")
    sound(session, 512)
    assert heard[-1].value == Notes((), ((60, 1),))
    for key in (-60, 62, -62, 64):
        session.enter("keys", key)
    sound(session, 512)
    assert heard[-1].value == Notes((), ((60, 1),))
    session.mute("k", on=False)
    sound(session, 512)
    assert heard[-1].value == Notes(((64, 1.0),), ((60, 1),))  # held now, and not struck again
    session.enter("keys", 65)
    sound(session, 512)
    assert heard[-1].value == Notes(((64, 1.0), (65, 1.0)), ((60, 1), (65, 1)))
    session.close()


def test_a_muted_way_out_of_the_graph_hears_nothing_held() -> None:
    session = opened()
    session.enter("keys", 60)
    sound(session, 512)
    session.mute("l")
    sound(session, 512)
    assert held()[-1] == ()
    session.mute("l", on=False)
    sound(session, 512)
    assert held()[-1] == (60,)
    session.close()


def test_a_signal_for_which_the_engine_has_no_room_is_sent_later() -> None:
    session = opened()
    room = session.engine.set
    session.engine.set = lambda *a, **k: False  # type: ignore[method-assign]
    session.enter("keys", 60)
    session.pump()
    session.loop.run_until_complete(session.settle())
    session.engine.set = room  # type: ignore[method-assign]
    assert sound(session, 1024)[-1] == np.float32(0.6)
    session.close()


def test_panic_lets_everybody_know() -> None:
    session = opened()
    let_go: list[bool] = []
    session.panics.append(lambda: let_go.append(True))
    session.panic()
    assert let_go == [True]
    session.close()


def test_a_panic_from_another_thread_is_silence_at_once_and_services_hear_of_it_in_the_sessions() -> None:
    session = opened()
    threads: list[int] = []
    session.panics.append(lambda: threads.append(threading.get_ident()))
    other = threading.Thread(target=session.panic)
    other.start()
    other.join(5.0)
    assert session.engine.silent and threads == []
    session.loop.run_until_complete(session.settle())
    assert threads == [threading.get_ident()]
    session.close()


def test_what_comes_too_fast_for_a_node_is_told_once_and_the_oldest_go() -> None:
    lines: list[str] = []
    session = opened(
        PATCH.replace('"k -> l"', '"k -> b"').replace("nodes.l]", "nodes.b]").replace("listener", "busy"), lines
    )
    for key in range(WAITING + 10):
        session.enter("keys", key + 1)
    sound(session, 48_000)
    assert heard == [0, WAITING]
    # ten keys for each, and a key that k sends on takes the place of one that b has heard itself
    assert str(session._flow) == "2 control nodes, 0 busy, 4116 changes lost, 0 numbers wait for the engine"
    slow = "it is too slow for what comes; more than 4096 changes wait"
    assert lines == [f"nodes.k: {slow}", f"nodes.b: {slow}"]  # all of it came between two looks
    session.close()

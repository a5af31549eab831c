"""Plans as text: order, buffers and their reuse, fades, loops, alignment, widths."""

from __future__ import annotations

from textwrap import dedent

import pytest

from graphflow import AudioIn, AudioNode, AudioOut, ControlNode, Inlet, Outlet, Ramp, Signal, State, Tape, WorkerNode
from graphflow.core.crossfade import coming, crossfaded, going
from graphflow.core.declare import DeviceIn, DeviceOut, Held, Setting
from graphflow.core.messages import Style
from graphflow.core.node import Node
from graphflow.core.plan import DEVICE, Fade, Link, Plan, Unit
from graphflow.core.planner import plan
from graphflow.core.routing import aligned, in_loops, order, widths
from graphflow.core.tails import ringing, ringing_links


class Source(AudioNode):
    out = AudioOut()

    @staticmethod
    def tick() -> float:
        return 0.0


class Stereo(AudioNode):
    out = AudioOut(channels=2)

    @staticmethod
    def process(block: int) -> None: ...


class Gain(AudioNode):
    input = AudioIn()
    level = Ramp(1.0)
    out = AudioOut()

    @staticmethod
    def tick(input: float, level: float) -> float:
        return input * level


class Room(AudioNode):
    tail = 1.0
    latency = 64
    input = AudioIn(channels=2)
    out = AudioOut(channels=2)

    @staticmethod
    def process(block: int) -> None: ...


class Back(AudioNode):
    breaks_loop = True
    latency = 1024
    input = AudioIn()
    keep = Ramp(0.5)
    line = State(size=1024)
    out = AudioOut()

    @staticmethod
    def receive(block: int) -> None: ...

    @staticmethod
    def send(block: int) -> None: ...


class Ear(AudioNode):
    device = DeviceIn()
    out = AudioOut(channels=2)

    @staticmethod
    def process(block: int) -> None: ...


class Speaker(AudioNode):
    input = AudioIn(channels=2)
    device = DeviceOut()

    @staticmethod
    def process(block: int) -> None: ...


class Writer(AudioNode):
    input = AudioIn(channels=2)
    file = Setting("take.wav")
    tape = Tape()

    @staticmethod
    def process(block: int) -> None: ...


class Mood(ControlNode):
    energy = Held(0.5)
    light, other = Outlet(Signal), Outlet(Signal)


class Band(WorkerNode):
    generator = "band"
    style = Inlet(Style)
    density = Held(0.5)
    drums, bass = AudioOut(channels=2), AudioOut(channels=1)


def units(**kinds: type[Node]) -> dict[str, Unit]:
    return {name: Unit(name, cls.spec) for name, cls in kinds.items()}


def links(text: str) -> list[Link]:
    made = []
    for wire in text.split():
        source, dest = (end.split(".") for end in wire.split(">"))
        made.append(Link(source[0], source[1], dest[0], dest[1]))
    return made


def shown(nodes: dict[str, Unit], wires: str, **fades: Fade) -> str:
    level, _ = aligned(nodes, links(wires))
    return str(plan(nodes, [(k, fades.get(k.source, "")) for k in level]))


def text(golden: str) -> str:
    return dedent(golden).strip()


def test_a_chain_uses_two_buffers_in_turn() -> None:
    nodes = units(a=Source, b=Gain, c=Gain, d=Gain, out=Speaker)
    assert shown(nodes, "a.out>b.input b.out>c.input c.out>d.input d.out>out.input out.device>device.out") == text("""
        play a  -> out=b1x1
        play b input=b1x1 -> out=b2x1
        play c input=b2x1 -> out=b1x1
        play d input=b1x1 -> out=b2x1
        mix out.input out=b2x1 -> input=b3x2
        play out input=b3x2 -> device=b4x2
        out out=b4x2
    """)


def test_a_buffer_is_kept_for_its_last_reader() -> None:
    nodes = units(a=Source, b=Gain, c=Gain)
    assert shown(nodes, "a.out>b.input b.out>c.input a.out>c.input c.out>device.out") == text("""
        play a  -> out=b1x1
        play b input=b1x1 -> out=b2x1
        mix c.input out=b2x1 out=b1x1 -> input=b3x1
        play c input=b3x1 -> out=b2x1
        mix device.out out=b2x1 -> out=b4x2
        out out=b4x2
    """)


def test_order_follows_the_wires_and_then_what_was_given() -> None:
    nodes = units(z=Gain, y=Gain, x=Source, w=Source)
    assert [key for key, _ in order(nodes, links("x.out>y.input y.out>z.input"))] == ["x", "w", "y", "z"]


class Slow(Gain):
    memory = State()

    @staticmethod
    def tick(input: float, level: float, memory: float) -> tuple[float, float]:
        return input * level + memory, memory


def test_nodes_of_one_kind_play_in_rows_of_four() -> None:
    names = [name for i in range(6) for name in (f"a{i}", f"s{i}", f"g{i}")]
    nodes = units(**{name: {"a": Source, "s": Slow, "g": Gain}[name[0]] for name in names})
    wires = links(" ".join(f"a{i}.out>s{i}.input s{i}.out>g{i}.input" for i in range(6)))
    played = " ".join(key for key, _ in order(nodes, wires))
    assert played == "a0 a1 a2 a3 s0 s1 s2 s3 g0 g1 g2 g3 a4 a5 s4 s5 g4 g5"


def test_what_a_loop_leaves_no_order_is_named() -> None:
    with pytest.raises(ValueError, match="b, c cannot be ordered"):
        order(units(a=Source, b=Gain, c=Gain), links("a.out>b.input b.out>c.input c.out>b.input"))


def test_an_unwired_in_reads_silence() -> None:
    assert shown(units(b=Gain, r=Room), "b.out>device.out r.out>device.out") == text("""
        play b input=b0x1 -> out=b1x1
        mix r.input  -> input=b2x2
        play r input=b2x2 -> out=b3x2
        delay b.out 64 frames out=b1x1 -> out=b4x1
        mix device.out out=b4x1 out=b3x2 -> out=b2x2
        out out=b2x2
    """)


def test_nothing_wired_to_the_device_is_silence() -> None:
    assert shown(units(a=Source), "") == "play a  -> out=b1x1\nout silence"


def test_branches_are_brought_level_by_one_delay_per_port() -> None:
    nodes = units(a=Source, r=Room, b=Gain, c=Gain, out=Speaker)
    wires = "a.out>r.input r.out>b.input a.out>b.input b.out>out.input a.out>c.input c.out>out.input a.out>out.input"
    level, latency = aligned(nodes, links(wires + " out.device>device.out"))
    assert [str(k) for k in level] == [
        "a.out -> r.input", "r.out -> b.input", "a.out -> b.input +64", "b.out -> out.input", "a.out -> c.input",
        "c.out -> out.input +64", "a.out -> out.input +64", "out.device -> device.out",
    ]  # fmt: skip
    assert latency == 64
    steps = [str(s) for s in plan(nodes, [(k, "") for k in level]).steps if s.op == "delay"]
    assert steps == ["delay a.out 64 frames out=b1x1 -> out=b4x1", "delay c.out 64 frames out=b5x1 -> out=b1x1"]


def test_a_param_is_driven_without_alignment() -> None:
    nodes = units(a=Source, r=Room, b=Gain)
    level, _ = aligned(nodes, links("a.out>r.input r.out>b.input r.out>b.level a.out>b.level b.out>device.out"))
    assert [k.delay for k in level] == [0, 0, 0, 0, 0]


def test_a_loop_sends_at_its_end_what_it_receives_at_its_start() -> None:
    nodes = units(a=Source, b=Gain, back=Back, keep=Source)
    wires = "a.out>b.input back.out>b.input b.out>back.input keep.out>back.keep b.out>device.out"
    assert shown(nodes, wires) == text("""
        play a  -> out=b1x1
        play keep  -> out=b2x1
        receive back  -> out=b3x1
        mix b.input out=b1x1 out=b3x1 -> input=b4x1
        play b input=b4x1 -> out=b3x1
        send back input=b3x1 keep=b2x1
        mix device.out out=b3x1 -> out=b5x2
        out out=b5x2
    """)


def test_loops_that_nothing_breaks_are_found() -> None:
    nodes = units(a=Gain, b=Gain, c=Gain, back=Back)
    assert in_loops(nodes, links("a.out>b.input b.out>a.input b.out>c.input")) == {"a", "b"}
    assert in_loops(nodes, links("a.out>b.input b.out>back.input back.out>a.input")) == set()


def test_a_node_is_as_wide_as_the_widest_wire_and_a_loop_settles() -> None:
    nodes = units(a=Source, s=Stereo, b=Gain, c=Gain, back=Back, r=Room)
    wires = links("a.out>b.input s.out>b.input b.out>c.input c.out>back.input back.out>b.input a.out>r.input")
    assert widths(nodes, wires) == {"a": 1, "s": 2, "b": 2, "c": 2, "back": 2, "r": 2}


def test_fades_are_mixed_and_a_param_fades_from_its_own_value() -> None:
    nodes = units(a=Source, old=Source, new=Source, b=Gain)
    wires = "a.out>b.input old.out>b.input new.out>b.level b.out>device.out"
    assert shown(nodes, wires, old="out", new="in") == text(r"""
        play a  -> out=b1x1
        play old  -> out=b2x1
        play new  -> out=b3x1
        mix b.input out=b1x1 out=\b2x1 -> input=b4x1
        own b.level  -> level=b2x1
        mix b.level out=/b3x1 level=\b2x1 -> level=b1x1
        play b input=b4x1 level=b1x1 -> out=b2x1
        mix device.out out=b2x1 -> out=b5x2
        out out=b5x2
    """)


def test_the_device_the_tape_the_worker_and_the_mood() -> None:
    nodes = units(ear=Ear, mood=Mood, band=Band, b=Gain, tape=Writer, out=Speaker)
    wires = (
        "ear.out>out.input mood.light>b.level mood.light>band.density band.bass>b.input b.out>out.input "
        "band.drums>tape.input ear.out>mood.energy out.device>device.out"
    )
    made = plan(nodes, [(k, "") for k in aligned(nodes, links(wires))[0]])
    assert str(made) == text("""
        play ear device=b1x2 -> out=b2x2
        signal mood  -> light=b3x1
        tap mood.energy out=b2x2
        ring band  -> drums=b4x2 bass=b5x1
        tap band.density light=b3x1
        play b input=b5x1 level=b3x1 -> out=b6x1
        play tape input=b4x2 -> tape=b7x2
        tape tape tape=b7x2
        mix out.input out=b2x2 out=b6x1 -> input=b7x2
        play out input=b7x2 -> device=b2x2
        out out=b2x2
    """)
    assert made.device_in is not None
    no_double_use(made)


def no_double_use(made: Plan) -> None:
    """No step writes a buffer that a later step still means to read as it was."""
    holds: dict[int, tuple[str, str]] = {}
    for step in made.steps:
        for use in step.writes:
            assert use.buffer != 0
            assert use.buffer not in {r.buffer for r in step.reads}
            holds[use.buffer] = (step.key, use.port)


def test_no_step_writes_over_what_it_reads() -> None:
    row = {f"n{i}": Gain for i in range(30)}
    wires = " ".join(f"n{i}.out>n{j}.input" for i in range(30) for j in range(i + 1, 30) if (i * j) % 3 == 1)
    nodes = units(**row)
    no_double_use(plan(nodes, [(k, "") for k in links(wires + " n29.out>device.out")]))


CROSSED = "a.out>b.input b.out>c.input c.out>device.out"


def test_a_crossfade_leaves_alone_what_stays() -> None:
    new = "a.out>b.input b.out>c.input n.out>c.input c.out>device.out"
    assert fades(crossfaded(links(CROSSED), links(new), {"a", "b", "c", "n", DEVICE}, ())) == [
        "a.out -> b.input", "b.out -> c.input", "n.out -> c.input in", "c.out -> device.out",
    ]  # fmt: skip


def test_what_goes_keeps_its_own_wires_to_the_end() -> None:
    assert fades(crossfaded(links(CROSSED), links("a.out>device.out"), {"a", DEVICE}, ())) == [
        "a.out -> device.out in", "a.out -> b.input", "b.out -> c.input", "c.out -> device.out out",
    ]  # fmt: skip


def test_what_changes_shape_is_played_twice() -> None:
    new = "a.out>b.input s.out>b.input b.out>c.input c.out>device.out"
    assert fades(crossfaded(links(CROSSED), links(new), {"a", "b", "c", "s", DEVICE}, {"b"})) == [
        "a.out -> b.input", "s.out -> b.input in", "b.out -> c.input in", "c.out -> device.out",
        "a.out -> b'.input", "b'.out -> c.input out",
    ]  # fmt: skip


def test_out_in_is_two_plans_of_which_neither_holds_both() -> None:
    old, new, staying = links(CROSSED), links("n.out>c.input c.out>device.out"), {"n", "c", DEVICE}
    assert fades(going(old, new, staying, ())) == [
        "a.out -> b.input", "b.out -> c.input out", "c.out -> device.out",
    ]  # fmt: skip
    assert fades(coming(old, new, ())) == ["n.out -> c.input in", "c.out -> device.out"]


def fades(made: list[tuple[Link, Fade]]) -> list[str]:
    return [f"{link} {fade}".rstrip() for link, fade in made]


@pytest.mark.parametrize(
    "staying, expected",
    [
        ({"a", "out"}, {"r": 48_100, "b": 48_100}),  # b carries what r still says
        ({"a", "b", "out"}, {"r": 48_100}),
        ({"a"}, {"r": 48_100, "b": 48_100, "out": 48_100}),
        ({"a", "r", "b"}, {}),
    ],
)
def test_what_has_a_tail_rings_and_what_carries_it_too(staying: set[str], expected: dict[str, int]) -> None:
    nodes = units(a=Source, r=Room, b=Gain, out=Speaker)
    wires = links("a.out>r.input r.out>b.input b.out>out.input out.device>device.out")
    assert ringing(nodes, wires, staying, {}, 100, 48_000.0) == expected


def test_a_tail_that_nobody_hears_does_not_ring() -> None:
    nodes = units(a=Source, r=Room, b=Gain, out=Speaker)
    wires = links("a.out>r.input r.out>b.level out.device>device.out")
    assert ringing(nodes, wires, {"a", "b", "out"}, {}, 0, 48_000.0) == {}


def test_a_tail_that_rings_keeps_its_end() -> None:
    nodes = units(r=Room, out=Speaker)
    wires = links("r.out>out.input out.device>device.out")
    assert ringing(nodes, wires, {"out"}, {"r": 500}, 100, 48_000.0) == {"r": 500}
    assert ringing(nodes, wires, {"out"}, {"r": 500}, 500, 48_000.0) == {}
    assert [str(k) for k in ringing_links(nodes, wires, {"out"}, {"r"})] == ["r.out -> out.input"]

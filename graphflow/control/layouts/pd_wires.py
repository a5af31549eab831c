"""What is inside the `pd` boxes of a Pure Data controller: from a control to OSC, and from OSC to a control."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphflow.control.layouts.pd_file import Canvas, atom
from graphflow.control.layouts.place import Box
from graphflow.control.layouts.sheet import Control, Group
from graphflow.control.osc.entry import ROOT

BUS_SEND, BUS_IN, BUS_NET, CONNECTED = "graphflow-send", "graphflow-in", "graphflow-net", "graphflow-connected"
"""Names under which the boxes meet: bytes to send, messages that came, orders to the socket, whether it is open."""
RENEW_MS = 20_000
"""How often the patch says that it is still there; values come for a minute after each message."""
INSIDE = Box(80, 80, 980, 720)


def sent(name: str) -> str:
    """Where a control says what was done to it."""
    return f"send{name}"


def typed(address: str) -> str:
    """Under which name a fader's number, or a choice's word, is set."""
    return f"{address}/shown"


def weight(address: str, number: int) -> str:
    return f"{address}/{number}"


def word(control: Control) -> str:
    """Under which name a text is set."""
    return f"{control.address}/{control.slot}" if control.look == "slot" else control.address


def parts_of(address: str) -> list[str]:
    return address.strip("/").split("/")


def connection(host: str, port: int) -> Canvas:
    """The socket: one for both ways, so that answers find it."""
    inside = Canvas(INSIDE, "osc")
    bytes_out = inside.object(20, 20, "r", BUS_SEND)
    bytes_out = inside.wire(bytes_out, inside.object(20, 50, "list", "prepend", "send"))
    bytes_out = inside.wire(bytes_out, inside.object(20, 80, "list", "trim"))
    socket = inside.wire(bytes_out, inside.object(20, 200, "netsend", "-u", "-b"))
    inside.wire(socket, inside.object(20, 260, "s", CONNECTED))
    came = inside.wire(socket, inside.object(160, 260, "oscparse"), outlet=1)
    came = inside.wire(came, inside.object(160, 290, "list", "trim"))
    inside.wire(came, inside.object(160, 320, "s", BUS_IN))

    orders = inside.object(240, 20, "r", BUS_NET)
    orders = inside.wire(orders, inside.object(240, 50, "t", "b", "a"))
    inside.wire(orders, socket, outlet=1)
    greeting = inside.wire(orders, inside.object(240, 110, "delay", 50))
    greeting = inside.wire(greeting, inside.object(240, 140, "oscformat", *parts_of(f"{ROOT}/sys/hello")))
    inside.wire(greeting, inside.object(240, 170, "s", BUS_SEND))

    start = inside.object(480, 20, "loadbang")
    first = inside.wire(start, inside.message(480, 50, f"connect {atom(host)} {port}"))
    inside.wire(first, inside.object(480, 80, "s", BUS_NET))
    again = inside.wire(start, inside.object(640, 50, "delay", RENEW_MS))
    inside.wire(again, again)
    again = inside.wire(again, inside.object(640, 110, "oscformat", *parts_of(f"{ROOT}/sys/ping")))
    inside.wire(again, inside.object(640, 140, "s", BUS_SEND))
    return inside


def group_wires(group: Group) -> Canvas:
    """The wires of one group: a block for each control, below each other."""
    from graphflow.control.layouts.pd import parts

    inside = Canvas(INSIDE, group.name)
    controls = [part for control in group.controls for part in parts(control)]
    outlets = _came(inside, controls)
    y = 40
    for control in controls:
        y = _block(inside, control, y, outlets.get(control.address))
    _start(inside, controls)
    return inside


def _came(inside: Canvas, controls: Sequence[Control]) -> dict[str, tuple[int, int]]:
    """The objects and outlets at which values of the controls' addresses come."""
    heard = {c.address: parts_of(c.address) for c in controls if c.look not in ("button", "slot")}
    twins = {c.address for c in controls if c.look == "fader"}
    found: dict[str, tuple[int, int]] = {}
    x = 520
    for prefix in sorted({tuple(parts[:-1]) for parts in heard.values()}):
        at = inside.object(x, 20, "r", BUS_IN)
        for number, part in enumerate(prefix):
            at = inside.wire(at, inside.object(x, 50 + 30 * number, "route", part))
        leaves = [address for address, parts in heard.items() if tuple(parts[:-1]) == prefix]
        y = 50 + 30 * len(prefix)
        fork = inside.wire(at, inside.object(x, y, "route", *(heard[address][-1] for address in leaves)))
        for outlet, address in enumerate(leaves):
            found[address] = fork, outlet
            if address in twins:  # `/gf/node/hall/mix/norm 0.3` comes out here too, as `norm 0.3`
                twin = inside.object(x, y + 30 * (outlet + 1), "route", "norm")
                found[address] = inside.wire(fork, twin, outlet=outlet), 1
        x += 160
    return found


def _block(inside: Canvas, control: Control, y: int, came: tuple[int, int] | None) -> int:
    """The wires of one control, from `y` on; returns where the next may begin."""
    address = control.address
    inside.comment(20, y - 20, f"{control.title}")
    if control.look == "value":
        assert came is not None  # every value is heard
        inside.wire(_set(inside, 220, y, came), inside.object(220, y + 60, "s", address))
        return y + 130
    if control.look == "weights":
        return _weights(inside, control, y, came)
    formatted = inside.object(20, y + 60, "oscformat", *parts_of(address))
    inside.wire(formatted, inside.object(20, y + 90, "s", BUS_SEND))
    name = word(control) if control.look in ("text", "slot") else address
    moved = inside.object(20, y, "r", sent(name))
    if control.look == "slot":
        inside.wire(inside.wire(moved, inside.object(20, y + 30, "list", "prepend", control.slot)), formatted)
        return y + 150
    inside.wire(moved, formatted)
    if came is None:
        return y + 150
    if control.look == "choice":
        return _words(inside, control, y, moved, came)
    told = inside.object(220, y + 60, "s", name)
    inside.wire(_set(inside, 220, y, came), told)
    if control.look == "fader":
        number = inside.object(360, y + 60, "s", typed(address))
        inside.wire(_set(inside, 360, y, came), number)
        inside.wire(_set(inside, 360, y + 90, (moved, 0)), number)
        by_hand = inside.object(20, y + 120, "r", sent(typed(address)))
        inside.wire(by_hand, formatted)
        inside.wire(_set(inside, 220, y + 90, (by_hand, 0)), told)
    return y + 190


def _set(inside: Canvas, x: int, y: int, source: tuple[int, int]) -> int:
    """A value made a `set`, which shows and is not sent on: what came must not go back."""
    prepended = inside.wire(source[0], inside.object(x, y, "list", "prepend", "set"), outlet=source[1])
    return inside.wire(prepended, inside.object(x, y + 30, "list", "trim"))


def _words(inside: Canvas, control: Control, y: int, moved: int, came: tuple[int, int]) -> int:
    """A choice: the number of a button to a word to read, and a word that came to the number of its button."""
    choices, address = control.entry.choices, control.address
    said = inside.object(20, y + 220, "s", typed(address))
    numbers = inside.wire(moved, inside.object(20, y + 130, "select", *range(len(choices))))
    words = inside.wire(came[0], inside.object(220, y + 130, "route", *choices), outlet=came[1])
    button = inside.object(220, y + 220, "s", address)
    for place, choice in enumerate(choices):
        x = 20 + 60 * place
        told = inside.message(x, y + 160, f"set {atom(choice)}")
        inside.wire(numbers, told, outlet=place)
        inside.wire(told, said)
        pressed = inside.message(x, y + 190, f"set {place}")
        inside.wire(words, pressed, outlet=place)
        inside.wire(words, told, outlet=place)
        inside.wire(pressed, button)
    return y + 290


def _weights(inside: Canvas, control: Control, y: int, came: tuple[int, int] | None) -> int:
    """All in one message, whichever is moved. What is set from outside is kept too, or a hand would send the old."""
    count = len(control.entry.types)
    held = inside.object(20, y + 60, "pack", 0, *control.start)  # the first only takes the bang, as the others wait
    only = inside.wire(held, inside.object(20, y + 90, "list", "split", 1))
    formatted = inside.object(20, y + 120, "oscformat", *parts_of(control.address))
    inside.wire(only, formatted, outlet=1)
    inside.wire(formatted, inside.object(20, y + 150, "s", BUS_SEND))
    opened = inside.object(20, y + 180, "unpack", *(["f"] * count))
    if came is not None:
        inside.wire(came[0], opened, outlet=came[1])
    for number in range(count):
        name, x = weight(control.address, number), 20 + 170 * number
        moved = inside.wire(inside.object(x, y, "r", sent(name)), inside.object(x, y + 30, "t", "b", "f"))
        inside.wire(moved, held, outlet=1, inlet=number + 1)
        inside.wire(moved, held)
        inside.wire(opened, held, outlet=number, inlet=number + 1)
        inside.wire(_set(inside, x, y + 210, (opened, number)), inside.object(x, y + 270, "s", name))
    return y + 330


def _start(inside: Canvas, controls: Iterable[Control]) -> None:
    """Show where the patch has everything, before anything came."""
    orders: list[str] = []
    for control in controls:
        if control.start in (None, "") or control.look in ("button", "value", "slot"):
            continue
        if control.look == "weights":
            orders += [f"{weight(control.address, n)} set {atom(w)}" for n, w in enumerate(control.start)]
        elif control.look == "choice":
            orders += [
                f"{control.address} set {control.entry.choices.index(control.start)}",
                f"{typed(control.address)} set {atom(control.start)}",
            ]
        else:
            value = atom(control.start)
            orders.append(f"{control.address} set {value}")
            if control.look == "fader":
                orders.append(f"{typed(control.address)} set {value}")
    if orders:
        start = inside.object(840, 20, "loadbang")
        inside.wire(start, inside.message(840, 50, " ".join(f"\\; {order}" for order in orders)))

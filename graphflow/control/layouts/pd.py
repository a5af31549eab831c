"""A controller as a Pure Data patch (vanilla, 0.51 or newer).

What one sees is at the top; what wires it is inside, a `pd` box in each group. A control listens under its OSC
address, so that another patch may move it too: `; /gf/node/hall/mix 0.3`.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphflow.control.layouts.pd_file import CHARACTER, Canvas, atom
from graphflow.control.layouts.pd_wires import BUS_NET, CONNECTED, connection, group_wires, sent, typed, weight, word
from graphflow.control.layouts.place import Box, columns
from graphflow.control.layouts.sheet import Control, Group, Sheet
from graphflow.control.osc.entry import Entry

WIDTH, ROW, HEAD, GAP, LIMIT = 430, 26, 34, 12, 940
TITLE = 88
"""The height of what says whom it talks to."""
LABEL, FADER, NUMBER = 10, 150, 328
"""Where in a group a control's words, its fader and its number begin."""
FADER_WIDTH, RADIO, MOST = 164, 15, 13
"""A fader's length, the side of a choice's button, and how many of them have room."""
FIELD = 36
"""Letters of a text."""
WEIGHT_HEIGHT = 84
BACK, PANEL, INK, FILL = "#d8d8d4", "#f4f4f0", "#202020", "#fcfcfc"
FONT = 12


def pd(sheet: Sheet, host: str = "127.0.0.1", port: int = 7654) -> str:
    """The text of the patch file."""
    return str(canvas(sheet, host, port))


def canvas(sheet: Sheet, host: str = "127.0.0.1", port: int = 7654) -> Canvas:
    """The patch's window; its `visible` rectangles never overlap."""
    sizes = [(WIDTH, TITLE), *((WIDTH, HEAD + sum(map(height, rows(group)))) for group in sheet.groups)]
    places = columns(sizes, left=GAP, top=GAP, limit=LIMIT, gap=GAP)
    size = max(box.x + box.w for box in places) + GAP, max(box.y + box.h for box in places) + GAP
    top = Canvas(Box(60, 60, *size))
    for box in places:
        _panel(top, box)
    _title(top, places[0], sheet.title, host, port)
    for group, box in zip(sheet.groups, places[1:], strict=True):
        top.comment(box.x + LABEL, box.y + 8, group.title)
        top.inside(box.x + WIDTH - 16 - CHARACTER * (len(group.name) + 4), box.y + 6, group_wires(group))
        y = box.y + HEAD
        for control in rows(group):
            _draw(top, control, box.x, y)
            y += height(control)
    return top


def rows(group: Group) -> Sequence[Control]:
    """A group's controls; Pd has no pad, so that one is two faders."""
    return [part for control in group.controls for part in parts(control)]


def parts(control: Control) -> list[Control]:
    if control.look != "pad" or control.other is None:
        return [control]
    across, down = control.label.split()
    return [
        Control("fader", across, control.entry, control.start, driver=control.driver),
        Control("fader", down, control.other, control.other_start),
    ]


def height(control: Control) -> int:
    return WEIGHT_HEIGHT if control.look == "weights" else ROW


def _panel(top: Canvas, box: Box) -> None:
    top.add(
        f"#X obj {box.x} {box.y} cnv 12 {box.w} {box.h} empty empty empty 8 12 0 {FONT} {PANEL} {INK} 0;"
    )  # one canvas object per group: what lies on it is drawn later


def _title(top: Canvas, box: Box, title: str, host: str, port: int) -> None:
    top.comment(box.x + LABEL, box.y + 8, title)
    wires = connection(host, port)
    top.inside(box.x + WIDTH - 16 - CHARACTER * (len(wires.name) + 4), box.y + 6, wires)
    words = f"connect {host} {port}"
    top.add(
        f"#X msg {box.x + LABEL} {box.y + 40} \\; {BUS_NET} {words};",
        Box(box.x + LABEL, box.y + 40, CHARACTER * (len(words) + len(BUS_NET) + 4), 40),
    )
    top.add(_toggle(box.x + NUMBER, box.y + 42, "empty", CONNECTED), Box(box.x + NUMBER, box.y + 42, 18, 18))
    top.comment(box.x + NUMBER + 24, box.y + 42, "connected")


def _draw(top: Canvas, control: Control, x: int, y: int) -> None:
    top.comment(x + LABEL, y + 1, cut(control.title))
    address, at = control.address, x + FADER
    if control.look == "fader":
        log = int(control.entry.warp == "exp")
        top.add(
            f"#X obj {at} {y} hsl {FADER_WIDTH} 18 {atom(control.low)} {atom(control.high)} {log} 0 "
            f"{sent(address)} {address} empty -2 -8 0 {FONT} {FILL} {INK} {INK} 0 1;",
            Box(at, y, FADER_WIDTH, 18),
        )
        _number(top, x + NUMBER, y, typed(address), sent(typed(address)), control)
    elif control.look == "value":
        _number(top, at, y, address, "-", None)
    elif control.look == "switch":
        top.add(_toggle(at, y, sent(address), address), Box(at, y, 18, 18))
    elif control.look == "button":
        top.add(
            f"#X obj {at} {y} bng 18 250 50 0 {sent(address)} {address} empty 17 7 0 {FONT} {FILL} {INK} {INK};",
            Box(at, y, 18, 18),
        )
    elif control.look == "choice":
        _choice(top, control, at, y)
    elif control.look in ("text", "slot"):
        name = word(control)
        top.add(f"#X symbolatom {at} {y} {FIELD} 0 0 0 - {name} {sent(name)} 0;", Box(at, y, FIELD * CHARACTER + 6, 20))
    elif control.look == "weights":
        for number in range(len(control.entry.types)):
            low, high = weight_range(control.entry, number)
            name, left = weight(address, number), at + 28 * number
            top.add(
                f"#X obj {left} {y} vsl 18 64 {atom(low)} {atom(high)} 0 0 {sent(name)} {name} empty 0 -9 0 {FONT} "
                f"{FILL} {INK} {INK} 0 1;",
                Box(left, y, 18, 68),
            )


def weight_range(entry: Entry, number: int) -> tuple[float, float]:
    return entry.ranges[number] or (0.0, 1.0)


def _choice(top: Canvas, control: Control, at: int, y: int) -> None:
    address, count = control.address, len(control.entry.choices)
    if count <= MOST:
        top.add(
            f"#X obj {at} {y} hradio {RADIO} 1 0 {count} {sent(address)} {address} empty 0 -8 0 {FONT} "
            f"{FILL} {INK} {INK} 0;",
            Box(at, y, RADIO * count, RADIO),
        )
    else:
        _number(top, at, y, address, sent(address), None)
    left = at + RADIO * min(count, MOST) + 8
    letters = max(5, FIELD - (left - at) // CHARACTER)
    top.add(f"#X symbolatom {left} {y} {letters} 0 0 0 - {typed(address)} - 0;", Box(left, y, letters * CHARACTER, 20))


def _number(top: Canvas, x: int, y: int, receive: str, send: str, control: Control | None) -> None:
    limits = f"{atom(control.low)} {atom(control.high)}" if control else "0 0"
    top.add(f"#X floatatom {x} {y} 10 {limits} 0 - {receive} {send} 0;", Box(x, y, 10 * CHARACTER + 6, 20))


def _toggle(x: int, y: int, send: str, receive: str) -> str:
    return f"#X obj {x} {y} tgl 18 0 {send} {receive} empty 17 7 0 {FONT} {FILL} {INK} {INK} 0 1;"


def cut(text: str) -> str:
    """What has room before a fader."""
    letters = (FADER - LABEL - 8) // CHARACTER
    return text if len(text) <= letters else f"{text[: letters - 2]}.."

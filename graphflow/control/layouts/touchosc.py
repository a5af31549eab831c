"""A controller as a TouchOSC layout: a page for the stage, then one for each node.

Faders are tall and stand side by side; choices, texts and buttons lie in rows below. A fader of a number with an
exponential warp moves its `/norm` twin, for TouchOSC knows straight ranges only; the number below each fader follows
the value in its own unit.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Sequence

from graphflow.control.layouts.place import Box
from graphflow.control.layouts.sheet import Control, Sheet
from graphflow.control.layouts.touchosc_file import Color, Node, Osc, Partial, packed, text
from graphflow.control.osc.entry import ROOT, Entry
from graphflow.core.declare import Numeric
from graphflow.core.units import show

WIDTH, HEIGHT, TABS = 1024, 704, 44
COLUMNS, MARGIN, GAP = 8, 12, 8
SHORT, TALLEST, SHORTEST = 84, 420, 170
"""The height of a row of buttons; the most and the least of a row of faders."""
LABEL, VALUE = 22, 26
REPLY_PORT = 9000
"""Where the app listens, unless told otherwise: its usual port."""
RENEW_MS = 20_000
WHITE, DARK, CLEAR = Color(1, 1, 1), Color(0.08, 0.08, 0.09), Color(0, 0, 0, 0)
TALL = ("fader", "pad", "weights")


def touchosc(sheet: Sheet, reply_port: int = REPLY_PORT) -> bytes:
    """The bytes of a .tosc file."""
    return packed(text(document(sheet, reply_port)))


def document(sheet: Sheet, reply_port: int = REPLY_PORT) -> Node:
    """The layout: a pager in a root that keeps the values coming."""
    pages = []
    for number, (name, controls) in enumerate(_pages(sheet)):
        pages.append(_page(name, controls, _color(number), reply_port if number == 0 else 0))
    pager = Node(
        "PAGER", "pages", Box(0, 0, WIDTH, HEIGHT), DARK,
        {"tabLabels": True, "tabbar": True, "tabbarDoubleTap": False, "tabbarSize": TABS, "textSizeOff": 14,
         "textSizeOn": 14},
        {"page": 0},
        children=pages,
    )  # fmt: skip
    root = Node("GROUP", sheet.title, Box(0, 0, WIDTH, HEIGHT), DARK, {"script": _greeting(reply_port)})
    root.children.append(pager)
    return root


def _pages(sheet: Sheet) -> list[tuple[str, list[Control]]]:
    """Each page's name and controls; a node with more than a page holds has several."""
    stage = [control for group in sheet.groups if not group.node for control in group.controls]
    whole = [("stage", stage)]
    for group in sheet.groups:
        if group.node:
            name = "stage node" if group.name == "stage" else group.name
            whole.append((name, list(group.controls)))
    pages = []
    for name, controls in whole:
        for number, part in enumerate(_divided(controls, spare=int(controls is stage))):
            pages.append((name if number == 0 else f"{name} {number + 1}", part))
    return pages


def _divided(controls: Sequence[Control], spare: int) -> list[list[Control]]:
    """As many controls on a page as have room; `spare` rows of buttons are left free."""
    parts: list[list[Control]] = [[]]
    for control in controls:
        wanted = [*parts[-1], control]
        tall, short = _rows(c for c in wanted if c.look in TALL), _rows(c for c in wanted if c.look not in TALL)
        needed = len(tall) * (SHORTEST + GAP) + (len(short) + spare) * (SHORT + GAP)
        if parts[-1] and needed > HEIGHT - TABS - 2 * MARGIN:
            parts.append([control])
        else:
            parts[-1].append(control)
    return parts


def _rows(controls: Iterable[Control]) -> list[list[Control]]:
    rows: list[list[Control]] = []
    used = COLUMNS
    for control in controls:
        if used + _span(control) > COLUMNS:
            rows.append([])
            used = 0
        rows[-1].append(control)
        used += _span(control)
    return rows


def _span(control: Control) -> int:
    """How many columns it is wide."""
    if control.look == "choice":
        return min(COLUMNS, max(2, -(-len(control.entry.choices) * 5 // 8)))
    return {"pad": 3, "weights": 4, "text": 4, "slot": 4}.get(control.look, 1)


def _page(name: str, controls: Sequence[Control], color: Color, reply_port: int) -> Node:
    page = Node(
        "GROUP", name, Box(0, TABS, WIDTH, HEIGHT - TABS), DARK,
        {"outline": False, "tabColorOff": Color(0.16, 0.16, 0.18), "tabColorOn": color, "tabLabel": name,
         "textColorOff": WHITE, "textColorOn": WHITE},
    )  # fmt: skip
    tall = _rows(control for control in controls if control.look in TALL)
    short = _rows(control for control in controls if control.look not in TALL)
    spare = int(bool(reply_port))
    room = HEIGHT - TABS - 2 * MARGIN - (len(short) + spare) * (SHORT + GAP)
    height = min(TALLEST, room // max(1, len(tall)) - GAP)
    y = MARGIN
    for row, high in [*((row, height) for row in tall), *((row, SHORT) for row in short)]:
        x = MARGIN
        for control in row:
            width = _span(control) * _column() - GAP
            page.children += _cell(control, Box(x, y, width, high), color)
            x += width + GAP
        y += high + GAP
    if reply_port:
        page.children += _sync(Box(MARGIN, y, _column() - GAP, SHORT), color, reply_port)
    return page


def _column() -> int:
    return (WIDTH - 2 * MARGIN + GAP) // COLUMNS


# --- one control ------------------------------------------------------------------------------------------------------


def _cell(control: Control, box: Box, color: Color) -> list[Node]:
    """Its words above, what is touched, and below a fader what it stands at."""
    name = _name(control)
    above = _label(f"{name}-label", Box(box.x, box.y, box.w, LABEL), control.title)
    inner = Box(box.x, box.y + LABEL, box.w, box.h - LABEL)
    if control.look in ("fader", "weights", "pad"):
        inner = Box(inner.x, inner.y, inner.w, inner.h - VALUE)
    below = Box(box.x, box.y + box.h - VALUE, box.w, VALUE)
    if control.look == "fader":
        message = _number(control.entry, "x")
        fader = _fader(name, inner, color, norm_of(control.entry, control.start), [message])
        return [above, fader, _follows(control, below)]
    if control.look == "pad":
        return [above, _pad(control, inner, color), _follows(control, below)]
    if control.look == "weights":
        return [above, _weights(control, inner, color)]
    if control.look == "value":
        return [above, _follows(control, inner)]
    if control.look in ("switch", "button"):
        return [above, _button(control, inner, color)]
    if control.look == "choice":
        half = box.w // 2
        above = _label(f"{name}-label", Box(box.x, box.y, half, LABEL), control.title)
        word = _follows(control, Box(box.x + half, box.y, box.w - half, LABEL))
        return [above, word, *_choice(control, inner, color)]
    return [above, _text(control, inner)]


def _name(control: Control) -> str:
    """As the editor's tree shows it: the address without its root."""
    slot = f"/{control.slot}" if control.look == "slot" else ""
    return control.address.removeprefix(f"{ROOT}/") + slot


def norm_of(entry: Entry, value: float) -> float:
    """Where a value lies on a fader."""
    low, high = entry.range or (0.0, 1.0)
    return round(min(max(Numeric(low, min=low, max=high, warp=entry.warp).norm(value), 0.0), 1.0), 6)


def _number(entry: Entry, var: str) -> Osc:
    """A number in its own range, or where that is not straight its twin of 0 to 1."""
    low, high = entry.range or (0.0, 1.0)
    path = entry.address
    if entry.warp == "exp":
        path, low, high = f"{path}/norm", 0.0, 1.0
    return Osc(path, (Partial("VALUE", var, "FLOAT", low, high),), ((var, "ANY"),))


def _fader(name: str, box: Box, color: Color, at: float, messages: Sequence[Osc], **more: object) -> Node:
    return Node(
        "FADER", name, box, color,
        {"bar": True, "barDisplay": 0, "cursor": True, "cursorDisplay": 0, "grid": True, "gridSteps": 11,
         "response": 0, "responseFactor": 100, **more},
        {"x": float(at)},
        messages,
    )  # fmt: skip


def _pad(control: Control, box: Box, color: Color) -> Node:
    assert control.other is not None  # a pad has two
    at = norm_of(control.entry, control.start), norm_of(control.other, control.other_start)
    return Node(
        "XY", _name(control), box, color,
        {"cursor": True, "cursorDisplay": 0, "gridStepsX": 11, "gridStepsY": 11, "gridX": True, "gridY": True,
         "lines": True, "linesDisplay": 0, "lockX": False, "lockY": False, "response": 0, "responseFactor": 100},
        {"x": at[0], "y": at[1]},
        [_number(control.entry, "x"), _number(control.other, "y")],
    )  # fmt: skip


def _weights(control: Control, box: Box, color: Color) -> Node:
    """A fader for each, and all sent in one message: only a script can do that."""
    count = len(control.entry.types)
    width = box.w // count
    group = Node("GROUP", _name(control), box, DARK, {"script": _all_weights(control)})
    for number in range(count):
        low, high = control.entry.ranges[number] or (0.0, 1.0)
        heard = tuple(
            Partial("VALUE", "x", "FLOAT", low, high) if place == number else Partial("CONSTANT", "", "FLOAT")
            for place in range(count)
        )
        message = Osc(control.address, heard, send=False)
        at = norm_of(Entry("", "f", "", "number", ranges=((low, high),)), control.start[number])
        place = Box(number * width, 0, width - 2, box.h)
        group.children.append(_fader(f"w{number}", place, color, at, [message], script=TOUCHED))
    return group


TOUCHED = """function onValueChanged(key)
  if key == 'x' and self.values.touch then
    self.parent:notify('moved', 0)
  end
end"""
"""Only a hand counts: what came from outside is not sent back."""


def _all_weights(control: Control) -> str:
    return f"""function onReceiveNotify(key, value)
  local arguments = {{}}
  for i = 1, {len(control.entry.types)} do
    local x = self.children['w' .. (i - 1)].values.x
    arguments[i] = {{ tag = 'f', value = {control.low:g} + x * {control.high - control.low:g} }}
  end
  sendOSC({{ '{control.address}', arguments }})
end"""


def _greeting(reply_port: int) -> str:
    """Say hello once, then now and then that somebody is still here."""
    return f"""local said = -1
function update()
  local now = getMillis()
  if said < 0 then
    sendOSC({{ '{ROOT}/sys/hello', {{ {{ tag = 'i', value = {reply_port} }} }} }})
    said = now
  elseif now - said > {RENEW_MS} then
    sendOSC({{ '{ROOT}/sys/ping', {{}} }})
    said = now
  end
end"""


def _button(control: Control, box: Box, color: Color) -> Node:
    switch = control.look == "switch"
    if switch:
        message = Osc(control.address, (Partial("VALUE", "x", "INTEGER"),), (("x", "ANY"),))
    else:
        message = Osc(control.address, (), (("x", "RISE"),), receive=False)
    return Node(
        "BUTTON", _name(control), box, color,
        {"buttonType": 2 if switch else 0, "press": True, "release": True, "valuePosition": False},
        {"x": float(control.start or 0)},
        [message],
    )  # fmt: skip


def _sync(box: Box, color: Color, reply_port: int) -> list[Node]:
    """Asks for all values again, after the app or graphflow was started anew."""
    hello = Osc(
        f"{ROOT}/sys/hello", (Partial("CONSTANT", str(reply_port), "INTEGER"),), (("x", "RISE"),), receive=False
    )
    button = Node(
        "BUTTON", "sync", Box(box.x, box.y + LABEL, box.w, box.h - LABEL), color,
        {"buttonType": 0, "press": True, "release": True, "valuePosition": False}, {"x": 0.0}, [hello],
    )  # fmt: skip
    return [_label("sync-label", Box(box.x, box.y, box.w, LABEL), "sync"), button]


def _choice(control: Control, box: Box, color: Color) -> list[Node]:
    """Buttons in a row with their words below.

    A word that comes cannot move the row, since TouchOSC takes numbers there: it only sends, and what counts is told
    beside the label.
    """
    count = len(control.entry.choices)
    chosen = control.entry.choices.index(control.start)
    step, words = box.w // count, 20
    radio = Node(
        "RADIO", _name(control), Box(box.x, box.y, step * count, box.h - words), color,
        {"orientation": 1, "radioType": 0, "steps": count}, {"x": chosen},
        [Osc(control.address, (Partial("VALUE", "x", "INTEGER"),), (("x", "ANY"),), receive=False)],
    )  # fmt: skip
    labels = [
        _label(
            f"{_name(control)}-{choice}",
            Box(box.x + step * number, box.y + box.h - words, step, words),
            choice,
            size=min(14, max(8, step * 2 // max(1, len(choice)))),
            align=2,
        )
        for number, choice in enumerate(control.entry.choices)
    ]
    return [radio, *labels]


def _text(control: Control, box: Box) -> Node:
    """A field to write in."""
    words = Partial("VALUE", "text", "STRING")
    if control.look == "slot":
        slot = Partial("CONSTANT", str(control.slot), "INTEGER")
        message = Osc(control.address, (slot, words), (("text", "ANY"),), receive=False)
    else:
        message = Osc(control.address, (words,), (("text", "ANY"),))
    return Node(
        "TEXT", _name(control), box, Color(0.2, 0.2, 0.22), {"textAlignH": 1, "textColor": WHITE, "textSize": 16},
        {"text": str(control.start)}, [message],
    )  # fmt: skip


def _follows(control: Control, box: Box) -> Node:
    """A number or a word to read: what came last, in its own unit."""
    message = Osc(control.address, (Partial("VALUE", "text", "STRING"),), send=False)
    start = "" if control.start is None else control.start
    words = show(round(start, 4)) if isinstance(start, float) else str(start)
    if control.look == "choice":
        return _label(f"{_name(control)}-value", box, words, size=16, align=3, messages=[message])
    # a float comes with all its digits
    return _label(f"{_name(control)}-value", box, words, size=16, align=2, length=8, messages=[message])


def _label(
    name: str, box: Box, words: str, *, size: int = 14, align: int = 1, length: int = 0, messages: Sequence[Osc] = ()
) -> Node:
    return Node(
        "LABEL", name, box, CLEAR,
        {"background": False, "font": 0, "outline": False, "textAlignH": align, "textAlignV": 2, "textClip": True,
         "textColor": WHITE, "textLength": length, "textSize": size},
        {"text": words},
        messages,
    )  # fmt: skip


def _color(number: int) -> Color:
    """A colour for each page; neighbours differ."""
    return Color(*(round(part, 3) for part in colorsys.hsv_to_rgb((0.56 + 0.381966 * number) % 1.0, 0.65, 0.85)))

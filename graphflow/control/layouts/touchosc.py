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
from graphflow.control.layouts.touchosc_cells import DARK, LABEL, WHITE, cell, label
from graphflow.control.layouts.touchosc_file import Color, Node, Osc, Partial, packed, text
from graphflow.control.osc.entry import ROOT

WIDTH, HEIGHT, TABS = 1024, 704, 44
COLUMNS, MARGIN, GAP = 8, 12, 8
SHORT, TALLEST, SHORTEST = 84, 420, 170
"""The height of a row of buttons; the most and the least of a row of faders."""
REPLY_PORT = 9000
"""Where the app listens, unless told otherwise: its usual port."""
RENEW_MS = 20_000
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
            page.children += cell(control, Box(x, y, width, high), color)
            x += width + GAP
        y += high + GAP
    if reply_port:
        page.children += _sync(Box(MARGIN, y, _column() - GAP, SHORT), color, reply_port)
    return page


def _column() -> int:
    return (WIDTH - 2 * MARGIN + GAP) // COLUMNS


def _color(number: int) -> Color:
    """A colour for each page; neighbours differ."""
    return Color(*(round(part, 3) for part in colorsys.hsv_to_rgb((0.56 + 0.381966 * number) % 1.0, 0.65, 0.85)))


# --- keeping in touch -------------------------------------------------------------------------------------------------


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


def _sync(box: Box, color: Color, reply_port: int) -> list[Node]:
    """Asks for all values again, after the app or graphflow was started anew."""
    hello = Osc(
        f"{ROOT}/sys/hello", (Partial("CONSTANT", str(reply_port), "INTEGER"),), (("x", "RISE"),), receive=False
    )
    button = Node(
        "BUTTON", "sync", Box(box.x, box.y + LABEL, box.w, box.h - LABEL), color,
        {"buttonType": 0, "press": True, "release": True, "valuePosition": False}, {"x": 0.0}, [hello],
    )  # fmt: skip
    return [label("sync-label", Box(box.x, box.y, box.w, LABEL), "sync"), button]

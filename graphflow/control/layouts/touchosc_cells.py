"""One control of a sheet as TouchOSC's own: words above, what is touched, and below it what it stands at."""

from __future__ import annotations

from collections.abc import Sequence

from graphflow.control.layouts.place import Box
from graphflow.control.layouts.sheet import Control
from graphflow.control.layouts.touchosc_file import Color, Node, Osc, Partial
from graphflow.control.osc.entry import ROOT, Entry
from graphflow.core.declare import Numeric
from graphflow.core.units import show

LABEL, VALUE = 22, 26
"""The height of the words above a control, and of the number below it."""
WHITE, DARK, CLEAR = Color(1, 1, 1), Color(0.08, 0.08, 0.09), Color(0, 0, 0, 0)


def cell(control: Control, box: Box, color: Color) -> list[Node]:
    """Its words above, what is touched, and below a fader what it stands at."""
    name = _name(control)
    above = label(f"{name}-label", Box(box.x, box.y, box.w, LABEL), control.title)
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
        above = label(f"{name}-label", Box(box.x, box.y, half, LABEL), control.title)
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
        label(
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
        return label(f"{_name(control)}-value", box, words, size=16, align=3, messages=[message])
    # a float comes with all its digits
    return label(f"{_name(control)}-value", box, words, size=16, align=2, length=8, messages=[message])


def label(
    name: str, box: Box, words: str, *, size: int = 14, align: int = 1, length: int = 0, messages: Sequence[Osc] = ()
) -> Node:
    return Node(
        "LABEL", name, box, CLEAR,
        {"background": False, "font": 0, "outline": False, "textAlignH": align, "textAlignV": 2, "textClip": True,
         "textColor": WHITE, "textLength": length, "textSize": size},
        {"text": words},
        messages,
    )  # fmt: skip

"""A controller as a Max patcher (8 or newer, no packages). It opens in presentation; the wires are in patching view.

A slider goes from 0 to 1 and an `expr` gives it the param's range and warp; the number beside it is in the param's
unit and can be typed. What comes back is `set`, so that nothing is sent round in a circle.
"""

from __future__ import annotations

from typing import Any

from graphflow.control.layouts.max_file import Patcher, number, quoted
from graphflow.control.layouts.place import Box, columns
from graphflow.control.layouts.sheet import Control, Group, Sheet
from graphflow.control.osc.entry import ROOT, Entry

WIDTH, ROW, HEAD, GAP, LIMIT, TITLE = 430, 28, 34, 12, 940, 70
LABEL, CONTROL, NUMBER = 12, 140, 338
SLIDER_WIDTH, NUMBER_WIDTH, TEXT_WIDTH = 188, 78, 276
LINE = 130
"""How much height a control's wires have in the patching view."""
WEIGHT_HEIGHT, PAD = 84, 164
SEND, RECEIVE = "graphflow_send", "graphflow_receive"
REPLY_PORT = 7656
"""Where the patch listens; graphflow's own ports are 7654 and 7655."""
RENEW_MS = 20_000
PANEL, INK = [0.93, 0.93, 0.91, 1.0], [0.1, 0.1, 0.1, 1.0]


def maxpat(sheet: Sheet, host: str = "127.0.0.1", port: int = 7654, reply_port: int = REPLY_PORT) -> str:
    """The text of the .maxpat file."""
    return str(patcher(sheet, host, port, reply_port))


def patcher(sheet: Sheet, host: str = "127.0.0.1", port: int = 7654, reply_port: int = REPLY_PORT) -> Patcher:
    """The window; its `visible` rectangles never overlap."""
    sizes = [(WIDTH, TITLE), *((WIDTH, HEAD + sum(map(height, group.controls)) + 4) for group in sheet.groups)]
    places = columns(sizes, left=GAP, top=GAP, limit=LIMIT, gap=GAP)
    size = max(box.x + box.w for box in places) + GAP, max(box.y + box.h for box in places) + GAP
    patch = Patcher(*size)
    for box in places:  # before what lies on them; a later box is drawn above
        patch.add("panel", 2000, 20, seen=box, bgcolor=PANEL, rounded=6, background=1, ignoreclick=1)
    _connection(patch, places[0], sheet.title, host, port, reply_port)
    for column, (group, box) in enumerate(zip(sheet.groups, places[1:], strict=True)):
        _group(patch, group, box, 40 + 760 * column)
    return patch


def height(control: Control) -> int:
    return {"weights": WEIGHT_HEIGHT, "pad": PAD + 8}.get(control.look, ROW)


def _connection(patch: Patcher, box: Box, title: str, host: str, port: int, reply_port: int) -> None:
    _words(patch, Box(box.x + LABEL, box.y + 8, box.w - 2 * LABEL, 24), title, fontsize=16.0)
    _words(
        patch,
        Box(box.x + LABEL, box.y + 38, box.w - 2 * LABEL, 20),
        f"sends to {host} {port}, listens on {reply_port}",
    )
    bus = patch.object(40, 60, f"r {SEND}")
    patch.wire(bus, patch.object(40, 90, f"udpsend {host} {port}"))
    heard = patch.object(240, 60, f"udpreceive {reply_port}")
    patch.wire(heard, patch.object(240, 90, f"s {RECEIVE}"))
    start = patch.object(440, 60, "loadbang")
    hello = patch.wire(start, patch.add("message", 440, 90, text=f"{ROOT}/sys/hello {reply_port}"))
    again = patch.wire(start, patch.object(640, 60, f"metro {RENEW_MS}"))
    again = patch.wire(again, patch.add("message", 640, 90, text=f"{ROOT}/sys/ping"))
    out = patch.object(440, 120, f"s {SEND}")
    patch.wire(hello, out)
    patch.wire(again, out)


def _words(patch: Patcher, seen: Box, words: str, **more: Any) -> None:
    patch.add("comment", 2000, 60, text=words, seen=seen, textcolor=INK, **more)


def _group(patch: Patcher, group: Group, box: Box, x: int) -> None:
    _words(patch, Box(box.x + LABEL, box.y + 8, box.w - 2 * LABEL, 22), group.title, fontface=1)
    y, line = box.y + HEAD, 200
    for control in group.controls:
        if control.look not in ("pad", "weights"):
            _words(patch, Box(box.x + LABEL, y + 2, CONTROL - LABEL - 6, 20), cut(control.title))
        line = _control(patch, control, box.x, y, x, line)
        y += height(control)


def _control(patch: Patcher, control: Control, left: int, y: int, x: int, line: int) -> int:
    """One control: what is seen at `left`, `y`, and its wires at `x`, `line`; returns where the next may begin."""
    at = left + CONTROL
    if control.look == "fader":
        slider = patch.add("slider", x, line, seen=Box(at, y + 2, SLIDER_WIDTH, 20), **_slider())
        shown = patch.add("flonum", x, line + 60, seen=Box(left + NUMBER, y + 1, NUMBER_WIDTH, 22), **_limits(control))
        _fader(patch, control.entry, control.start, slider, shown, x, line)
    elif control.look == "value":
        shown = patch.add("number", x, line + 60, seen=Box(at, y + 1, NUMBER_WIDTH, 22), ignoreclick=1)
        _heard(patch, control.address, shown, x + 300, line)
    elif control.look == "switch":
        toggle = patch.add("toggle", x, line, seen=Box(at, y + 1, 22, 22), w=24.0, h=24.0)
        _sent(patch, control.address, toggle, x, line + 60)
        _heard(patch, control.address, toggle, x + 300, line)
        _started(patch, control.start, toggle, x + 560, line)
    elif control.look == "button":
        button = patch.add("button", x, line, seen=Box(at, y + 1, 22, 22), w=24.0, h=24.0)
        pressed = patch.wire(button, patch.add("message", x, line + 60, text=control.address))
        patch.wire(pressed, patch.object(x, line + 90, f"s {SEND}"))
    elif control.look == "choice":
        _choice(patch, control, Box(at, y + 1, TEXT_WIDTH, 22), x, line)
    elif control.look == "weights":
        return _weights(patch, control, left, y, x, line)
    elif control.look == "pad":
        return _pad(patch, control, left, y, x, line)
    else:
        _text(patch, control, Box(at, y + 1, TEXT_WIDTH, 22), x, line)
    return line + LINE + 30


# --- numbers ----------------------------------------------------------------------------------------------------------


def _slider() -> dict[str, Any]:
    return {"floatoutput": 1, "size": 1.0, "orientation": 1, "w": 140.0, "parameter_enable": 0}


def _limits(control: Control) -> dict[str, Any]:
    return {"minimum": control.low, "maximum": control.high, "format": 6, "parameter_enable": 0}


def from_norm(entry: Entry) -> str:
    """The `expr` that gives a slider's 0 to 1 the range and warp of a number."""
    low, high = entry.range or (0.0, 1.0)
    if entry.warp == "exp":
        return f"expr {number(low)} * pow({number(high / low)}\\, $f1)"
    return f"expr {number(low)} + {number(high - low)} * $f1"


def to_norm(entry: Entry) -> str:
    """The `expr` that undoes `from_norm`."""
    low, high = entry.range or (0.0, 1.0)
    if entry.warp == "exp":
        return f"expr log($f1 / {number(low)}) / log({number(high / low)})"
    return f"expr ($f1 - {number(low)}) / {number(high - low)}"


def _fader(patch: Patcher, entry: Entry, start: object, slider: str, shown: str, x: int, line: int) -> None:
    """Slider to number to OSC; and from OSC to both, without a way back."""
    patch.wire(patch.wire(slider, patch.object(x, line + 30, from_norm(entry))), shown)
    _sent(patch, entry.address, shown, x, line + 90)
    into_slider = patch.object(x + 420, line + 90, "prepend set")
    patch.wire(patch.wire(shown, patch.object(x + 420, line + 60, to_norm(entry))), into_slider)
    patch.wire(into_slider, slider)
    came = _heard(patch, entry.address, shown, x + 200, line)
    back = patch.wire(came, patch.object(x + 420, line + 30, to_norm(entry)))
    patch.wire(back, into_slider)
    _started(patch, start, shown, x + 640, line)
    first = patch.object(x + 640, line + 60, "loadbang")
    at = patch.wire(first, patch.add("message", x + 640, line + 90, text=number(float(str(start)))))
    patch.wire(at, back)


def _sent(patch: Patcher, address: str, source: str, x: int, y: int) -> None:
    before = patch.wire(source, patch.object(x, y, f"prepend {address}"))
    patch.wire(before, patch.object(x, y + 30, f"s {SEND}"))


def _heard(patch: Patcher, address: str, dest: str, x: int, y: int) -> str:
    """Show what comes at an address; returns the object it comes out of."""
    came = patch.wire(patch.object(x, y, f"r {RECEIVE}"), patch.object(x, y + 30, f"route {address}", outs=2))
    patch.wire(patch.wire(came, patch.object(x, y + 60, "prepend set")), dest)
    return came


def _started(patch: Patcher, start: object, dest: str, x: int, y: int) -> None:
    """Show what the patch says, until something comes."""
    if start is None or start == "":
        return
    told = patch.wire(patch.object(x, y, "loadbang"), patch.add("message", x, y + 30, text=f"set {quoted(start)}"))
    patch.wire(told, dest)


# --- words, weights, pads ---------------------------------------------------------------------------------------------


def _choice(patch: Patcher, control: Control, seen: Box, x: int, line: int) -> None:
    """A menu; its second outlet says the word, and a word that comes is found by `setsymbol`."""
    items: list[str] = []
    for choice in control.entry.choices:
        items += [choice, ","]
    menu = patch.add("umenu", x, line, seen=seen, items=items[:-1], w=140.0, parameter_enable=0)
    before = patch.wire(menu, patch.object(x, line + 60, f"prepend {control.address}"), outlet=1)
    patch.wire(before, patch.object(x, line + 90, f"s {SEND}"))
    came = patch.wire(
        patch.object(x + 300, line, f"r {RECEIVE}"),
        patch.object(x + 300, line + 30, f"route {control.address}", outs=2),
    )
    into = patch.wire(came, patch.object(x + 300, line + 60, "prepend setsymbol"))
    patch.wire(into, menu)
    told = patch.wire(
        patch.object(x + 560, line, "loadbang"),
        patch.add("message", x + 560, line + 30, text=f"setsymbol {quoted(control.start)}"),
    )
    patch.wire(told, menu)


def _text(patch: Patcher, control: Control, seen: Box, x: int, line: int) -> None:
    """A field; Enter sends it as one text, whatever is in it."""
    field = patch.add(
        "textedit", x, line, seen=seen, text=str(control.start or ""), w=200.0, keymode=1, lines=1, outputmode=0,
        parameter_enable=0,
    )  # fmt: skip
    words = patch.wire(field, patch.object(x, line + 30, "route text", outs=2))
    words = patch.wire(words, patch.object(x, line + 60, "tosymbol"))
    slot = f" {control.slot}" if control.look == "slot" else ""
    before = patch.wire(words, patch.object(x, line + 90, f"prepend {control.address}{slot}"))
    patch.wire(before, patch.object(x, line + 120, f"s {SEND}"))
    if not slot:
        _heard(patch, control.address, field, x + 300, line)


def _weights(patch: Patcher, control: Control, left: int, y: int, x: int, line: int) -> int:
    """All weights under one hand, and in one message."""
    count = len(control.entry.types)
    _words(patch, Box(left + LABEL, y + 2, CONTROL - LABEL - 6, 20), control.title)
    sliders = patch.add(
        "multislider", x, line, seen=Box(left + CONTROL, y + 2, TEXT_WIDTH, WEIGHT_HEIGHT - 10), size=count,
        setminmax=[control.low, control.high], setstyle=1, settype=1, w=200.0, h=60.0, parameter_enable=0,
    )  # fmt: skip
    _sent(patch, control.address, sliders, x, line + 80)
    _heard(patch, control.address, sliders, x + 300, line)
    _started_list(patch, control.start, sliders, x + 560, line)
    return line + LINE + 60


def _started_list(patch: Patcher, start: tuple[float, ...], dest: str, x: int, y: int) -> None:
    words = " ".join(number(weight) for weight in start)
    told = patch.wire(patch.object(x, y, "loadbang"), patch.add("message", x, y + 30, text=f"set {words}"))
    patch.wire(told, dest)


def _pad(patch: Patcher, control: Control, left: int, y: int, x: int, line: int) -> int:
    """Two numbers under one finger."""
    assert control.other is not None  # a pad has two
    _words(patch, Box(left + LABEL, y + 2, CONTROL - LABEL - 6, 20), control.title)
    pad = patch.add(
        "pictslider", x, line, seen=Box(left + CONTROL, y + 2, PAD, PAD), w=100.0, h=100.0, bottomvalue=0,
        topvalue=1000, leftvalue=0, rightvalue=1000, parameter_enable=0,
    )  # fmt: skip
    starts = (control.start, control.other_start)
    for axis, (entry, start) in enumerate(zip((control.entry, control.other), starts, strict=True)):
        at, down = x + 380 * axis, line + 110
        whole = patch.wire(pad, patch.object(at, down, "* 0.001"), outlet=axis)
        value = patch.wire(whole, patch.object(at, down + 30, from_norm(entry)))
        _sent(patch, entry.address, value, at, down + 60)
        came = patch.wire(
            patch.object(at + 180, down, f"r {RECEIVE}"),
            patch.object(at + 180, down + 30, f"route {entry.address}", outs=2),
        )
        back = patch.wire(came, patch.object(at + 180, down + 60, to_norm(entry)))
        back = patch.wire(back, patch.object(at + 180, down + 90, "* 1000."))
        patch.wire(patch.wire(back, patch.object(at + 180, down + 120, "prepend set")), pad, inlet=axis)
        first = patch.wire(
            patch.object(at + 280, down, "loadbang"), patch.add("message", at + 280, down + 30, text=number(start))
        )
        patch.wire(first, back)
    return line + 2 * LINE + 60


def cut(text: str) -> str:
    letters = int((CONTROL - LABEL - 6) / 6.8)
    return text if len(text) <= letters else f"{text[: letters - 2]}.."

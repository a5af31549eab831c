"""The TouchOSC layout, against what is known of the file format; the app itself is not at hand here."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "session"))
sys.path.insert(0, str(Path(__file__).parents[1] / "osc"))
from desk import PATCH as DESK
from kinds import opened as opened_session
from panels import PATCHES, drawn, small, tree_of

from graphflow.control.layouts.place import Box, overlaps
from graphflow.control.layouts.sheet import sheet
from graphflow.control.layouts.touchosc import document, touchosc
from graphflow.control.osc import OscServer
from graphflow.control.osc.packet import written

KNOWN = {"BUTTON", "FADER", "GROUP", "LABEL", "PAGER", "RADIO", "TEXT", "XY"}
TYPES = {"b", "c", "f", "i", "r", "s"}
PARTIAL = {"CONSTANT", "INDEX", "VALUE", "PROPERTY"}


def root_of(data: bytes) -> ET.Element:
    assert data[:2] == b"\x78\x9c"  # as the app's own files begin
    document = ET.fromstring(zlib.decompress(data))
    assert (document.tag, document.get("version")) == ("lexml", "3")
    (root,) = document
    return root


def value(node: ET.Element, key: str) -> str:
    """A property, or a value's default."""
    for found in node.iterfind("properties/property"):
        if found.findtext("key") == key:
            inner = found.find("value")
            assert inner is not None
            return inner.text or " ".join(f"{part.tag}{part.text}" for part in inner)
    for found in node.iterfind("values/value"):
        if found.findtext("key") == key:
            return found.findtext("default", "")
    raise AssertionError(f"{node.get('type')} has no {key}")


def messages(node: ET.Element) -> Iterator[str]:
    """Each OSC message in a line: which way, path, arguments, triggers."""
    for osc in node.iterfind("messages/osc"):
        path = "".join(partial.findtext("value", "") for partial in osc.iterfind("path/partial"))
        ways = f"{'>' * (osc.findtext('send') == '1')}{'<' * (osc.findtext('receive') == '1')}"
        arguments = [
            f"{p.findtext('type')}:{p.findtext('value')}:{p.findtext('conversion')}:{p.findtext('scaleMin')}:{p.findtext('scaleMax')}"
            for p in osc.iterfind("arguments/partial")
        ]
        triggers = [f"{t.findtext('var')}-{t.findtext('condition')}" for t in osc.iterfind("triggers/trigger")]
        yield " ".join([ways, path, *arguments, *triggers])


def page(root: ET.Element, name: str) -> dict[str, ET.Element]:
    """A page's controls by name."""
    for found in root.iterfind("children/node/children/node"):
        if value(found, "name") == name:
            return {value(child, "name"): child for child in found.iterfind("children/node")}
    raise AssertionError(f"no page {name}")


@pytest.mark.parametrize("name", PATCHES)
def test_every_patch_keeps_to_the_format(name: str):
    data = touchosc(drawn(name))
    assert data == touchosc(drawn(name))
    tree = tree_of(name)
    numbers = set()
    for node in root_of(data).iter("node"):
        assert node.get("type") in KNOWN
        numbers.add(node.get("ID"))
        assert {p.get("type") for p in node.iterfind("properties/property")} <= TYPES
        keys = [p.findtext("key") for p in node.iterfind("properties/property")]
        assert keys == sorted(set(keys), key=str) and {"name", "frame", "color", "visible"} <= set(keys)
        assert any(v.findtext("key") == "touch" for v in node.iterfind("values/value"))
        for partial in node.iter("partial"):
            assert partial.findtext("type") in PARTIAL
        for message in messages(node):
            assert message.split()[1] in tree, message
    assert len(numbers) == len(list(root_of(data).iter("node")))  # each has a number of its own


@pytest.mark.parametrize("name", PATCHES)
def test_nothing_lies_on_anything_else_or_outside(name: str):
    (pager,) = document(drawn(name)).children
    for made in pager.children:
        boxes = [child.box for child in made.children]
        assert overlaps(boxes) == [], made.name
        assert all(Box(0, 0, made.box.w, made.box.h).holds(box) for box in boxes), made.name


def test_a_straight_number_moves_in_its_own_range(tmp_path: Path):
    hall = page(root_of(touchosc(drawn(small(tmp_path)))), "hall")
    assert list(messages(hall["node/hall/size"])) == [
        "><  /gf/node/hall/size".replace("  ", " ") + " VALUE:x:FLOAT:0:1 x-ANY"
    ]
    out = page(root_of(touchosc(drawn(small(tmp_path)))), "out")["node/out/level"]
    assert list(messages(out)) == [">< /gf/node/out/level VALUE:x:FLOAT:-60:12 x-ANY"]
    assert value(out, "x") == "0.833333"  # 0 dB between -60 and 12


def test_a_bent_number_moves_its_twin_and_its_label_follows_its_own_unit(tmp_path: Path):
    sway = page(root_of(touchosc(drawn(small(tmp_path)))), "sway")
    assert list(messages(sway["node/sway/rate"])) == [">< /gf/node/sway/rate/norm VALUE:x:FLOAT:0:1 x-ANY"]
    assert list(messages(sway["node/sway/rate-value"])) == ["< /gf/node/sway/rate VALUE:text:STRING:0:1"]
    assert (value(sway["node/sway/rate"], "x"), value(sway["node/sway/rate-value"], "text")) == ("0.6", "1")


def test_choices_switches_texts_and_buttons(tmp_path: Path):
    root = root_of(touchosc(drawn(small(tmp_path))))
    band, prompts, stage = page(root, "band"), page(root, "band-prompts"), page(root, "stage")
    assert list(messages(band["node/band/mode"])) == ["> /gf/node/band/mode VALUE:x:INTEGER:0:1 x-ANY"]
    assert (band["node/band/mode"].get("type"), value(band["node/band/mode"], "steps")) == ("RADIO", "8")
    assert list(messages(band["node/band/mode-value"])) == ["< /gf/node/band/mode VALUE:text:STRING:0:1"]
    assert list(messages(band["node/band/drums"])) == [">< /gf/node/band/drums VALUE:x:INTEGER:0:1 x-ANY"]
    assert list(messages(prompts["node/band/prompt/3"])) == [
        "> /gf/node/band/prompt CONSTANT:3:INTEGER:0:1 VALUE:text:STRING:0:1 text-ANY"
    ]
    assert list(messages(stage["scene/far_away"])) == ["> /gf/scene/far_away x-RISE"]
    assert list(messages(stage["panic"])) == ["> /gf/panic x-RISE"]
    assert list(messages(stage["sync"])) == ["> /gf/sys/hello CONSTANT:9000:INTEGER:0:1 x-RISE"]


def test_weights_are_sent_together_by_a_script_and_each_hears_its_own(tmp_path: Path):
    group = page(root_of(touchosc(drawn(small(tmp_path)))), "band-prompts")["node/band/weights"]
    assert "sendOSC({ '/gf/node/band/weights', arguments })" in value(group, "script")
    third = group.findall("children/node")[2]
    (message,) = messages(third)
    assert message.split()[2:5] == ["CONSTANT::FLOAT:0:1", "CONSTANT::FLOAT:0:1", "VALUE:x:FLOAT:0:2"]
    assert "self.values.touch" in value(third, "script")  # what came from outside is not sent back


def test_the_reply_port_is_told(tmp_path: Path):
    root = root_of(touchosc(drawn(small(tmp_path)), 9123))
    assert "{ tag = 'i', value = 9123 }" in value(root, "script")


def test_macros_alone_are_one_page(tmp_path: Path):
    (pager,) = document(drawn(small(tmp_path), "macros")).children
    assert [made.name for made in pager.children] == ["stage"]
    assert {"macro/distance", "scene/far_away", "panic", "hush"} <= {child.name for child in pager.children[0].children}


def test_a_node_called_stage_has_a_page_of_its_own(tmp_path: Path):
    file = tmp_path / "named.toml"
    file.write_text(
        'format = 1\nwires = ["stage -> out"]\nnodes = {stage = {kind = "sine"}, out = {kind = "output"}}\n'
    )
    (pager,) = document(drawn(str(file))).children
    assert [made.name for made in pager.children] == ["stage", "stage node", "out"]


class App:
    """What TouchOSC does with a layout: sends a control's messages when it is touched, and shows what comes.

    Written after the app's manual, in place of the app.
    """

    def __init__(self, data: bytes) -> None:
        self.nodes = [node for node in root_of(data).iter("node") if node.get("type") != "GROUP"]

    def sent(self, x: float, text: str) -> Iterator[tuple[str, list[Any]]]:
        """Every message there is, with all faders at `x` and `text` in all fields."""
        for node in self.nodes:
            for osc in node.iterfind("messages/osc"):
                if osc.findtext("send") == "1":
                    at = round(x) if node.get("type") in ("BUTTON", "RADIO") else x
                    yield path_of(osc), [argument(partial, at, text) for partial in osc.iterfind("arguments/partial")]

    def shown(self, address: str, value: Any) -> list[str]:
        """Where controls stand when a value has come."""
        found = []
        for node in self.nodes:
            for osc in node.iterfind("messages/osc"):
                if osc.findtext("receive") == "1" and path_of(osc) == address:
                    (partial,) = osc.iterfind("arguments/partial")
                    low, high = (float(partial.findtext(end, "0")) for end in ("scaleMin", "scaleMax"))
                    text = partial.findtext("conversion") == "STRING"
                    found.append(str(value) if text else f"{(value - low) / (high - low):.3f}")
        return found


def path_of(osc: ET.Element) -> str:
    return "".join(partial.findtext("value", "") for partial in osc.iterfind("path/partial"))


def argument(partial: ET.Element, x: float, text: str) -> Any:
    low, high = (float(partial.findtext(end, "0")) for end in ("scaleMin", "scaleMax"))
    held = partial.findtext("value", "")
    if partial.findtext("conversion") == "STRING":
        return text
    number = float(held) if partial.findtext("type") == "CONSTANT" else low + x * (high - low)
    return int(number) if partial.findtext("conversion") == "INTEGER" else number


def test_the_server_takes_all_that_a_layout_sends(tmp_path: Path):
    """Types, counts and ranges of every message, by the real server and a session."""
    session = opened_session(DESK, [], tmp_path)
    server = OscServer(session, port=0)
    session.loop.run_until_complete(server.start())
    app = App(touchosc(sheet(session.graph, session.patch)))
    try:
        messages = list(app.sent(0.75, "choir"))
        assert {"/gf/node/a/value", "/gf/node/w/text", "/gf/node/m/mode", "/gf/macro/warmth", "/gf/scene/night"} <= {
            address for address, _ in messages
        }
        for address, values in messages:
            server.receive(written(address, values), server.udp_peer("127.0.0.1", 9))
        assert (server.statistics().refused, server.statistics().malformed) == (0, 0)
        assert (session.get("w", "text"), session.get("m", "mode")) == ("choir", "low")
        server.receive(written("/gf/node/a/value", [0.5]), server.udp_peer("127.0.0.1", 9))
        assert app.shown("/gf/node/a/value", session.get("a", "value")) == ["0.750", "0.5"]
    finally:
        server.close()
        session.close()

"""The Max patcher, against what is known of the file format; Max itself is not at hand here."""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from panels import PATCHES, drawn, small, tree_of

from graphflow.control.layouts.max_file import number, quoted
from graphflow.control.layouts.maxpat import from_norm, maxpat, patcher, to_norm
from graphflow.control.layouts.place import overlaps
from graphflow.control.osc.entry import Entry

ADDRESS = re.compile(r"/gf(?:/[a-z0-9_]+)+")


class Read:
    """A patcher's boxes by name, and chains of wires as text."""

    def __init__(self, text: str) -> None:
        whole = json.loads(text)["patcher"]
        self.head = {key: value for key, value in whole.items() if key not in ("boxes", "lines")}
        self.boxes: dict[str, dict[str, Any]] = {box["box"]["id"]: box["box"] for box in whole["boxes"]}
        self.lines = [line["patchline"] for line in whole["lines"]]

    def words(self, name: str) -> str:
        box = self.boxes[name]
        return str(box["text"]) if box["maxclass"] in ("newobj", "message") else str(box["maxclass"])

    def find(self, words: str) -> str:
        return next(name for name in self.boxes if self.words(name) == words)

    def after(self, name: str, outlet: int | None = None) -> list[str]:
        return [
            self.words(line["destination"][0])
            for line in self.lines
            if line["source"][0] == name and outlet in (None, line["source"][1])
        ]

    def before(self, name: str) -> list[str]:
        return [self.words(line["source"][0]) for line in self.lines if line["destination"][0] == name]


@pytest.mark.parametrize("name", PATCHES)
def test_every_patch_keeps_to_the_format(name: str):
    text = maxpat(drawn(name))
    assert text == maxpat(drawn(name))
    made = Read(text)
    assert made.head["openinpresentation"] == 1 and made.head["classnamespace"] == "box"
    for line in made.lines:
        for end, count in (("source", "numoutlets"), ("destination", "numinlets")):
            box, port = line[end]
            assert 0 <= port < made.boxes[box][count], (line, made.boxes[box])
    tree = tree_of(name)
    used = {found for box in made.boxes.values() for found in ADDRESS.findall(str(box.get("text", "")))}
    assert used and used <= set(tree)


@pytest.mark.parametrize("name", PATCHES)
def test_nothing_that_is_seen_lies_on_anything_else(name: str):
    assert overlaps(patcher(drawn(name)).visible) == []


def test_a_fader_is_wired_both_ways_and_never_in_a_circle(tmp_path: Path):
    made = Read(maxpat(drawn(small(tmp_path))))
    sent = made.find("prepend /gf/node/hall/size")
    assert made.after(sent) == ["s graphflow_send"]
    assert made.before(sent) == ["flonum"]
    heard = made.find("route /gf/node/hall/size")
    assert made.before(heard) == ["r graphflow_receive"]
    assert made.after(heard) == ["prepend set", "expr ($f1 - 0.) / 1."]
    for name, box in made.boxes.items():
        if box["maxclass"] in ("slider", "toggle", "umenu", "textedit", "multislider"):
            from_outside = [words for words in made.before(name) if words != "prepend set"]
            assert all(words.startswith(("prepend setsymbol", "set")) for words in from_outside), from_outside


def test_what_is_sent_goes_to_the_host_and_what_comes_is_heard_on_the_reply_port(tmp_path: Path):
    made = Read(maxpat(drawn(small(tmp_path)), "192.168.1.20", 7700, 7799))
    assert made.before(made.find("udpsend 192.168.1.20 7700")) == ["r graphflow_send"]
    assert made.after(made.find("udpreceive 7799")) == ["s graphflow_receive"]
    assert made.before(made.find("/gf/sys/hello 7799")) == ["loadbang"]


def test_choices_texts_and_weights(tmp_path: Path):
    made = Read(maxpat(drawn(small(tmp_path))))
    menu = next(box for box in made.boxes.values() if "dorian" in box.get("items", ()))
    assert made.after(menu["id"], outlet=1) == ["prepend /gf/node/band/mode"]  # the word, not its number
    assert made.before(made.find("prepend /gf/node/band/prompt 3")) == ["tosymbol"]
    weights = next(box for box in made.boxes.values() if box["maxclass"] == "multislider")
    assert (weights["size"], weights["setminmax"]) == (8, [0.0, 2.0])
    assert "prepend /gf/node/band/weights" in made.after(weights["id"])


@pytest.mark.parametrize("low, high, warp", [(0.001, 100.0, "exp"), (-60.0, 12.0, "lin"), (0.0, 2.0, "lin")])
def test_the_expressions_are_the_params_own_warp(low: float, high: float, warp: Any):
    entry = Entry("/gf/node/a/b", "f", "", "number", ranges=((low, high),), warp=warp)

    def worked_out(words: str, value: float) -> float:
        formula = words.removeprefix("expr ").replace("\\,", ",").replace("$f1", f"({value!r})")
        return float(eval(formula, {"pow": pow, "log": math.log}))

    for norm in (0.0, 0.25, 1.0):
        value = worked_out(from_norm(entry), norm)
        expected = low * (high / low) ** norm if warp == "exp" else low + norm * (high - low)
        assert value == pytest.approx(expected, rel=1e-6)
        assert worked_out(to_norm(entry), value) == pytest.approx(norm, abs=1e-6)


def test_atoms_are_written_as_max_reads_them():
    assert [quoted("a"), quoted("a b"), quoted("a,b"), quoted('say "x"'), quoted(""), quoted(3)] == [
        "a", '"a b"', '"a,b"', '"say \\"x\\""', '""', "3"
    ]  # fmt: skip
    assert [number(1.0), number(0.25), number(1e-9)] == ["1.", "0.25", "1e-09"]

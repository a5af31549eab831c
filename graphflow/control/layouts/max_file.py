"""Max's file format: JSON, a box for each object and a line for each wire."""

from __future__ import annotations

import json
from typing import Any

from graphflow.control.layouts.place import Box

CHARACTER = 6.5
"""Pixels of a letter at Max's usual font size, 12; what is short is given a little more."""

INS_OUTS = {
    "comment": (1, 0), "flonum": (1, 2), "number": (1, 2), "loadbang": (1, 1), "message": (2, 1), "panel": (1, 0),
    "slider": (1, 1), "toggle": (1, 1), "button": (1, 1), "umenu": (1, 3), "textedit": (1, 4), "multislider": (1, 2),
    "pictslider": (2, 2), "udpsend": (1, 0), "udpreceive": (1, 1), "s": (1, 0), "r": (0, 1), "metro": (2, 1),
}  # fmt: skip
"""Inlets and outlets; any other object has what `add` is told."""


class Patcher:
    """One window. A box with a `seen` rectangle is shown in presentation, which the patch opens in."""

    def __init__(self, width: int, height: int) -> None:
        self.visible: list[Box] = []
        self._size = width, height
        self._boxes: list[dict[str, Any]] = []
        self._lines: list[dict[str, Any]] = []

    def add(
        self,
        maxclass: str,
        x: float,
        y: float,
        *,
        text: str | None = None,
        seen: Box | None = None,
        outs: int = 1,
        ins: int = 1,
        w: float = 0.0,
        h: float = 22.0,
        **attributes: Any,
    ) -> str:
        """A box, by its corner in the patching view; returns the name that wires know it by."""
        kind = text.split()[0] if maxclass == "newobj" and text else maxclass
        inlets, outlets = INS_OUTS.get(kind, (ins, outs))
        name = f"obj-{len(self._boxes) + 1}"
        width = w or (CHARACTER * len(text) + 14 if text else 60.0)
        box: dict[str, Any] = {
            "id": name,
            "maxclass": maxclass,
            "numinlets": inlets,
            "numoutlets": outlets,
            "patching_rect": [float(x), float(y), round(width, 1), float(h)],
        }
        if outlets:
            box["outlettype"] = [""] * outlets
        if text is not None:
            box["text"] = text
        if seen is not None:
            box |= {"presentation": 1, "presentation_rect": [float(part) for part in seen]}
            if maxclass != "panel":
                self.visible.append(seen)
        box |= attributes
        self._boxes.append({"box": box})
        return name

    def object(self, x: float, y: float, text: str, **more: Any) -> str:
        return self.add("newobj", x, y, text=text, **more)

    def wire(self, source: str, dest: str, outlet: int = 0, inlet: int = 0) -> str:
        """Wire and return where it leads, so that chains read from left to right."""
        self._lines.append({"patchline": {"source": [source, outlet], "destination": [dest, inlet]}})
        return dest

    def __str__(self) -> str:
        patcher = {
            "fileversion": 1,
            "appversion": {"major": 8, "minor": 0, "revision": 0, "architecture": "x64", "modernui": 1},
            "classnamespace": "box",
            "rect": [60.0, 100.0, float(self._size[0]), float(self._size[1])],
            "openinpresentation": 1,
            "default_fontsize": 12.0,
            "default_fontface": 0,
            "default_fontname": "Arial",
            "boxes": self._boxes,
            "lines": self._lines,
        }
        return json.dumps({"patcher": patcher}, indent="\t", ensure_ascii=False) + "\n"


def quoted(value: object) -> str:
    """A value as one atom of Max: numbers short, texts with spaces or a comma in quotes."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        text = str(value)
        plain = text and not any(letter in ' ,;"\\$' for letter in text)
        return text if plain else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{value:.9g}" if isinstance(value, int) else number(value)


def number(value: float) -> str:
    """A float with its point, for Max reads `1` as a whole number."""
    text = f"{value:.9g}"
    return text if "." in text or "e" in text else f"{text}."

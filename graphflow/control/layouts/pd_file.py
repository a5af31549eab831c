"""Pure Data's file format: objects by their number, and wires between them."""

from __future__ import annotations

from graphflow.control.layouts.place import Box

CHARACTER = 7
"""Pixels of a letter at Pd's usual font size, 12."""
OBJECT_HEIGHT = 22


def atom(value: object) -> str:
    """A value as one atom of a Pd file: numbers short, texts with what has a meaning in Pd escaped."""
    if isinstance(value, (int, float)):
        return f"{float(value):.6g}"
    text = " ".join(str(value).split()) or "empty"
    return "".join(f"\\{letter}" if letter in "\\ ,;$" else letter for letter in text)


class Canvas:
    """One window: what is on it, in order, and what is visible of it as rectangles."""

    def __init__(self, box: Box, name: str = "") -> None:
        self.name = name
        self.visible: list[Box] = []
        self._head = f"#N canvas {box.x} {box.y} {box.w} {box.h} {f'{name} 0' if name else '12'};"
        self._lines: list[str] = []
        self._wires: list[str] = []
        self._count = 0

    def add(self, line: str, seen: Box | None = None) -> int:
        """A line of the file; returns the number that wires name it by. `seen`: what it covers on the screen."""
        self._lines.append(line)
        if seen is not None:
            self.visible.append(seen)
        self._count += 1
        return self._count - 1

    def object(self, x: int, y: int, *atoms: object) -> int:
        return self.add(f"#X obj {x} {y} {' '.join(map(atom, atoms))};")

    def message(self, x: int, y: int, text: str) -> int:
        """A message box; `text` is written as a Pd file has it."""
        return self.add(f"#X msg {x} {y} {text};")

    def comment(self, x: int, y: int, text: str) -> int:
        return self.add(f"#X text {x} {y} {text_of(text)};", Box(x, y, CHARACTER * len(text) + 6, 18))

    def inside(self, x: int, y: int, canvas: Canvas) -> int:
        """Another canvas as an object of this one."""
        seen = Box(x, y, CHARACTER * (len(canvas.name) + 3) + 6, OBJECT_HEIGHT)
        return self.add("\n".join([*canvas.lines(), f"#X restore {x} {y} pd {canvas.name};"]), seen)

    def wire(self, source: int, dest: int, outlet: int = 0, inlet: int = 0) -> int:
        """Wire and return where it leads, so that chains read from left to right."""
        self._wires.append(f"#X connect {source} {outlet} {dest} {inlet};")
        return dest

    def lines(self) -> list[str]:
        return [self._head, *self._lines, *self._wires]

    def __str__(self) -> str:
        return "\n".join(self.lines()) + "\n"


def text_of(text: str) -> str:
    """A comment's words: commas and semicolons are atoms of their own in Pd."""
    return " ".join(text.replace("\\", "/").replace("$", "\\$").replace(";", " \\; ").replace(",", " \\, ").split())

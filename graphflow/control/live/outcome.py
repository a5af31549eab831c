"""What comes back for what was typed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """How a cell ended: cell 3 with its value or its one error line, in so many seconds."""

    cell: int
    """Its number, from 1."""
    ok: bool
    text: str
    """What to print: the last expression's value, or the error; "" for nothing."""
    seconds: float

    def __str__(self) -> str:
        said = f": {self.text}" if self.text else ""
        return f"[{self.cell}] {'done' if self.ok else 'failed'} in {self.seconds:.3f} s{said}"


@dataclass(frozen=True)
class Suggestion:
    """One way to go on typing: `text` takes the place of what stands from `start` to the cursor."""

    text: str
    start: int
    doc: str
    """One line."""

    def __str__(self) -> str:
        return f"{self.text} ({self.doc})" if self.doc else self.text

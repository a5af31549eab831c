"""Errors are one line each: place, value with unit, rule, repair."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where."""

    place: str
    message: str

    def __str__(self) -> str:
        joint = "" if not self.place or self.message.startswith((":", " ")) else ": "
        return f"{self.place}{joint}{self.message}"


class UserError(Exception):
    """What the user can mend; `str()` is the line to show. Ends a command with exit code 2."""


class PatchError(UserError):
    """Everything that is wrong with a patch, one line per problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DeclarationError(UserError):
    """A node class that cannot be used as it is written."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'freq'?`, or nothing when no known name is near."""
    near = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""

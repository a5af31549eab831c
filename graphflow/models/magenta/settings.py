"""How a node of Magenta is set up: fixed while it lives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphflow.core.errors import UserError
from graphflow.models.magenta.files import CHECKPOINTS

LOOKAHEAD = ("auto", "on", "off")


@dataclass(frozen=True)
class Settings:
    """`model`: a released model's name or a folder; `device` and `precision`: auto or as torch calls them.

    `just_in_time`: make each chunk as late as can be; `rollback`: make the last one again for a newer state;
    `lookahead`: make one more chunk than is known to be right, which saves 40 ms and costs a step when it was wrong
    (auto: on a GPU); `style_levels`: how many of the twelve style codes the model is told; `watch`: go back to a good
    moment when a stream is no music any more; `begin_with`: a sound file or a stored stream to go on from, in
    `folder`; `lockstep`: time does not count; `repeats`: it is to do again what it did when time counted.
    """

    model: str = "mrt2-small"
    device: str = "auto"
    precision: str = "auto"
    just_in_time: bool = True
    rollback: bool = True
    lookahead: str = "auto"
    style_levels: int = 12
    watch: bool = True
    begin_with: str = ""
    lockstep: bool = False
    repeats: bool = False
    folder: Path = Path()

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> Settings:
        """From what a worker gets. Raises UserError."""
        given: dict[str, Any] = {name: settings[name] for name in cls.__dataclass_fields__ if name in settings}
        given["lockstep"] = settings.get("_lockstep", False)
        given["repeats"] = settings.get("_repeats", False)
        given["folder"] = Path(settings.get("_folder", ""))
        for name, value in given.items():
            kind = type(getattr(cls, name)) if name != "folder" else Path
            if not isinstance(value, (int, float) if kind is int else kind):
                raise UserError(f"{name} is {value!r}; expected {_EXPECTED[kind]}")
        given["style_levels"] = int(given.get("style_levels", cls.style_levels))
        if not 1 <= given["style_levels"] <= 12:
            raise UserError(f"style_levels is {given['style_levels']}; expected 1 to 12")
        if given.get("lookahead", "auto") not in LOOKAHEAD:
            raise UserError(f"lookahead is {given['lookahead']!r}; expected one of {', '.join(LOOKAHEAD)}")
        own = given["folder"] / given.get("model", cls.model)
        if given.get("model") not in CHECKPOINTS and own.is_dir():  # named from the patch on, as all of its files
            given["model"] = str(own)
        return cls(**given)

    @property
    def live(self) -> bool:
        """Whether it does what it does while time counts."""
        return self.repeats or not self.lockstep

    def looks_ahead(self, device: str) -> bool:
        """On a device of this type. A render gains nothing by it."""
        return self.live and (self.lookahead == "on" or (self.lookahead == "auto" and device == "cuda"))


_EXPECTED = {str: "text", bool: "true or false", int: "a whole number"}

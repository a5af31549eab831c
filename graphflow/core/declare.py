"""The words a node is declared with: ports, params, settings, state.

A declaration is made once, as a class attribute; the patch loader, the REPL, OSC, the docs and the errors
all read it. No declaration says how a value looks on a screen.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, Self, overload

from graphflow.core.errors import DeclarationError
from graphflow.core.units import UNITS, show

Warp = Literal["lin", "exp"]


class float32: ...  # noqa: N801 - dtypes of State, named as numpy names them


class float64: ...  # noqa: N801


class uint32: ...  # noqa: N801


class Declaration:
    """Anything a node class states about itself."""

    name: str = ""
    doc: str = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def check(self) -> str | None:
        """What is wrong with the declaration itself, or None."""
        return None


# --- ports ---------------------------------------------------------------------------------------------------------


class AudioIn(Declaration):
    """Where sound comes in. `channels` 0: as wide as what is wired into the node."""

    def __init__(self, doc: str = "", *, channels: int = 0) -> None:
        self.doc, self.channels = doc, channels


class AudioOut(Declaration):
    """Where sound goes out. `channels` 0: as wide as the node."""

    def __init__(self, doc: str = "", *, channels: int = 0) -> None:
        self.doc, self.channels = doc, channels


class DeviceIn(AudioIn):
    """What the sound card hears; nothing can be wired to it."""

    def __init__(self, doc: str = "", *, channels: int = 2) -> None:
        super().__init__(doc, channels=channels)


class DeviceOut(AudioOut):
    """What the sound card plays; all of a patch's device outs add."""

    def __init__(self, doc: str = "", *, channels: int = 2) -> None:
        super().__init__(doc, channels=channels)


class Tape(AudioOut):
    """What a writer thread stores in the sound file named by the node's setting `file`."""

    def __init__(self, doc: str = "", *, channels: int = 2) -> None:
        super().__init__(doc, channels=channels)


class Inlet(Declaration):
    """Where messages of one type come in. Reads as the latest message, or None."""

    def __init__(self, type: type, doc: str = "") -> None:
        self.type, self.doc = type, doc

    @overload
    def __get__(self, node: None, owner: type) -> Self: ...
    @overload
    def __get__(self, node: object, owner: type) -> Any: ...
    def __get__(self, node: object | None, owner: type) -> Any:
        return self if node is None else node.__dict__["_values"].get(self.name)


class Sender:
    """The sending end of an outlet of a running node."""

    def __init__(self, node: Any, name: str) -> None:
        self._node, self._name = node, name

    def send(self, message: Any, *, frame: int = 0, glide: float | None = None) -> None:
        """Send it, to count from a frame of the graph (0: at once).

        `glide`: seconds in which a Signal reaches its new value on the audio thread, a short while by default; 0: in
        that very frame.
        """
        self._node._host.send(self._node, self._name, message, frame=frame, glide=glide)


class Outlet(Declaration):
    """Where messages of one type go out."""

    def __init__(self, type: type, doc: str = "") -> None:
        self.type, self.doc = type, doc

    @overload
    def __get__(self, node: None, owner: type) -> Self: ...
    @overload
    def __get__(self, node: object, owner: type) -> Sender: ...
    def __get__(self, node: object | None, owner: type) -> Self | Sender:
        return self if node is None else Sender(node, self.name)


# --- params: live ----------------------------------------------------------------------------------------------------


class Param(Declaration):
    """A value that may change while the node plays."""

    default: Any

    def parse(self, value: Any) -> Any:
        """The value in the param's own type. Raises ValueError whose text continues `nodes.x.y `."""
        raise NotImplementedError  # every kind of param below says how


class Numeric(Param):
    """A live number with a unit and a range."""

    glide: ClassVar[float] = 0.0

    def __init__(
        self,
        default: float,
        doc: str = "",
        unit: str = "",
        *,
        min: float = 0.0,
        max: float = 1.0,
        warp: Warp = "lin",
        step: float = 0.0,
    ) -> None:
        self.default, self.doc, self.unit = float(default), doc, unit
        self.min, self.max, self.warp, self.step = float(min), float(max), warp, float(step)

    @overload
    def __get__(self, node: None, owner: type) -> Self: ...
    @overload
    def __get__(self, node: object, owner: type) -> float: ...
    def __get__(self, node: object | None, owner: type) -> Self | float:
        return self if node is None else float(node.__dict__["_values"][self.name])

    def parse(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"is {value!r}; expected a number, {self.range()}")
        if not (math.isfinite(value) and self.min <= value <= self.max):
            raise ValueError(f"is {show(float(value), self.unit)}; expected {self.range()}")
        if self.step and abs(value / self.step - round(value / self.step)) > 1e-9:
            raise ValueError(f"is {show(float(value), self.unit)}; expected a multiple of {show(self.step, self.unit)}")
        return float(value)

    def clip(self, value: float) -> float:
        """A controller's value brought into the range (streams are clipped, text is refused)."""
        clipped = min(max(float(value), self.min), self.max)
        return round(clipped / self.step) * self.step if self.step else clipped

    def range(self) -> str:
        return f"{show(self.min)} to {show(self.max, self.unit)}"

    def norm(self, value: float) -> float:
        """Where a value lies on a knob, 0..1."""
        if self.warp == "exp":
            return math.log(value / self.min) / math.log(self.max / self.min)
        return (value - self.min) / (self.max - self.min)

    def value_at(self, norm: float) -> float:
        """The value at a knob's position 0..1."""
        norm = min(max(norm, 0.0), 1.0)
        if self.warp == "exp":
            return self.clip(self.min * (self.max / self.min) ** norm)
        return self.clip(self.min + norm * (self.max - self.min))

    def check(self) -> str | None:
        if self.unit not in UNITS:
            return f"has unit '{self.unit}'; expected one of {' '.join(filter(None, UNITS))}"
        if not self.min < self.max:
            return f"has range {self.range()}; expected min below max"
        if self.warp == "exp" and self.min <= 0.0:
            return "has warp 'exp' and a min of 0 or less; expected a min above 0"
        if not self.min <= self.default <= self.max:
            return f"has default {show(self.default, self.unit)}; expected {self.range()}"
        return None


class Ramp(Numeric):
    """A live number that has a value in every frame and glides to a new one."""

    glide = 20.0  # ms


class Held(Numeric):
    """A live number that has one value per block."""


class Switch(Param):
    """Live: on or off."""

    def __init__(self, default: bool, doc: str = "") -> None:
        self.default, self.doc = default, doc

    @overload
    def __get__(self, node: None, owner: type) -> Self: ...
    @overload
    def __get__(self, node: object, owner: type) -> bool: ...
    def __get__(self, node: object | None, owner: type) -> Self | bool:
        return self if node is None else bool(node.__dict__["_values"][self.name])

    def parse(self, value: Any) -> bool:
        if isinstance(value, bool) or value in (0, 1):
            return bool(value)
        raise ValueError(f"is {value!r}; expected true or false")


class Choice(Param):
    """Live: one of a few words. In `tick` and `process` it is the word's number, counted from 0."""

    def __init__(self, default: str, doc: str = "", *, choices: tuple[str, ...]) -> None:
        self.default, self.doc, self.choices = default, doc, choices

    @overload
    def __get__(self, node: None, owner: type) -> Self: ...
    @overload
    def __get__(self, node: object, owner: type) -> str: ...
    def __get__(self, node: object | None, owner: type) -> Self | str:
        return self if node is None else str(node.__dict__["_values"][self.name])

    def parse(self, value: Any) -> str:
        if isinstance(value, str) and value in self.choices:
            return value
        raise ValueError(f"is {value!r}; expected one of {', '.join(self.choices)}")

    def check(self) -> str | None:
        if self.default not in self.choices:
            return f"has default {self.default!r}; expected one of {', '.join(self.choices)}"
        return None


class Text(Param):
    """Live words; also the type of wires that carry words."""

    def __init__(self, default: str = "", doc: str = "") -> None:
        self.default, self.doc = default, doc

    @overload
    def __get__(self, node: None, owner: type) -> Self: ...
    @overload
    def __get__(self, node: object, owner: type) -> str: ...
    def __get__(self, node: object | None, owner: type) -> Self | str:
        return self if node is None else str(node.__dict__["_values"][self.name])

    def parse(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        raise ValueError(f"is {value!r}; expected text")


# --- settings: fixed while the node lives --------------------------------------------------------------------------


class Setting(Declaration):
    """Changing it rebuilds the node. Text, a switch, or a number with a range, as its default is."""

    def __init__(
        self,
        default: str | float | bool,
        doc: str = "",
        unit: str = "",
        *,
        min: float = -math.inf,
        max: float = math.inf,
        choices: tuple[str, ...] = (),
    ) -> None:
        self.default, self.doc, self.unit, self.choices = default, doc, unit, choices
        self.min, self.max = float(min), float(max)

    def __get__(self, node: object | None, owner: type) -> Any:
        return self if node is None else node.__dict__["_values"][self.name]

    def parse(self, value: Any) -> Any:
        if isinstance(self.default, bool):
            if isinstance(value, bool):
                return value
            raise ValueError(f"is {value!r}; expected true or false")
        if isinstance(self.default, str):
            if not isinstance(value, str):
                raise ValueError(f"is {value!r}; expected text")
            if self.choices and value not in self.choices:
                raise ValueError(f"is {value!r}; expected one of {', '.join(self.choices)}")
            return value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"is {value!r}; expected a number, {self.range()}")
        if not (math.isfinite(value) and self.min <= value <= self.max):
            raise ValueError(f"is {show(float(value), self.unit)}; expected {self.range()}")
        return type(self.default)(value)

    def range(self) -> str:
        return f"{show(self.min)} to {show(self.max, self.unit)}"


class SoundFile(Setting):
    """A sound file, decoded and brought to the patch's rate before the node starts.

    In `process` its name is the samples, float32 [channels, frames]; no file: no frames.
    """

    def __init__(self, default: str = "", doc: str = "") -> None:
        super().__init__(default, doc)


# --- memory -----------------------------------------------------------------------------------------------------------


class State(Declaration):
    """What a node remembers from frame to frame, per channel.

    In `tick` a number. In `process` an array [channels], or [channels, size] when `size` or `seconds` is given
    (a line of `seconds` at the running rate). float64 for phases and what accumulates; uint32 is for random
    numbers and starts from a seed of its own per node and channel, never 0.
    """

    def __init__(self, dtype: type = float32, *, start: float = 0.0, size: int = 0, seconds: float = 0.0) -> None:
        self.dtype, self.start, self.size, self.seconds = dtype, start, size, seconds

    def check(self) -> str | None:
        if self.dtype not in (float32, float64, uint32):
            return "has another dtype than float32, float64 or uint32"
        if self.size and self.seconds:
            return "has both size and seconds; expected one of them"
        return None

    @property
    def is_line(self) -> bool:
        return bool(self.size or self.seconds)

    def length(self, rate: float) -> int:
        """Numbers per channel."""
        return self.size or (max(1, math.ceil(self.seconds * rate)) if self.seconds else 1)


class Coefficient(Declaration):
    """What `coefficients` works out of params: once per block while they rest, in every frame while they move."""


def reject(cls: type, message: str) -> DeclarationError:
    """An error about a node class, at its file."""
    return DeclarationError(f"{cls.__module__}.{cls.__qualname__}: {message}")

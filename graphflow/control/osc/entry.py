"""An address and what is known of it: what it takes, what it holds, in words and numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from graphflow.core.declare import Warp
from graphflow.core.units import show

if TYPE_CHECKING:
    from graphflow.control.osc.peer import Call

ROOT = "/gf"

Range: TypeAlias = tuple[float, float]
What: TypeAlias = Literal[
    "number", "norm", "switch", "choice", "text", "prompt", "weights", "action", "level", "status", "heard"
]
"""What a controller may draw for it: a fader, a button, a row of buttons, a field, a pad; or nothing.

`heard` is an address of the patch's own: it takes whatever is sent.
"""


class Access(IntEnum):
    """Which way values go, in OSCQuery's numbers."""

    NONE, READ, WRITE, BOTH = 0, 1, 2, 3


@dataclass(frozen=True)
class Entry:
    """One address.

    `types`: OSC's type tag of each argument, "" for none. `ranges`: the least and greatest of each, None for what has
    none. `step`: 0 for any number, else only multiples of it. `node` and `param` name what it stands for, `param` as
    `node.param` shows it; a macro or a scene has its name in `param` and no node. `least`: how many arguments it takes
    at least, where some can be left out.

    `value`: what it holds now, one value per argument. `take`: does what the arguments ask. Both None where there is
    no session, and one of them where an address only asks or only tells.
    """

    address: str
    types: str
    doc: str
    what: What
    access: Access = Access.BOTH
    unit: str = ""
    ranges: tuple[Range | None, ...] = ()
    warp: Warp = "lin"
    step: float = 0.0
    choices: tuple[str, ...] = ()
    default: Any = None
    node: str = ""
    param: str = ""
    least: int | None = None
    value: Callable[[], tuple[Any, ...]] | None = field(default=None, compare=False, repr=False)
    take: Callable[[Sequence[Any], Call], None] | None = field(default=None, compare=False, repr=False)

    @property
    def range(self) -> Range | None:
        """The range of the only argument, or of the first."""
        return self.ranges[0] if self.ranges else None

    @property
    def fewest(self) -> int:
        """How many arguments it takes at least."""
        return len(self.types) if self.least is None else self.least

    def __str__(self) -> str:
        if self.choices:
            takes = " | ".join(self.choices)
        elif self.range is not None:
            takes = f"{show(self.range[0])} to {show(self.range[1], self.unit)}"
        else:
            takes = ""
        return "  ".join(filter(None, (self.address, self.types, takes, self.doc)))

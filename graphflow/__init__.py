"""graphflow: wire prompts, generators, synths and effects into a patch and play it live.

What a node's author imports; and `MagentaRT`, for who wants that model alone.
"""

from typing import TYPE_CHECKING

from graphflow.core.declare import (
    AudioIn,
    AudioOut,
    Choice,
    Coefficient,
    DeviceIn,
    DeviceOut,
    Held,
    Inlet,
    Outlet,
    Ramp,
    Setting,
    SoundFile,
    State,
    Switch,
    Tape,
    Text,
    float32,
    float64,
    uint32,
)
from graphflow.core.heard import Heard
from graphflow.core.maths import (
    PI,
    TAU,
    clamp,
    cos,
    db,
    exp,
    expm1,
    floor,
    log,
    log2,
    random_bipolar,
    random_next,
    sin,
    sqrt,
    tan,
    tanh,
    wrap,
)
from graphflow.core.messages import Image, Notes, Osc, Part, Signal, Style
from graphflow.core.midi import Midi
from graphflow.core.midi_song import MidiNote, MidiSong
from graphflow.core.node import AudioNode, ControlNode, WorkerNode

if TYPE_CHECKING:
    from graphflow.models.magenta.api import MagentaRT as MagentaRT
else:

    def __getattr__(name: str) -> object:
        """`MagentaRT` brings torch, which is loaded when it is first named; so it is not in `__all__` either."""
        if name == "MagentaRT":
            from importlib import import_module

            return import_module("graphflow.models.magenta.api").MagentaRT
        raise AttributeError(f"module 'graphflow' has no attribute {name!r}")


__version__ = "0.1.0"

__all__ = [
    "PI",
    "TAU",
    "AudioIn",
    "AudioNode",
    "AudioOut",
    "Choice",
    "Coefficient",
    "ControlNode",
    "DeviceIn",
    "DeviceOut",
    "Heard",
    "Held",
    "Image",
    "Inlet",
    "Midi",
    "MidiNote",
    "MidiSong",
    "Notes",
    "Osc",
    "Outlet",
    "Part",
    "Ramp",
    "Setting",
    "Signal",
    "SoundFile",
    "State",
    "Style",
    "Switch",
    "Tape",
    "Text",
    "WorkerNode",
    "clamp",
    "cos",
    "db",
    "exp",
    "expm1",
    "float32",
    "float64",
    "floor",
    "log",
    "log2",
    "random_bipolar",
    "random_next",
    "sin",
    "sqrt",
    "tan",
    "tanh",
    "uint32",
    "wrap",
]

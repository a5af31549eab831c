"""OSC: everything live in a patch by its address. `/gf/node/NAME/PARAM value` sets, without a value it asks.

Its parts: `packet` (bytes to messages), `entry` and `tree` (the address space, of a patch or of what plays), `bind`
(what an address holds and does), `server` (ports, answers).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphflow.control.osc.server import OscServer as OscServer
else:

    def __getattr__(name: str) -> object:
        """`OscServer` brings the engine's compiler; the address space of a patch needs none of it."""
        if name == "OscServer":
            from importlib import import_module

            return import_module("graphflow.control.osc.server").OscServer
        raise AttributeError(f"module 'graphflow.control.osc' has no attribute {name!r}")

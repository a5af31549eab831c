"""OSC: everything live in a patch by its address. `/gf/node/NAME/PARAM value` sets, without a value it asks.

Its parts. What there is: `entry` and `tree` (the address space, of a patch), `bind` (what an address holds and does in
a session), `space` (kept up to date), `pattern` and `dispatch` (finding it), `astray` (why there is nothing). What
comes: `packet` and `frames` (bytes to messages), `clock` and `bundles` (when they count), `udp`, `tcp`, `peer` and
`gate` (from where), `holder` (who has the port). What goes: `lease`, `watchers` and `feed` (values to subscribers),
`sender` (what nodes tell), `complaints` (the log). `service` and `files` answer what belongs to no node; `server` holds
it together.
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

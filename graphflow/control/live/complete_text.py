"""How a text may go on: choices, scenes, params by their names, files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from graphflow.control.live.offers import Found, Offers
from graphflow.control.live.scan import Place
from graphflow.core.declare import Choice, Declaration, Setting, SoundFile, Text

SOUND = (".wav", ".flac", ".ogg", ".aif", ".aiff", ".mp3")
FILES = 500
"""Files of a folder that are looked at."""
NODE_VERBS = ("cut", "insert", "mute", "rename", "solo", "help")
"""Verbs that take nodes."""

_ASSIGNED = re.compile(r"([A-Za-z_]\w*)\.(\w+)\s*=\s*$")
_KEYWORD = re.compile(r"([A-Za-z_]\w*)\s*=\s*$")


class Texts(Offers):
    """What may stand in quotes."""

    def found(self, at: Place) -> Iterator[Found]:
        verb = at.called.rpartition(".")[2]
        if assigned := _ASSIGNED.search(at.head):
            spec = self.spec(assigned[1])
            yield from self._choices(spec.declarations.get(assigned[2]) if spec else None, at)
        elif (named := _KEYWORD.search(at.head)) and (spec := self.kind(verb)) is not None:
            yield from self._choices(spec.declarations.get(named[1]), at)
        elif at.bracket == "{" or verb == "stop":
            yield from self._paths() if at.bracket == "{" else ((name, "") for name in self.stage.events.named)
        elif verb in ("scene", "morph"):
            yield from self.scenes()
        elif verb == "macro":
            yield from ((name, " ".join(macro.params)) for name, macro in self.patch.expose.items())
        elif verb in ("load", "save"):
            yield from self._files(at.typed, (".toml",))
        elif verb == "at" or re.search(r"\bquant\s*=\s*$", at.head):
            yield from (("now", "at once"), ("beat", "on the next beat"), ("bar", "on the next bar"))
        elif verb in NODE_VERBS or (at.bracket == "[" and verb == "nodes"):
            yield from self.nodes(self.patch.nodes)

    def _choices(self, declared: Declaration | None, at: Place) -> Iterator[Found]:
        if isinstance(declared, (Choice, Setting)) and declared.choices:
            yield from ((choice, declared.doc) for choice in declared.choices)
        elif isinstance(declared, SoundFile):
            yield from self._files(at.typed, SOUND)
        elif isinstance(declared, Setting) and declared.name == "file":
            yield from self._files(at.typed, ())
        elif isinstance(declared, Text):
            yield from ((str(node.params[declared.name]), name) for name, node in self._texts(declared))

    def _texts(self, declared: Text) -> Iterator[tuple[str, Any]]:
        """Texts that nodes have there now, to go on from."""
        for name, node in self.graph.nodes.items():
            if node.spec is not None and node.spec.declarations.get(declared.name) is declared:
                yield name, node

    def _paths(self) -> Iterator[Found]:
        for name in self.patch.nodes:
            spec = self.spec(name)
            for key in spec.params if spec else ():
                yield f"{name}.{key}", self.told(name, key, spec.params[key]) if spec else ""

    def _files(self, typed: str, endings: tuple[str, ...]) -> Iterator[Found]:
        folder = (self.stage.files.folder / typed.rpartition("/")[0]).expanduser()
        inside = typed.rpartition("/")[0] + "/" if "/" in typed else ""
        for number, path in enumerate(sorted(folder.iterdir())):
            if number == FILES:
                return
            if path.name.startswith("."):
                continue
            if path.is_dir():
                yield f"{inside}{path.name}/", "folder"
            elif not endings or path.suffix.lower() in endings:
                yield f"{inside}{path.name}", ""

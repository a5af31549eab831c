"""The library: every kind of node that can be used, found by scanning folders of node files."""

from __future__ import annotations

import ast
import linecache
import sys
import traceback
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib.util import decode_source
from pathlib import Path
from types import ModuleType

import graphflow
from graphflow.core.errors import Problem
from graphflow.core.names import name_fault
from graphflow.core.node import AudioNode, ControlNode, Node, Spec, WorkerNode, snake

BUILTIN = "graphflow.nodes"
_BASES = (AudioNode, ControlNode, WorkerNode)


class Library(Mapping[str, type[Node]]):
    """Kinds of node by name.

    `problems` holds what went wrong while folders were scanned; `untrusted` maps the kinds that a folder seems to
    hold to that folder, where its files have not been run.
    """

    def __init__(self, *classes: type[Node]) -> None:
        self._classes: dict[str, type[Node]] = {}
        self.problems: list[Problem] = []
        self.untrusted: dict[str, Path] = {}
        for cls in classes:
            self.add(cls)

    def __getitem__(self, kind: str) -> type[Node]:
        return self._classes[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)

    def __str__(self) -> str:
        return "\n".join(f"{kind} ({cls.spec.family})" for kind, cls in self._classes.items())

    @property
    def specs(self) -> dict[str, Spec]:
        return {kind: cls.spec for kind, cls in self._classes.items()}

    @classmethod
    def builtin(cls) -> Library:
        """The nodes that come with graphflow."""
        library = cls()
        library.scan(builtin_folder(), BUILTIN)
        return library

    def add(self, cls: type[Node]) -> Problem | None:
        """Take a kind in; the first of its name stays, unless it is the same class from the same file again."""
        kind, here = cls.spec.kind, str(cls.spec.file)
        if fault := name_fault(kind):
            return self._problem(here, f"class {cls.__name__} makes the kind {kind!r}, which {fault}")
        other = self._classes.get(kind)
        if other is not None and other.spec.file != cls.spec.file:
            return self._problem(here, f"the kind {kind!r} is there already, from {other.spec.file}; rename the class")
        self._classes[kind] = cls
        return None

    def scan(self, folder: Path, package: str = "") -> list[Problem]:
        """Add all node classes of a folder tree; a file that fails is a problem, and the rest goes on.

        Files whose name begins with _ are not looked at. `package` is the name the files' modules live under; a
        folder of a user's own gets one made of its path. Returns the problems of this folder.
        """
        before = len(self.problems)
        if not folder.is_dir():
            self._problem(str(folder), "no such folder; expected one that holds node files")
        package = package or user_package(folder)
        for file in node_files(folder):
            try:
                module = load(file, module_name(folder, file, package))
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a file of somebody else may do anything
                self._problem(f"{file}:{fault_line(error, file)}", fault_text(error))
                continue
            for cls in classes_of(module):
                self.add(cls)
        return self.problems[before:]

    def copied(self) -> Library:
        """The same kinds in a library of its own, without the problems."""
        other = Library(*self._classes.values())
        other.untrusted = dict(self.untrusted)
        return other

    def drop(self, kind: str) -> None:
        """Let a kind go."""
        self._classes.pop(kind, None)

    def distrust(self, folder: Path) -> None:
        """Note which kinds a folder seems to hold, without running any of it."""
        for file in node_files(folder):
            try:
                tree = ast.parse(file.read_bytes())
            except (SyntaxError, ValueError, OSError):
                continue
            for statement in tree.body:
                if isinstance(statement, ast.ClassDef) and statement.bases:
                    self.untrusted.setdefault(snake(statement.name), folder)

    def _problem(self, where: str, message: str) -> Problem:
        problem = Problem(where, message)
        self.problems.append(problem)
        return problem


def builtin_folder() -> Path:
    """Where the node files of graphflow lie: in the installed package, or beside it in a checkout."""
    package = Path(graphflow.__file__).parent
    installed = package / "nodes"
    return installed if installed.is_dir() else package.parent / "nodes"


def node_files(folder: Path) -> list[Path]:
    files = folder.rglob("*.py")
    return sorted(f for f in files if not any(p.startswith(("_", ".")) for p in f.relative_to(folder).parts))


def user_package(folder: Path) -> str:
    """A module name that no other folder has."""
    return f"graphflow_user_nodes_{sha256(str(folder.resolve()).encode()).hexdigest()[:12]}"


def module_name(folder: Path, file: Path, package: str) -> str:
    return ".".join((package, *file.relative_to(folder).with_suffix("").parts))


def load(file: Path, name: str, *, again: bool = False) -> ModuleType:
    """Run a node file as the module `name`; one that has run before, and is unchanged, only when asked to `again`."""
    before = sys.modules.get(name)
    source = file.read_bytes()
    known = before is not None and before.__dict__.get("__file__") == str(file)
    if before is not None and known and not again and _source(before) in (None, source):
        return before
    module = ModuleType(name)
    module.__dict__.update(__file__=str(file), _graphflow_source=source)
    sys.modules[name] = module  # dataclasses and the compiler look a class's module up there
    lines = linecache.cache.get(str(file))
    try:
        # not by an import loader: its .pyc would be taken for a file changed twice in the same second
        code = compile(source, str(file), "exec")
        # the compiler reads the functions' text later, and the file may have been saved again by then; a time of
        # None keeps it from being looked up
        linecache.cache[str(file)] = (len(source), None, decode_source(source).splitlines(True), str(file))
        exec(code, module.__dict__)
    except BaseException:
        if lines is not None:
            linecache.cache[str(file)] = lines
        else:
            linecache.cache.pop(str(file), None)
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise
    return module


def _source(module: ModuleType) -> bytes | None:
    """The text that made the module; None where Python's own import has run it."""
    source: bytes | None = module.__dict__.get("_graphflow_source")
    return source


def classes_of(module: ModuleType) -> list[type[Node]]:
    """The node classes a module defines itself, in order."""
    return [
        value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, _BASES)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    ]


def fault_line(error: BaseException, file: Path) -> int:
    """The line of `file` at which an import failed."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno or 1
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)]
    return (lines[-1] if lines else 1) or 1


def fault_text(error: BaseException, so: str = "this file is left out") -> str:
    """What went wrong, and what comes of it, on one line."""
    if isinstance(error, SyntaxError):
        return f"not Python: {error.msg}; {so}"
    words = " ".join(str(error).split())
    return f"{type(error).__name__}{': ' if words else ''}{words}; {so}"

"""From an author's `tick` to functions numba compiles: the syntax tree, with float32 literals and native maths.

The tree keeps the author's file name and line numbers, so that an error points at the author's line.
"""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit

from graphflow.audio.kernel_maths import NATIVE
from graphflow.audio.native import INLINE
from graphflow.core import maths
from graphflow.core.errors import UserError

BUILTINS = {"abs", "bool", "float", "int", "len", "max", "min", "range", "round"}
LOOP_BUDGET = 1_000_000
"""Turns a foreign node's loops may take per call before the node is stopped."""


class CompileError(UserError):
    """A node that cannot become native code; says where and why."""


class _Native(ast.NodeTransformer):
    """Literals to narrow numbers, `x % 1.0` to wrap, `float` to float32; budgets into loops when asked."""

    def __init__(self, budget: bool) -> None:
        self.constants: dict[str, Any] = {}
        self.budget = budget
        self.indices = 0

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
            return node
        if self.indices and isinstance(node.value, int):
            return node  # a literal index or range means more to numba than a number
        name = f"_c{len(self.constants)}"
        self.constants[name] = narrow(node.value)
        return ast.copy_location(ast.Name(name, ast.Load()), node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        node.value = self.visit(node.value)
        self.indices += 1
        node.slice = self.visit(node.slice)
        self.indices -= 1
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        right = node.right
        if isinstance(node.op, ast.Mod) and isinstance(right, ast.Constant) and str(right.value) == "1.0":
            call = ast.Call(ast.Name("wrap", ast.Load()), [self.visit(node.left)], [])
            return ast.fix_missing_locations(ast.copy_location(call, node))
        if isinstance(node.op, ast.Pow) and isinstance(right, ast.Constant):
            node.left = self.visit(node.left)  # x ** 2 becomes x * x only while the 2 is a literal
            return node
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.copy_location(ast.Name("float32", node.ctx), node) if node.id == "float" else node

    def _counted(self, node: Any) -> Any:
        if isinstance(node, ast.For):
            self.indices += 1
            node.iter = self.visit(node.iter)
            self.indices -= 1
            node.body = [self.visit(statement) for statement in node.body]
        else:
            self.generic_visit(node)
        if self.budget:
            # ZeroDivisionError: a builtin numba can raise inside native code without touching Python
            check = ast.parse(
                f"_budget += 1\nif _budget > {LOOP_BUDGET}:\n    raise ZeroDivisionError('endless loop')"
            ).body
            for statement in check:
                for part in ast.walk(statement):
                    ast.copy_location(part, node)
            node.body = [*check, *node.body]
        return node

    visit_While = _counted  # noqa: N815 - ast's names
    visit_For = _counted  # noqa: N815


def narrow(value: float | int) -> Any:
    """A number that does not widen the float32 it meets: numba makes float64 of float32 and an int of 32 bits."""
    if isinstance(value, float):
        return np.float32(value)
    return np.int16(value) if abs(value) < 1 << 15 else value


_trees: WeakKeyDictionary[Callable[..., Any], tuple[ast.FunctionDef, str]] = WeakKeyDictionary()


def tree_of(function: Callable[..., Any]) -> tuple[ast.FunctionDef, str]:
    """The function's own syntax tree, lines as in its file, and that file's name. Shared: copy it to change it.

    Raises CompileError where its file no longer says what it was made of.
    """
    known = _trees.get(function)
    if known is None:
        known = _trees[function] = _read(function)
    return known


def _read(function: Callable[..., Any]) -> tuple[ast.FunctionDef, str]:
    plain: Any = inspect.unwrap(function)
    try:
        lines, first = inspect.getsourcelines(plain)
    except (OSError, TypeError) as error:
        raise CompileError(f"{plain.__qualname__}: its source cannot be read ({error}); put it in a file") from error
    tree = ast.parse(textwrap.dedent("".join(lines)))
    ast.increment_lineno(tree, first - 1)
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef):
        raise CompileError(f"{plain.__code__.co_filename}:{first} is no plain function; write it with def")
    if not _same_code(plain.__code__, definition):
        raise CompileError(f"{plain.__code__.co_filename}:{first} has changed since it was read; read it again")
    return definition, plain.__code__.co_filename


def _same_code(code: CodeType, definition: ast.FunctionDef) -> bool:
    """Is this the text the running function was made from? Its file may have been saved again since."""
    bare = ast.copy_location(ast.FunctionDef(definition.name, definition.args, definition.body, []), definition)
    bare.args = ast.parse(f"lambda {', '.join(a.arg for a in definition.args.args)}: 0", mode="eval").body.args  # type: ignore[attr-defined]
    made = compile(ast.Module([bare], []), "", "exec", dont_inherit=True)
    found = next(c for c in made.co_consts if isinstance(c, CodeType))
    return (found.co_code, found.co_names) == (code.co_code, code.co_names)


def reachable(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """The function and every plain function it calls, itself first: what a kernel's hash must cover."""
    found: list[Callable[..., Any]] = []
    waiting = [function]
    while waiting:
        one = waiting.pop(0)
        if one in found:
            continue
        found.append(one)
        for name in global_names(one):
            value = globals_of(one).get(name)
            if isinstance(value, FunctionType) and value.__module__ != maths.__name__:
                waiting.append(value)
    return found


def globals_of(function: Callable[..., Any]) -> dict[str, Any]:
    scope: dict[str, Any] = inspect.unwrap(function).__globals__
    return scope


def global_names(function: Callable[..., Any]) -> list[str]:
    """Names the function reads from around it, in order."""
    definition, _ = tree_of(function)
    own = {a.arg for a in definition.args.args}
    own |= {n.id for n in ast.walk(definition) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    body = [n for statement in definition.body for n in ast.walk(statement)]
    loaded = [n.id for n in body if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    return list(dict.fromkeys(n for n in loaded if n not in own and n not in BUILTINS))


def native(function: Callable[..., Any], *, foreign: bool, made: dict[Any, Any]) -> Any:
    """The function as numba sees it; `made` keeps what has been done. Raises CompileError at the author's line."""
    if function in made:
        if made[function] is None:
            definition, file = tree_of(function)
            raise CompileError(f"{file}:{definition.lineno} {definition.name} calls itself; write it as a loop")
        return made[function]
    made[function] = None
    definition, file = copy.deepcopy(tree_of(function))
    scope: dict[str, Any] = {"float32": np.float32, "wrap": NATIVE["wrap"]}
    around = globals_of(function)
    for name in global_names(function):
        if name not in around:
            raise CompileError(f"{file}:{_line(definition, name)} uses '{name}', which is not defined in its file")
        scope[name] = _native_value(around[name], foreign, made)
        if scope[name] is None:
            raise CompileError(
                f"{file}:{_line(definition, name)} uses '{name}', a {type(around[name]).__name__}; "
                "expected numbers, tuples of numbers, plain functions and graphflow's own mathematics"
            )
    definition.decorator_list, definition.returns = [], None
    for argument in definition.args.args:
        argument.annotation = None
    if isinstance(definition.body[0], ast.Expr) and isinstance(definition.body[0].value, ast.Constant):
        definition.body = definition.body[1:] or [ast.copy_location(ast.Pass(), definition)]
    transform = _Native(budget=foreign)
    changed = transform.visit(definition)
    if foreign and any(isinstance(n, (ast.For, ast.While)) for n in ast.walk(changed)):
        start = ast.copy_location(ast.parse("_budget = 0").body[0], changed.body[0])
        changed.body.insert(0, start)
    scope.update(transform.constants)
    module = ast.fix_missing_locations(ast.Module([changed], []))
    exec(compile(module, file, "exec"), scope)
    options = {**INLINE, "boundscheck": foreign}
    made[function] = njit(**options)(scope[definition.name])
    return made[function]


def _native_value(value: Any, foreign: bool, made: dict[Any, Any]) -> Any:
    """What stands for a name of the author's file in native code; None for what cannot."""
    for name in maths.__all__:
        if value is getattr(maths, name):
            return NATIVE[name]
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return narrow(value)
    if isinstance(value, tuple) and all(isinstance(v, (int, float)) for v in value):
        return tuple(np.float32(v) if isinstance(v, float) else v for v in value)
    if isinstance(value, FunctionType):
        return native(value, foreign=foreign, made=made)
    return None


def _line(definition: ast.FunctionDef, name: str) -> int:
    return next((n.lineno for n in ast.walk(definition) if isinstance(n, ast.Name) and n.id == name), definition.lineno)

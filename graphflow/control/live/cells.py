"""A cell's source: read, run, and whether it is all there."""

from __future__ import annotations

import ast
import codeop
import linecache
from typing import Any

from graphflow.control.live.faults import file_of
from graphflow.control.live.question import asked

KEPT = 1000
"""Cells whose source tracebacks can show."""
ASK = "__ask__"
"""What a question in the middle of a cell calls."""


def evaluate(number: int, source: str, namespace: dict[str, Any]) -> Any:
    """Run a cell; what its last line is worth, or None. Raises whatever it raises."""
    name = file_of(number)
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)  # for its tracebacks
    linecache.cache.pop(file_of(number - KEPT), None)
    tree = _parsed(source, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec", dont_inherit=True), namespace)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), name, "eval", dont_inherit=True), namespace)


def _parsed(source: str, name: str) -> ast.Module:
    """The source as Python; lines such as `hall?` between others are questions."""
    try:
        return ast.parse(source, name)
    except SyntaxError as error:
        lines = [f"{ASK}({path!r})" if (path := asked(line)) else line for line in source.split("\n")]
        try:
            return ast.parse("\n".join(lines), name)
        except SyntaxError:
            raise error from None


def unfinished(source: str) -> bool:
    """Whether more lines are wanted: it ends in the middle of something, or in a block that no blank line has ended."""
    lines = source.split("\n")
    try:
        if codeop.compile_command(source, "<cell>", "exec") is None:
            return True
    except (SyntaxError, ValueError, OverflowError):
        return False
    return len(lines) > 1 and lines[-1][:1] in (" ", "\t") and bool(lines[-1].strip())

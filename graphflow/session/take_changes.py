"""Lists, tables and states as what has changed in them, so that the file of a long set stays small."""

from __future__ import annotations

from typing import Any


def changes(old: list[Any], new: list[Any]) -> dict[str, Any]:
    """From one list to another: places of `old` that go, then places of `new` with what comes; or `all` of it."""
    had, has = set(old), set(new)
    stay = [item for item in new if item in had]
    if len(had) < len(old) or len(has) < len(new) or stay != [item for item in old if item in has]:
        return {"all": new}
    gone = [at for at, item in enumerate(old) if item not in has]
    come = [[at, item] for at, item in enumerate(new) if item not in had]
    return {name: places for name, places in (("gone", gone), ("come", come)) if places}


def changed(old: list[Any], change: dict[str, Any]) -> list[Any]:
    """The list after a change."""
    if "all" in change:
        return list(change["all"])
    gone = set(change.get("gone", ()))
    made = [item for at, item in enumerate(old) if at not in gone]
    for at, item in change.get("come", ()):
        made.insert(at, item)
    return made


def state_changes(old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """A generator's state, as `also` what is different from its last one, or as `state` where it has lost a key."""
    inner = _more(old, new) if old is not None else None
    return {"state": new} if inner is None else {"also": inner}


def state_changed(old: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """The state that an event speaks of."""
    return dict(event["state"]) if "state" in event else _merged(old, event["also"])


def _more(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any] | None:
    if list(old) != list(new):
        return None
    made = {}
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(old[key], dict):
            inner = _more(old[key], value)
            if inner is None:
                return None
            if inner:
                made[key] = inner
        elif isinstance(value, dict) or isinstance(old[key], dict):
            return None
        elif repr(old[key]) != repr(value):
            made[key] = value
    return made


def _merged(old: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return {key: (_merged(value, more[key]) if isinstance(value, dict) else more[key]) if key in more else value
            for key, value in old.items()}  # fmt: skip


def tree_changes(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What is different in nested tables: new values at their places, None for what is gone."""
    made: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            if inner := tree_changes(before, value):
                made[key] = inner
        elif key not in old or before != value:
            made[key] = value
    return made


def tree_changed(old: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The tables after a change."""
    made = dict(old)
    for key, value in change.items():
        if value is None:
            made.pop(key, None)
        elif isinstance(value, dict):
            made[key] = tree_changed(before if isinstance(before := made.get(key), dict) else {}, value)
        else:
            made[key] = value
    return made

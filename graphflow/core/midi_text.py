"""The table [midi] of a patch: which knob, key or wheel turns what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphflow.core.literals import parsed
from graphflow.core.midi import OPTIONS, SECTIONS, SOURCES, Control
from graphflow.core.names import instead, place, shown

Add = Callable[[str, str], None]
"""Called with the place and the message of everything that is wrong."""


def read_midi(table: dict[str, Any], add: Add) -> dict[str, dict[str, Control]]:
    """The controls by section and by what they turn; what is wrong is told and left out."""
    sections: dict[str, dict[str, Control]] = {}
    for section, targets in table.items():
        where = place("midi", section)
        if section.startswith("x-"):
            continue
        if section not in SECTIONS:
            add(where, f"[midi] has no {section!r}{instead(section, SECTIONS)}")
        elif not isinstance(targets, dict):
            add(where, f" is {shown(targets)}; expected a table, [{where}]")
        else:
            sections[section] = _controls(section, targets, add)
    return {section: controls for section, controls in sections.items() if controls}


def _controls(section: str, targets: dict[str, Any], add: Add) -> dict[str, Control]:
    controls = {}
    for target, written in targets.items():
        where = place("midi", section, target)
        if target.startswith("x-"):
            continue
        if isinstance(written, dict) and written and all(isinstance(inner, dict) for inner in written.values()):
            inner = next(iter(written))
            add(f"midi.{section}", f' has {target}.{inner} without quotes; write "{target}.{inner}" = {{ cc = 1 }}')
        elif not isinstance(written, dict):
            add(where, f" is {shown(written)}; expected a control, like {{ cc = 21, channel = 1 }}")
        elif control := _control(where, written, add):
            if fault := misfit(section, control):
                add(where, fault)
            else:
                controls[target] = control
    return controls


def _control(where: str, written: dict[str, Any], add: Add) -> Control | None:
    values: dict[str, Any] = {}
    known = {**SOURCES, **OPTIONS}
    sound = True
    for key, value in written.items():
        if key.startswith("x-"):
            continue
        if key not in known:
            add(f"{where}.{key}", f"a control has no {key!r}{instead(key, known)}")
            sound = False
            continue
        try:
            values[key] = parsed(known[key], value)
        except ValueError as error:
            add(f"{where}.{key}", f" {error}")
            sound = False
    sources = [key for key in values if key in SOURCES]
    if sound and (len(sources) != 1 or values[sources[0]] is False):
        names = " and ".join(sources) if len(sources) > 1 else "none"
        add(where, f" names {names}; expected one of {', '.join(SOURCES)}, like {{ cc = 21 }}")
        return None
    if sound and values.get("bits", 7) not in (7, 14):
        add(f"{where}.bits", f" is {values['bits']}; expected 7 or 14")
        return None
    if not sound:
        return None
    (source,) = sources
    number = 0 if values[source] is True else values[source]
    return Control(source, number, **{key: value for key, value in values.items() if key in OPTIONS})


def misfit(section: str, control: Control) -> str | None:
    """What keeps a control from turning what a section names, as the end of a sentence, or None."""
    if control.bits == 14 and control.source == "cc" and control.number > 31:
        return f" has 14 bits and cc {control.number}; such a pair begins with cc 0 to 31"
    if control.relative and (control.source != "cc" or control.bits == 14):
        return " is relative; only a cc of 7 bits can be"
    if section == "scenes" and control.relative:
        return " is relative; a scene is reached, not turned"
    turned = section in ("params", "macros")
    if not turned and control.relative:
        return " is relative; it is pressed, not turned"
    if turned and control.source == "program":
        return " is a program; only scenes, actions and mutes are chosen by one"
    if section == "macros" and control.pressed:
        return f" is a {control.source}; a macro is turned: expected cc, nrpn, bend or pressure"
    if section != "scenes" and control.seconds:
        return " has seconds, which only scenes take"
    if not turned and (control.min is not None or control.max is not None):
        return " has a range, which only params and macros take"
    return None

"""Reads exact wishes out of a prompt: tempo, key, mode, parts to leave out. What is left is about style."""

from __future__ import annotations

import re
from dataclasses import dataclass

from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light.controls import key_name, mode_name

_PART_WORDS = {
    "drums": "drums|drum|percussion|beats?|kicks?|snares?|hats|drumkit|rhythm section",
    "bass": "bass|basses|bassline|bass line|sub|subs",
    "harmony": "harmony|harmonies|chords?|pads?|keys|arpeggios?|arps?|accompaniment",
    "lead": "lead|leads|melody|melodies|solo|solos|tune|theme|soloist",
}
_ANY_PART = "|".join(_PART_WORDS.values())
_MODES = "harmonic minor|natural minor|major|minor|maj|min|dorian|mixolydian|phrygian|lydian|ionian|aeolian"
_KEY = re.compile(
    rf"\b(?:in\s+(?:the\s+key\s+of\s+)?|key\s+of\s+|key\s*[:=]?\s*)?(?<![\w#])([a-g](?:\s?(?:sharp|flat)\b|[#♯]|b(?![a-z]))?)[\s-]*({_MODES})\b",
)
_BARE_KEY = re.compile(
    r"\b(?:in\s+the\s+key\s+of|key\s+of|in\s+key|key\s*[:=])\s*([a-g](?:\s?(?:sharp|flat)\b|[#♯]|b(?![a-z]))?)(?![\w#'])"
)
_IN_KEY = re.compile(r"\bin\s+([b-g](?:[#♯]|b(?![a-z]))?|a(?:[#♯]|b(?![a-z])))(?=\s*(?:$|[,.;]))")
_MODE = re.compile(r"\b(harmonic minor|dorian|mixolydian|phrygian|lydian|ionian|aeolian)\b")
_MINOR_KEY = re.compile(
    r"\b(?:in\s+(?:an?\s+)?)?(minor|major)(?:\s+(?:key|mode|scale|tonality)\b|(?<=in minor)|(?<=in major))"
)
_TEMPO = re.compile(r"\b(?:at\s+|tempo\s*[:=]?\s*)?(\d{2,3}(?:\.\d+)?)\s*-?\s*(?:bpm|beats\s+per\s+minute)\b")
_TEMPO_FIRST = re.compile(r"\b(?:bpm|tempo)\s*[:=]?\s*(\d{2,3}(?:\.\d+)?)\b")
_WITHOUT = r"\b(?:no|without|minus|zero|remove|drop\s+the|mute|muted|less\s+the)\s+(?:any\s+|the\s+)?"
_NO_PARTS = re.compile(
    rf"{_WITHOUT}((?:{_ANY_PART})(?:\s*(?:,\s*(?:no\s+)?|and\s+(?:no\s+)?|or\s+|&\s*|/\s*|nor\s+)(?:{_ANY_PART}))*)\b(?!\s+(?:machine|solo))"
)
_ONLY_PARTS = re.compile(
    rf"\b(?:only|just|solely|nothing\s+but)\s+(?:the\s+|a\s+)?((?:{_ANY_PART})(?:\s*(?:,\s*|and\s+|&\s*|/\s*)(?:{_ANY_PART}))*)\b(?!\s+and\s+\w)"
)
_TRAILING_ONLY = re.compile(rf"\b((?:{_ANY_PART})(?:\s*(?:,\s*|and\s+|&\s*)(?:{_ANY_PART}))*)\s+(?:only|alone)\b")
_LESS = re.compile(r"\b(drum|bass|beat|melody|chord)less\b")
_NOT = re.compile(
    r"\b(?:no|not|without|never|isn't|non|anti)\s+(?:too\s+|so\s+|very\s+|any\s+)?"
    r"([a-z0-9][\w'&-]*(?:\s+(?:piano|bass|house|sound))?)"
)


@dataclass(frozen=True)
class Demands:
    """What a prompt fixes exactly, and the words that remain."""

    tempo: float = 0.0  # bpm; 0: none named
    key: str = ""
    mode: str = ""
    off: frozenset[str] = frozenset()
    unwanted: tuple[str, ...] = ()  # words the prompt says no to, which are no parts
    rest: str = ""


def _parts_in(text: str) -> frozenset[str]:
    return frozenset(p for p, words in _PART_WORDS.items() if re.search(rf"\b(?:{words})\b", text))


def _mode(name: str) -> str:
    return mode_name({"maj": "major", "min": "minor"}.get(name, name))


def demands(prompt: str) -> Demands:
    """What a prompt asks for to the letter: `120 bpm`, `in F# dorian`, `no drums`, `only bass`."""
    text = " ".join(prompt.lower().replace("-bpm", " bpm").split())
    text = re.sub(r"\bdrum\s*(?:and|n|&|'n'|n')\s*bass\b", "dnb", text)
    tempo, key, mode = 0.0, "", ""
    off: frozenset[str] = frozenset()
    for pattern in (_TEMPO, _TEMPO_FIRST):
        for match in pattern.finditer(text):
            if 40.0 <= float(match[1]) <= 240.0:
                tempo = float(match[1])
        text = pattern.sub(" ", text)
    named = _KEY.search(text)
    if named and not _is_article(named, text):
        key, mode = _key(named[1]), _mode(named[2])
        text = text[: named.start()] + " " + text[named.end() :]
    else:
        named = _BARE_KEY.search(text) or _IN_KEY.search(text)
        if named:
            key = _key(named[1])
            text = text[: named.start()] + " " + text[named.end() :]
        named = _MODE.search(text) or _MINOR_KEY.search(text)
        if named:
            mode = _mode(named[1])
            text = text[: named.start()] + f" {mode} key " + text[named.end() :]
    for match in _LESS.finditer(text):
        off |= {"drum": {"drums"}, "bass": {"bass"}, "beat": {"drums"}, "melody": {"lead"}, "chord": {"harmony"}}[
            match[1]
        ]
    text = _LESS.sub(" ", text)
    for match in _NO_PARTS.finditer(text):
        off |= _parts_in(match[1])
    text = _NO_PARTS.sub(" ", text)
    for pattern in (_ONLY_PARTS, _TRAILING_ONLY):
        only = pattern.search(text)
        if only:
            off |= frozenset(sy.PARTS) - _parts_in(only[1])
            text = pattern.sub(" ", text)
    unwanted = tuple(match[1] for match in _NOT.finditer(text))
    text = _NOT.sub(" ", text)
    return Demands(tempo, key, mode, off, unwanted, " ".join(text.split()))


def _is_article(match: re.Match[str], text: str) -> bool:
    """Whether the a of "a minor inconvenience" or "a major key" is no note."""
    after = text[match.end() :].strip()
    return match[0].startswith("a ") and bool(after) and not re.match(r"[,.;]|at\b|\d", after)


def _key(text: str) -> str:
    return key_name(re.sub(r"\s?sharp", "#", re.sub(r"\s?flat", "b", text)))

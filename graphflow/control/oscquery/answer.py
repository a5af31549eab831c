"""What an HTTP request is answered with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from graphflow.control.oscquery.namespace import (
    ATTRIBUTES,
    EXTENSIONS,
    NEWS,
    Place,
    Read,
    attributes,
    contents,
    described,
    find,
)

TOKEN = "token"
"""The name of a query's part that is no attribute."""


@dataclass(frozen=True)
class Answer:
    """A status of HTTP, and what comes with it."""

    status: int
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.status} {self.body.decode()}".rstrip()


@dataclass(frozen=True)
class Host:
    """Who answers, as seen from the client: `ip` is the address that was asked."""

    name: str
    ip: str
    port: int

    def info(self) -> dict[str, Any]:
        return {
            "NAME": self.name,
            "EXTENSIONS": dict.fromkeys((*EXTENSIONS, *NEWS), True),
            "OSC_IP": self.ip,
            "OSC_PORT": self.port,
            "OSC_TRANSPORT": "UDP",
            "WS_IP": self.ip,
            "WS_PORT": self.port,
        }


def answer(target: str, root: Place, host: Host, read: Read, words: Mapping[str, str]) -> Answer:
    """To a request's path and query: 200 with JSON; 204 for an attribute that the place has not got, 400 for one that
    nobody has, 404 for a place that is not there."""
    parts = urlsplit(target)
    asked = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True) if name != TOKEN]
    if "HOST_INFO" in asked:
        return _json(host.info())
    place = find(root, unquote(parts.path))
    if place is None:
        return Answer(404, f"{unquote(parts.path)[:200]}: there is no such path".encode())
    if not asked:
        return _json(described(place, read, words))
    unknown = next((name for name in asked if name not in ATTRIBUTES), "")
    if unknown:
        known = ", ".join((*ATTRIBUTES, "HOST_INFO"))
        return Answer(400, f"{unknown[:200]}: no such attribute; expected one of {known}".encode())
    has = attributes(place, read, words)
    if "CONTENTS" in asked and place.below:
        has["CONTENTS"] = contents(place, read, words)
    found = {name: has[name] for name in asked if name in has}
    return _json(found) if found else Answer(204)


def _json(data: dict[str, Any]) -> Answer:
    return Answer(200, json.dumps(data, ensure_ascii=False).encode())

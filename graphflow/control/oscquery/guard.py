"""Who may ask: a program on this computer, or who has the token.

A web page is a program too, and any page that the user opens can ask this computer; so what comes from a browser must
come from a page of this computer, under a name that cannot be somebody else's.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from graphflow.control.osc.gate import is_local

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def new_token() -> str:
    """What nobody can guess, short enough to be typed."""
    return secrets.token_urlsafe(12)


def refused(peer: str, target: str, headers: Mapping[str, str], token: str) -> str:
    """Why a request is turned away; "" if it is not. `token` "": only this computer may ask."""
    if token and _has(token, target, headers):
        return ""
    if not is_local(peer):
        return "a token is needed: ?token=... or Authorization: Bearer ..." if token else "only this computer may ask"
    if _name(f"//{headers.get('Host', '')}") not in LOOPBACK:
        return f"asked for as {headers.get('Host', '')[:100]!r}; expected localhost"
    origin = headers.get("Origin")
    if origin is not None and _name(origin) not in LOOPBACK:
        return f"a page of {origin[:100]} may not ask without the token"
    return ""


def _has(token: str, target: str, headers: Mapping[str, str]) -> bool:
    given = parse_qs(urlsplit(target).query).get("token", [""])[0]
    scheme, _, bearer = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        given = bearer.strip()
    return hmac.compare_digest(given.encode(), token.encode())


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # no address at all
        return ""

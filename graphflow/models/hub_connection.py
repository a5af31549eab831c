"""Questions to the Hugging Face hub over HTTP, and what went wrong with them in one line each.

Redirects are followed here and not by urllib, which would hand the token on to whatever host a redirect names, and
would leave out the one answer that carries the checksum.
"""

from __future__ import annotations

import os
import ssl
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, HTTPResponse
from typing import Any, NoReturn
from urllib.error import URLError
from urllib.parse import SplitResult, urljoin, urlsplit

import graphflow
from graphflow.core.errors import UserError

ENDPOINT = "https://huggingface.co"
REDIRECTS = (301, 302, 303, 307, 308)
HOPS = 6
SECONDS = 30.0
"""How long the other side may be silent."""


class Lost(Exception):
    """What may go well the next time: a connection that broke, a server that is busy. `str()` says what happened."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after  # seconds the server asked to wait


class NotThere(UserError):
    """The hub has no such file."""


@dataclass(frozen=True)
class Answer:
    """The last answer, unread; `commit` is what any of the answers on the way said."""

    response: HTTPResponse
    host: str
    commit: str

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def headers(self) -> Message:
        return self.response.headers


class _AsItCame(urllib.request.HTTPErrorProcessor):
    """Every answer is handed over, redirects and errors too."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        return response

    https_response = http_response


class Connection:
    """Asks one hub. The token is shown to the hub's own address and to no other."""

    def __init__(self, endpoint: str = "", token: str | None = None, seconds: float = SECONDS) -> None:
        """Without arguments what HF_ENDPOINT and HF_TOKEN say. Raises UserError."""
        where = "--endpoint" if endpoint else "HF_ENDPOINT"
        self.endpoint = (endpoint or os.environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")
        if _origin(self.endpoint) is None:
            raise UserError(f"{where} is '{self.endpoint}'; expected an address like {ENDPOINT}")
        self._token = (os.environ.get("HF_TOKEN", "") if token is None else token).strip()
        if not (self._token.isascii() and (self._token.isprintable())):
            raise UserError("HF_TOKEN holds characters that no token has; copy it again from the hub's settings")
        self._seconds = seconds
        self._opener = urllib.request.build_opener(_AsItCame)  # it knows the proxies of the environment

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).netloc

    def ask(
        self,
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        enough: Callable[[Message], bool] = lambda headers: False,
    ) -> Answer:
        """The answer at the end of all redirects, or the first whose headers are `enough`. Close its response.

        Raises Lost for what may go well the next time, UserError for what will not.
        """
        commit = ""
        for _ in range(HOPS):
            response = self._open(method, url, headers or {})
            host = urlsplit(url).netloc
            commit = commit or response.headers.get("X-Repo-Commit", "")
            target = response.headers.get("Location", "")
            if response.status not in REDIRECTS or not target or enough(response.headers):
                return Answer(response, host, commit)
            response.close()
            before, url = url, _joined(url, target)
            if _origin(url) is None or (before.startswith("https:") and not url.startswith("https:")):
                raise UserError(f"{host} redirects to an unsafe address; nothing was fetched from there")
        raise UserError(f"{self.host} redirects more than {HOPS} times; is the endpoint right?")

    def _open(self, method: str, url: str, headers: dict[str, str]) -> HTTPResponse:
        asked = {"User-Agent": f"graphflow/{graphflow.__version__}", "Accept-Encoding": "identity", **headers}
        if self._token and _origin(url) == _origin(self.endpoint):
            asked["Authorization"] = f"Bearer {self._token}"
        host = urlsplit(url).netloc
        try:
            response: HTTPResponse = self._opener.open(
                urllib.request.Request(url, headers=asked, method=method), timeout=self._seconds
            )
        except URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                reason = error.reason.verify_message
                raise UserError(
                    f"{host} shows a certificate that is not trusted ({reason}); if it is right, "
                    "name it in SSL_CERT_FILE"
                ) from error
            raise Lost(_words(host, error.reason)) from error
        except (OSError, HTTPException) as error:
            raise Lost(_words(host, error)) from error
        return response

    def refuse(self, answer: Answer, what: str) -> NoReturn:
        """Says what a status means that brings no file. Raises Lost, NotThere or UserError."""
        status, host = answer.status, answer.host
        said = f"{host} answers {status} {answer.response.reason}"
        code = answer.headers.get("X-Error-Code", "")
        if status == 429 or status >= 500:
            after = answer.headers.get("Retry-After", "")
            raise Lost(said, float(after) if after.isdecimal() else 0.0)
        if host != self.host and status in (401, 403):  # what the hub signed for this host has run out
            raise Lost(said)
        if code == "GatedRepo":
            repair = f"accept its terms at {self.endpoint} and set HF_TOKEN to a token of yours"
            raise UserError(f"{what}: {host} gives it only to those who accepted its terms ({status}); {repair}")
        if code in ("RepoNotFound", "RevisionNotFound"):  # 401 to strangers, who are not told whether it is there
            missing = {"RepoNotFound": "repository", "RevisionNotFound": "revision"}[code]
            raise UserError(f"{what}: {host} has no such {missing}, or not for you ({status}); is the endpoint right?")
        if status == 401:
            repair = "set it to a token from the hub's settings"
            if self._token:
                raise UserError(f"{what}: {host} does not know the token in HF_TOKEN (401); {repair}, or unset it")
            raise UserError(f"{what}: {host} wants to know who asks (401), and HF_TOKEN is not set; {repair}")
        if status == 403:
            raise UserError(f"{what}: {host} refuses it (403); see whether its page asks for something")
        if status == 404:
            raise NotThere(f"{what}: {host} has no such file (404); is the endpoint right?")
        raise UserError(f"{what}: {said}; is the endpoint right?")


def _joined(url: str, target: str) -> str:
    """Where a redirect leads; "" for what is no address."""
    try:
        return urljoin(url, target)
    except ValueError:
        return ""


def _origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None for what is no plain address of a web server."""
    try:
        parts: SplitResult = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or "@" in parts.netloc
        or "\\" in url
        or not url.isascii()
    ):
        return None
    return parts.scheme, parts.hostname, port or {"http": 80, "https": 443}[parts.scheme]


def _words(host: str, error: object) -> str:
    """What went wrong on the way to a host."""
    if isinstance(error, ConnectionRefusedError):
        return f"{host} refuses the connection"
    if isinstance(error, TimeoutError):
        return f"{host} is silent"
    if isinstance(error, ConnectionError):
        return f"{host} closed the connection"
    if isinstance(error, OSError) and error.strerror:
        return f"{host} cannot be reached ({error.strerror})"
    return f"{host} cannot be reached ({error or type(error).__name__})"


def lost(host: str, error: Exception) -> Lost:
    """A body that broke off, in words."""
    return Lost(_words(host, error))

"""A patch on the manual clock that is served by OSCQuery, and what clients need."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "session"))
sys.path.insert(0, str(Path(__file__).parents[1] / "osc"))
from desk import PATCH, meanwhile
from kinds import opened

from graphflow.control.osc import OscServer
from graphflow.control.oscquery.server import OscQuery
from graphflow.session import Session

pytest.importorskip("websockets", reason="websockets is missing: pip install 'graphflow-live[web]'")

T = TypeVar("T")


class House:
    """The session, its servers, and ways to ask them from outside."""

    def __init__(self, session: Session, osc: OscServer, query: OscQuery) -> None:
        self.session, self.osc, self.query = session, osc, query

    def get(self, target: str, **headers: str) -> tuple[int, str]:
        """Status and body of a plain request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.query.port, timeout=10.0)
        try:
            connection.request("GET", target, headers=headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def json(self, target: str) -> Any:
        status, body = self.get(target)
        assert status == 200, body
        return json.loads(body)

    def while_playing(self, work: Callable[[], T]) -> T:
        """Do what a client does while the session runs and looks, as it does when it plays."""

        def busy() -> T:
            return work()

        looking = self.session.loop.call_later

        def look() -> None:
            nonlocal timer
            self.session.pump()
            timer = looking(0.005, look)

        timer = looking(0.0, look)
        try:
            return meanwhile(self.session, busy)
        finally:
            timer.cancel()


@pytest.fixture
def lines() -> list[str]:
    """What the session has reported."""
    return []


@pytest.fixture
def house(tmp_path: Path, lines: list[str]) -> Iterator[House]:
    session = opened(PATCH, lines, tmp_path)
    query = None
    osc = None
    try:
        for _ in range(20):  # the UDP port is free; the TCP port of the same number may be another's
            osc = OscServer(session, port=0)
            session.loop.run_until_complete(osc.start())
            query = OscQuery(osc, name="graphflow Test")
            try:
                query.start()
                break
            except Exception:  # noqa: BLE001 - taken: try the next
                osc.close()
        assert osc is not None and query is not None
        yield House(session, osc, query)
    finally:
        if query is not None:
            query.close()
        if osc is not None:
            osc.close()
        session.close()

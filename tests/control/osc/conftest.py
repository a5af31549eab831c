"""What the tests of OSC share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "session"))
sys.path.insert(0, str(Path(__file__).parent))
from desk import PATCH, Desk, Watch
from kinds import opened

from graphflow.control.osc import OscServer
from graphflow.session import Session


@pytest.fixture
def lines() -> list[str]:
    """What the session has reported."""
    return []


@pytest.fixture
def session(lines: list[str], tmp_path: Path) -> Iterator[Session]:
    session = opened(PATCH, lines, tmp_path)
    yield session
    session.close()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def server(session: Session, watch: Watch, tmp_path: Path) -> Iterator[OscServer]:
    path = tmp_path / "test.toml"
    path.write_text(PATCH)
    server = OscServer(session, port=0, path=path, steady=watch)
    session.loop.run_until_complete(server.start())
    yield server
    server.close()


@pytest.fixture
def desk(session: Session, server: OscServer) -> Iterator[Desk]:
    desk = Desk(session, server)
    yield desk
    desk.close()


@pytest.fixture
def other(session: Session, server: OscServer) -> Iterator[Desk]:
    """Another controller on the same computer."""
    desk = Desk(session, server)
    yield desk
    desk.close()

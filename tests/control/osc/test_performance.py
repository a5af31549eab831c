"""OSC while a sound card plays: everything that is sent arrives, and bundles come in time."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from desk import PATCH, bundle
from kinds import LIBRARY

from graphflow.control.osc import OscServer
from graphflow.control.osc.clock import tag_of
from graphflow.control.osc.packet import written
from graphflow.core.patch_text import read
from graphflow.session import Session
from graphflow.session.live import Live
from graphflow.session.output import Output

MESSAGES = 3000


@pytest.mark.audio
def test_a_storm_and_a_bundle_arrive_while_the_card_plays(jack: Any):
    lines: list[str] = []
    session = Session(LIBRARY, report=lines.append)
    server = OscServer(session, port=0)
    session.loop.run_until_complete(server.start())
    output = Output(session.engine, 128, lines.append)
    desk = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    desk.connect(("127.0.0.1", server.port))
    sent, meant, heard = 0, 0.0, 0.0

    def show(live: Live) -> None:
        nonlocal sent, meant, heard
        if not live.begun:
            return
        for _ in range(min(100, MESSAGES - sent)):
            sent += 1
            desk.send(written("/gf/node/a/value", [sent / MESSAGES]))
        if sent == MESSAGES and not meant and server.statistics().messages >= MESSAGES:
            meant = time.time() + 0.3
            desk.send(bundle(("/gf/node/a/value", [-0.5]), ("/gf/node/w/text", ["dusk"]), tag=tag_of(meant)))
        if meant and not heard and session.get("w", "text") == "dusk":
            heard = time.time()
            live.end()

    Live(session, output).run(read(PATCH)[0], output.prepare("system", None), seconds=30.0, show=show)
    output.close()
    server.close()
    statistics = server.statistics()
    assert (statistics.messages, statistics.refused, statistics.bundles.late) == (MESSAGES + 2, 0, 0)
    assert session.get("a", "value") == -0.5
    assert abs(heard - meant) < 0.25
    assert session.engine.statistics().commands_lost == 0
    assert session.frame_clock.statistics().looks > 0
    session.close()
    desk.close()

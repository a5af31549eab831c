"""liblo's tools, an OSC that nobody here wrote: oscsend and oscdump."""

from __future__ import annotations

import asyncio
import shutil
import socket

import pytest
from desk import until

from graphflow.control.osc import OscServer
from graphflow.session import Session

pytestmark = pytest.mark.skipif(
    not (shutil.which("oscsend") and shutil.which("oscdump")), reason="no oscsend: apt install liblo-tools"
)


def oscsend(session: Session, where: str, *words: str) -> None:
    async def run() -> None:
        process = await asyncio.create_subprocess_exec("oscsend", where, *words)
        async with asyncio.timeout(10.0):
            assert await process.wait() == 0

    session.loop.run_until_complete(run())


@pytest.mark.parametrize("form", ["osc.udp://127.0.0.1:{}", "osc.tcp://127.0.0.1:{}"])
@pytest.mark.parametrize("tag, value", [("f", "0.5"), ("i", "1"), ("d", "0.5"), ("h", "1"), ("T", "")])
def test_oscsend_sets_a_param_in_every_type(session: Session, server: OscServer, form: str, tag: str, value: str):
    where = form.format(server.port + ("tcp" in form))
    oscsend(session, where, "/gf/node/a/value", tag, *filter(None, [value]))
    until(session, lambda: session.get("a", "value") == float(value or 1))


def test_oscsend_sends_words_and_patterns(session: Session, server: OscServer):
    oscsend(session, f"osc.udp://127.0.0.1:{server.port}", "/gf/node/{w,silent}/text", "s", "choir in a cave")
    until(session, lambda: session.get("silent", "text") == "choir in a cave")
    assert session.get("w", "text") == "choir in a cave"


def test_oscdump_hears_what_is_subscribed_to(session: Session, server: OscServer):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async def run() -> list[str]:
        dump = await asyncio.create_subprocess_exec(
            "oscdump", "-L", str(port), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        assert dump.stdout is not None
        lines: list[str] = []
        try:
            async with asyncio.timeout(15.0):
                while not lines:  # until it listens, what is sent is lost
                    ask = await asyncio.create_subprocess_exec(
                        "oscsend", "127.0.0.1", str(server.port), "/gf/subscribe", "sfi", "/gf/node/a/val*", "30", str(port)
                    )  # fmt: skip
                    await ask.wait()
                    server.look(0)
                    try:
                        lines.append((await asyncio.wait_for(dump.stdout.readline(), 0.5)).decode())
                    except TimeoutError:
                        continue
                session.set("a", "value", 0.5)
                server.steady.now += 1.0  # type: ignore[attr-defined]
                server.look(0)
                lines.append((await dump.stdout.readline()).decode())
        finally:
            dump.terminate()
            await dump.wait()
        return [" ".join(line.split()[-3:]) for line in lines]

    assert session.loop.run_until_complete(run()) == [
        "/gf/node/a/value f 0.250000",
        "/gf/node/a/value f 0.500000",
    ]

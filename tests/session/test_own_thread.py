"""The way into a session's thread from another."""

from __future__ import annotations

import asyncio
import threading

import pytest

from graphflow.session.own_thread import OwnThread


def test_who_is_not_answered_is_told_why_and_nothing_is_done_later() -> None:
    loop, done, said = asyncio.new_event_loop(), list[int](), list[str]()
    own = OwnThread(loop)

    def ask() -> None:
        with pytest.raises(TimeoutError) as raised:
            own.call(lambda: done.append(1), 0.01)
        said.append(str(raised.value))

    other = threading.Thread(target=ask)
    other.start()
    other.join(5.0)  # meanwhile the loop does not run
    loop.run_until_complete(asyncio.sleep(0))
    assert said == ["the session did not answer within 0.01 s; a node may hold it up"]
    assert done == []
    loop.close()


def test_what_is_left_for_a_closed_session_is_dropped() -> None:
    loop, done = asyncio.new_event_loop(), list[int]()
    own = OwnThread(loop)
    own.soon(lambda: done.append(1))
    assert done == [1]
    loop.close()
    other = threading.Thread(target=lambda: own.soon(lambda: done.append(2)))
    other.start()
    other.join(5.0)
    assert done == [1]

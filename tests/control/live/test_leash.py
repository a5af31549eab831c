"""Stopping code in another thread, and nothing but that code."""

from __future__ import annotations

import threading

from graphflow.control.live.leash import Leash, Stopped


def test_a_pull_that_comes_too_late_never_arrives():
    leash = Leash()
    assert not leash.pull()
    stopped = whole = 0
    for _ in range(300):
        held, go = threading.Event(), threading.Event()

        def other(held: threading.Event = held, go: threading.Event = go) -> None:
            held.wait()
            go.set()
            leash.pull()

        thread = threading.Thread(target=other)
        thread.start()
        try:
            try:
                leash.hold()
                held.set()
                go.wait()
            finally:
                leash.slip()
            whole += 1
        except Stopped:
            stopped += 1
        thread.join()  # a Stopped that was still on its way would be raised here
        sum(range(100))
    assert stopped + whole == 300
    assert stopped > 0


def test_code_that_swallows_it_is_held_no_longer():
    leash = Leash()
    swallowed = 0
    try:
        leash.hold()
        try:
            leash.pull()
            while True:
                pass
        except BaseException:  # noqa: BLE001 - as a performer might write
            swallowed += 1
    finally:
        leash.slip()
    assert swallowed == 1
    assert not leash.pull()

from __future__ import annotations

import threading

import numpy as np
import pytest

from graphflow.worker.mailbox import Letter, Mailbox


def mailbox(capacity: int = 64) -> tuple[Mailbox, np.ndarray]:
    memory = np.zeros(Mailbox.size(capacity), np.uint8)
    return Mailbox(memory, capacity), memory


def test_the_latest_message_wins() -> None:
    box, memory = mailbox()
    assert box.get() is None
    assert [box.put(text, 10 * n) for n, text in enumerate([b"one", b"two", b""])] == [1, 2, 3]
    assert Mailbox(memory, 64).get() == Letter(3, 20, b"")


def test_a_writer_that_died_in_the_middle_leaves_the_message_before() -> None:
    box, memory = mailbox()
    box.put(b"one", 1)
    box.put(b"two", 2)
    memory[memory.tobytes().index(b"two")] = 0
    assert box.get() == Letter(1, 1, b"one")


def test_a_message_that_is_too_long_is_refused_and_changes_nothing() -> None:
    box, _ = mailbox()
    box.put(b"one", 1)
    with pytest.raises(ValueError, match="message is 65 bytes; expected at most 64"):
        box.put(b"x" * 65, 2)
    assert box.get() == Letter(1, 1, b"one")


def test_a_reader_never_sees_a_torn_message() -> None:
    box, memory = mailbox(4096)
    box.put(b"0" * 4096, 0)
    done = threading.Event()

    def write() -> None:
        for n in range(3000):
            box.put(str(n % 10).encode() * 4096, n % 10)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    other, seen = Mailbox(memory, 4096), 0
    while not done.is_set():
        if letter := other.get():
            seen += 1
            assert letter.data == str(letter.frame).encode() * 4096
    writer.join()
    assert seen > 0
    assert other.get() == Letter(3001, 9, b"9" * 4096)

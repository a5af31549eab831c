"""A worker: `python -m graphflow.worker.host DESCRIPTOR`. Hosts generators for one session and ends with it."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import queue
import signal
import socket
import sys
import threading

from graphflow.worker.channel import Channel, Message, Order
from graphflow.worker.generator import find_model
from graphflow.worker.layout import Shape, SlotMemory
from graphflow.worker.memory import attach
from graphflow.worker.slot import Slot
from graphflow.worker.together import Together

OUTBOX = 1000
"""Messages kept for a session that is busy; then the newest are dropped, so that no generator ever waits for it."""


class Host:
    """Obeys the session; every generator has a thread of its own."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._slots: dict[int, Slot] = {}
        self._together = Together()
        self._outbox: queue.Queue[Message] = queue.Queue(OUTBOX)
        self._dropped = 0
        threading.Thread(target=self._send, name="outbox", daemon=True).start()

    def post(self, message: Message) -> None:
        try:
            self._outbox.put_nowait(message)
        except queue.Full:
            self._dropped += 1

    def _send(self) -> None:
        while True:
            message = self._outbox.get()
            dropped, self._dropped = self._dropped, 0
            if dropped:
                message["dropped"] = dropped
            try:
                self._channel.send(message)
            except OSError:
                return  # the session is gone; the lifeline ends the process

    def serve(self) -> None:
        """Until the session goes."""
        while True:
            try:
                messages = self._channel.receive()
            except (EOFError, OSError):
                return
            for message in messages:
                self._obey(message)

    def _obey(self, message: Message) -> None:
        if message["do"] == "prepare":
            threading.Thread(target=prepare, args=(message["model"],), name="prepare", daemon=True).start()
            return
        if message["do"] == "open":
            shape = Shape(message["channels"], message["capacity"], message["hears"])
            memory = SlotMemory(attach(shape.size, message["tag"], self._channel.descriptor()), shape)
            order = Order(**message["order"])
            self._slots[order.slot] = Slot(order, memory, self.post, self._together)
            self._slots[order.slot].start()
            return
        slot = self._slots.get(message["slot"])
        if slot is None:
            return  # closed or crashed meanwhile
        if message["do"] == "close":
            slot.close()
            del self._slots[message["slot"]]
        elif message["do"] == "snapshot":
            slot.want_snapshot()
        elif message["do"] == "repeat":
            slot.repeats.asked.put(message)
        slot.wake.set()


def prepare(model: str) -> None:
    """Import what a model needs before its first generator is opened; what is wrong is said when one is."""
    with contextlib.suppress(Exception):
        module = find_model(model)
        if hasattr(module, "prepare"):
            module.prepare()


def hold_lifeline() -> None:
    """End with the session, whatever a generator is doing: standard input closes when the session is gone.

    A thread waits for that; a step that holds the GIL would keep it waiting, so on Linux the kernel also sends SIGIO,
    whose default is to end the process.
    """
    if sys.platform == "linux":
        import fcntl

        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)

    def wait() -> None:
        while os.read(0, 64):
            pass
        os._exit(0)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def connect(argument: str) -> Channel:
    """The session's socket: inherited by its number, on Windows shared through standard input (untested)."""
    if sys.platform == "win32":
        link = socket.fromshare(os.read(0, int(argument)))
    else:
        link = socket.socket(fileno=int(argument))
    return Channel(link)


def say_what_models_log() -> None:
    """What our models log (a compilation that takes long) goes to standard error, whose lines the session shows."""
    log = logging.getLogger("graphflow")
    log.setLevel(logging.INFO)
    log.addHandler(logging.StreamHandler())


def main(argument: str) -> None:
    faulthandler.enable()
    say_what_models_log()
    sys.setswitchinterval(0.001)  # seconds; a generator's thread should not wait 5 ms for another's
    channel = connect(argument)
    hold_lifeline()
    Host(channel).serve()
    os._exit(0)  # nothing to tidy: what was shared goes with the process


if __name__ == "__main__":
    main(sys.argv[1])

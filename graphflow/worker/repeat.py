"""A generator in a replay: chunk after chunk as it once was, each with what it had then."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

from graphflow.worker.channel import Message
from graphflow.worker.layout import SlotMemory

if TYPE_CHECKING:
    from graphflow.worker.maker import Maker
    from graphflow.worker.slot import Slot


class Repeats:
    """What the session asks of a slot, in order; each is answered when it is done."""

    def __init__(self) -> None:
        self.asked: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def play(self, slot: Slot, maker: Maker, memory: SlotMemory) -> None:
        """Until the slot closes. `begin` starts an epoch, `chunk` makes the next one, `again` replaces the last."""
        while not slot.closing:
            memory.beat()
            try:
                asked = self.asked.get(timeout=1.0)
            except queue.Empty:
                continue
            if asked["op"] == "begin":
                maker.begin(asked["start"], asked["position"])
            elif asked["op"] == "chunk":
                maker.chunk(asked.get("heard"), asked.get("told"))
            elif asked["op"] == "again":
                maker.remake(asked["frame"], asked.get("told"))
            elif asked["op"] == "snapshot":
                slot.snapshot_now()
            slot.tell("repeated", number=asked.get("number", 0))

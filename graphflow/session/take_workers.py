"""What generators' workers did, as a take's events; and what of it a replay cannot know."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from graphflow.session import take_changes
from graphflow.session.take import Event
from graphflow.worker.channel import Message

OF_INTEREST = ("state", "begun", "echo", "heard", "told", "snapshot", "healed", "died")
UNWRITTEN = ("slot", "dropped", "size")
"""Parts of a message that say nothing to a replay."""


class WorkerEvents:
    """Turns messages into events. `doubt` is called with a line and a frame for what cannot be repeated from there."""

    def __init__(self, write: Callable[[Event], None], doubt: Callable[[str, int], None]) -> None:
        self._write, self._doubt = write, doubt
        self._sent: defaultdict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
        self._in_effect: dict[str, dict[str, Any]] = {}
        self._last: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._snapshots: defaultdict[str, set[int]] = defaultdict(set)

    def hear(self, key: str, message: Message, frame: int) -> None:
        """A message about the instance `key`, or a state that is sent to it, while the engine is at a frame."""
        do, last = message["do"], self._last[key]
        if message.get("dropped"):
            self._doubt(f"{key}: its worker said more than could be heard", frame)
        if do == "state":  # of these only the ones that took effect are worth writing
            self._sent[key][message["seq"]] = message["state"]
        elif do == "echo":
            self._echo(key, message, frame)
        elif do == "died":
            deaf = last["heard"] and message["chunk"] > last["heard"]
            if deaf or message["applied"] != last["applied"] or message["again"] != last["again"]:
                self._doubt(f"{key}: what its worker did last was not heard of", frame)
        elif do == "healed":
            self._doubt(f"{key}: it made no numbers and was taken back to its last snapshot", frame)
        else:
            if do == "heard":
                last["heard"] = message["chunk"] + 1
            elif do == "snapshot":
                self._snapshots[key].add(message["seq"])
            elif do == "begun" and message["restored"] > 0 and message["restored"] not in self._snapshots[key]:
                self._doubt(f"{key}: the snapshot that it went on from is not known", frame)
            self._write({"generator": key, **{k: v for k, v in message.items() if k not in UNWRITTEN}})

    def _echo(self, key: str, message: Message, frame: int) -> None:
        seq, last, sent = message["seq"], self._last[key], self._sent[key]
        state = sent.get(seq)
        self._sent[key] = {number: other for number, other in sent.items() if number >= seq}
        if message["late"]:
            self._doubt(f"{key}: a chunk that was made again came too late", frame)
        last["applied"], last["again"] = seq, message["again"] or last["again"]
        if state is None:
            self._doubt(f"{key}: one of its states is not known", frame)
            return
        change = take_changes.state_changes(self._in_effect.get(key), state)
        self._in_effect[key] = state
        place = {name: message[name] for name in ("chunk", "frame", "again")}
        self._write({"generator": key, "do": "echo", **place, **change})

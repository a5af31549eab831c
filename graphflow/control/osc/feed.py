"""Values on their way to who has asked: at a rate, with the last one always sent, and no echo to its source."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphflow.control.osc.entry import ROOT, Entry
from graphflow.control.osc.lease import Lease, Values, Watch, messages_of, same, value_of
from graphflow.control.osc.packet import written
from graphflow.control.osc.peer import Key, Peer, key_of
from graphflow.control.osc.space import Space
from graphflow.control.osc.watchers import Table, Watchers
from graphflow.core.errors import UserError

LEASE = 60.0
"""Seconds that somebody is sent values after the last thing heard from that host."""
VALUES_HZ, LEVELS_HZ, SLOWEST_HZ = 30.0, 20.0, 0.1
ECHO = 0.3
"""Seconds in which a value is not sent to who has just moved it."""
BUDGET = 64
"""Messages sent at one look, so that a thousand subscribers slow each other down and nothing else."""
MOST, MOST_PATTERNS = 1024, 32
"""Who can have subscribed at once, and to how many patterns."""
EVERYTHING = ""
"""The pattern of who has said hello: all values of the patch, but no levels."""


@dataclass(frozen=True)
class FeedStatistics:
    """`ended`: leases that ran out, because nothing came from there any more."""

    subscribers: int
    sent: int
    ended: int
    refused: int


class Feed:
    """All subscriptions. `look` with the time in seconds every few ms; it never waits."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._leases: dict[Key, Lease] = {}
        self._watchers = Watchers()
        self._last: dict[str, Values] = {}
        self._ready: deque[Watch] = deque()
        self._values_at = self._levels_at = self._expire_at = 0.0
        self._sent = self._ended = self._refused = 0
        space.listeners.append(lambda change: self._expand())

    # --- who listens ------------------------------------------------------------------------------------------------

    def subscribe(
        self, target: Peer, pattern: str, now: float, *, owner: Key | None = None, hz: float = 0.0, lease: float = LEASE
    ) -> None:
        """Send what a pattern means to somebody: at once, and whenever it changes. Raises UserError.

        `hz`: how often at most, 0 for the usual. `lease`: for how many seconds; math.inf until `leave`.
        """
        key = key_of(target)
        held = self._leases.get(key)
        if held is None:
            if len(self._leases) >= MOST:
                self._refused += 1
                raise UserError(f"/gf/subscribe: {MOST} have subscribed already; wait until one has left")
            held = self._leases[key] = Lease(target, owner or key, now + lease)
        if pattern not in held.watches and len(held.watches) >= MOST_PATTERNS:
            self._refused += 1
            raise UserError(f"/gf/subscribe: {MOST_PATTERNS} patterns already; take one with * that means them all")
        for watch in held.watches.values():
            self._watchers.drop(watch)
        held.target, held.owner, held.until = target, owner or key, now + lease
        old = held.watches.pop(pattern, None)
        for watch in held.watches.values():
            self._watchers.take(watch)
        watch = held.watches[pattern] = Watch(held, pattern, 1.0 / min(max(hz or VALUES_HZ, SLOWEST_HZ), VALUES_HZ))
        if old is not None:  # asked for again, perhaps while something is moved
            watch.held = old.held
        self._fill(watch)
        self._send_ready(now)

    def unsubscribe(self, key: Key, pattern: str | None = None) -> None:
        """No more of a pattern; None: of anything. Who asks may be the owner or the receiver."""
        for lease in [held for held in self._leases.values() if key in (held.key, held.owner)]:
            for name in list(lease.watches) if pattern is None else [pattern]:
                self._end(lease, name)

    def leave(self, key: Key) -> None:
        """A connection has ended."""
        lease = self._leases.get(key)
        if lease is not None:
            for pattern in list(lease.watches):
                self._end(lease, pattern)

    def heard_from(self, host: str, now: float) -> None:
        """Something came from a host: its leases begin anew."""
        for lease in self._leases.values():
            if lease.target.host == host:
                lease.until = max(lease.until, now + LEASE)

    # --- what has changed -------------------------------------------------------------------------------------------

    def moved(self, address: str, peer: Peer, arguments: Sequence[Any], now: float) -> None:
        """Somebody has set a value: it is not sent back there for a while, and after that only if it became another."""
        source = key_of(peer)
        stranger = not self._watchers.owned(source)
        for watch in self._watchers.values.get(address, ()):
            lease = watch.lease
            if source in (lease.owner, lease.key):
                watch.held[address] = now + ECHO
                watch.sent[address] = tuple(arguments)
            elif stranger and lease.target.host == peer.host:
                watch.held[address] = now + ECHO  # another socket of the same program, perhaps
            self._mark(watch, address)

    def look(self, now: float) -> None:
        if not self._leases:
            return
        if now >= self._expire_at:
            self._expire_at = now + 1.0
            self._expire(now)
        self._poll(self._watchers.quick)
        if now >= self._values_at:
            self._values_at = now + 1.0 / VALUES_HZ
            self._poll(self._watchers.values)
        if now >= self._levels_at:
            self._levels_at = now + 1.0 / LEVELS_HZ
            for address, watches in self._watchers.levels.items():
                for watch in watches:
                    self._mark(watch, address)
        self._send_ready(now)

    def statistics(self) -> FeedStatistics:
        return FeedStatistics(len(self._leases), self._sent, self._ended, self._refused)

    def _poll(self, watching: Table) -> None:
        for address, watches in watching.items():
            value = value_of(next(iter(watches)).entries[address])
            if value is not None and value != self._last.get(address):
                self._last[address] = value
                for watch in watches:
                    self._mark(watch, address)

    def _mark(self, watch: Watch, address: str) -> None:
        watch.pending[address] = None
        if not watch.queued:
            watch.queued = True
            self._ready.append(watch)

    def _expire(self, now: float) -> None:
        gone = [key for key, lease in self._leases.items() if lease.until < now]
        for key in gone:
            self.leave(key)
        self._ended += len(gone)
        self._last = {address: value for address, value in self._last.items() if address in self._watchers.values}

    # --- sending ----------------------------------------------------------------------------------------------------

    def _send_ready(self, now: float) -> None:
        budget = BUDGET
        for _ in range(len(self._ready)):
            watch = self._ready.popleft()
            watch.queued = False
            lease = self._leases.get(watch.lease.key)
            if lease is None or lease.watches.get(watch.pattern) is not watch:
                continue  # it has left meanwhile
            if now >= watch.due and budget > 0:
                budget -= self._send(watch, now, budget)
                if not watch.pending:
                    watch.due = now + watch.every
            if watch.pending:
                watch.queued = True
                self._ready.append(watch)

    def _send(self, watch: Watch, now: float, budget: int) -> int:
        """Send what may be sent; how many messages that were."""
        sent = 0
        for address in list(watch.pending):
            if sent >= budget:
                break
            if watch.held.get(address, 0.0) > now:
                continue
            del watch.pending[address]
            entry = watch.entries.get(address)
            value = None if entry is None else value_of(entry)
            if entry is None or value is None:
                continue
            watch.held.pop(address, None)
            if entry.what != "level" and same(value, watch.sent.get(address)):
                continue
            watch.sent[address] = value
            for arguments in messages_of(entry, value):
                watch.lease.target.send(written(address, arguments))
                sent += 1
        self._sent += sent
        return sent

    # --- which addresses --------------------------------------------------------------------------------------------

    def _expand(self) -> None:
        """The addresses have changed."""
        for lease in list(self._leases.values()):
            for watch in list(lease.watches.values()):
                self._watchers.drop(watch)
                self._fill(watch)

    def _fill(self, watch: Watch) -> None:
        """Look up what the pattern of a watch that is not among the watchers means now, and put it there; what is new
        there is news. Raises UserError."""
        try:
            entries = self._meant(watch.pattern)
        except ValueError as error:
            del watch.lease.watches[watch.pattern]
            if not watch.lease.watches:
                del self._leases[watch.lease.key]
            raise UserError(f"/gf/subscribe: {error}") from error
        fresh = [entry.address for entry in entries if entry.address not in watch.entries]
        watch.entries = {entry.address: entry for entry in entries}
        watch.sent = {address: sent for address, sent in watch.sent.items() if address in watch.entries}
        watch.held = {address: until for address, until in watch.held.items() if address in watch.entries}
        self._watchers.take(watch)
        for address in fresh:
            self._mark(watch, address)

    def _end(self, lease: Lease, pattern: str) -> None:
        """Send no more of a pattern, if it was wanted; with the last one the lease ends."""
        watch = lease.watches.pop(pattern, None)
        if watch is not None:
            self._watchers.drop(watch)
        if not lease.watches:
            del self._leases[lease.key]

    def _meant(self, pattern: str) -> Sequence[Entry]:
        if pattern == EVERYTHING:
            everything = (e for e in self._space.entries.values() if not e.address.startswith(f"{ROOT}/sys/"))
            return [e for e in everything if e.value is not None and e.what not in ("level", "status")]
        return [entry for entry in self._space.dispatch.find(pattern) if entry.value is not None]

    def __str__(self) -> str:
        return "\n".join(
            f"{lease.target.host}:{lease.target.port} {watch.pattern or 'everything'}"
            for lease in self._leases.values()
            for watch in lease.watches.values()
        )

"""Who holds a port, where the system tells: /proc on Linux."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

LISTENING = "0A"
"""The state of a TCP socket that waits for connections, as /proc writes it."""


def holder_of(port: int, transport: Literal["udp", "tcp"], proc: Path = Path("/proc")) -> str:
    """`python3 (pid 4711)`, or "" where it cannot be known: another system, another user's program."""
    sockets = _sockets(port, transport, proc)
    for process in sorted(proc.glob("[0-9]*"), key=lambda p: int(p.name)) if sockets else ():
        try:
            links = list((process / "fd").iterdir())
            name = (process / "comm").read_text().strip()
        except OSError:  # gone meanwhile, or not ours to look at
            continue
        if any(_goes_to(link) in sockets for link in links):
            return f"{name} (pid {process.name})"
    return ""


def _goes_to(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed meanwhile
        return ""


def _sockets(port: int, transport: str, proc: Path) -> set[str]:
    """The sockets on a port, as links in a process's fd folder name them."""
    found = set()
    for table in (transport, f"{transport}6"):
        try:
            lines = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) == port and (transport == "udp" or fields[3] == LISTENING):
                found.add(f"socket:[{fields[9]}]")
    return found

"""OSC of a performance: what it hears, if it is asked to, and what its nodes send."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from graphflow.cli.opening import Opened
from graphflow.control.live.files import Files
from graphflow.control.osc.sender import OscSender
from graphflow.control.osc.server import HOST, OscServer
from graphflow.control.osc.tree import heard_by
from graphflow.control.oscquery.addresses import is_here_only
from graphflow.core.errors import UserError
from graphflow.core.graph import build
from graphflow.session import Session


class Hearing:
    """The server, None without --osc, and the sender of `osc_out`, which needs no port."""

    def __init__(self, session: Session, arguments: Namespace, opened: Opened, report: Callable[[str], None]) -> None:
        """Raises UserError for options that do not go together."""
        check(arguments)
        # a patch that came with graphflow is not written over: saving it takes a name
        own = opened.path if Path(arguments.patch or "").is_file() else None
        self.server: OscServer | None = None
        if arguments.osc is not None:
            self.server = OscServer(
                session,
                arguments.listen or HOST,
                arguments.osc,
                allow=arguments.allow,
                remote_files=arguments.allow_files,
                path=own,
            )
        self._sender = OscSender(session)
        self._session, self._opened, self._allow, self._report = session, opened, arguments.allow, report

    def share(self, files: Callable[[], Files | None]) -> None:
        """Save into the file that a prompt saves into."""
        if self.server is not None:
            self.server.files.shared = files

    def start(self) -> None:
        """Take the ports. Raises UserError where one cannot be had."""
        self._sender.start()
        if self.server is not None:
            self._session.loop.run_until_complete(self.server.start())

    def tell(self) -> None:
        """Say where it hears, and what is lost if it does not."""
        if self.server is None:
            graph, _ = build(self._opened.patch, self._opened.library, placeholders=True)
            if deaf := [node.name for node in graph.nodes.values() if heard_by(node)]:
                self._report(f"{', '.join(deaf)}: hears nothing without --osc")
            return
        self._report(f"OSC on {self.server.place}, like /gf/node/NAME/PARAM value")
        if not is_here_only(self.server.host) and not self._allow:
            self._report("OSC of other computers is refused; say which may send: --allow HOST,...")

    def summary(self) -> list[str]:
        """What came, where anything did."""
        statistics = self.server.statistics() if self.server is not None else None
        return [str(statistics)] if statistics is not None and (statistics.packets or statistics.strangers) else []

    def close(self) -> None:
        self._sender.close()
        if self.server is not None:
            self.server.close()


def check(arguments: Namespace) -> None:
    """Raise UserError for options that mean nothing alone."""
    if arguments.osc is None:
        for name in ("listen", "allow", "allow_files"):
            if getattr(arguments, name):
                raise UserError(f"--{name.replace('_', '-')} is about OSC; add --osc")
    elif (arguments.allow or arguments.allow_files) and not arguments.listen:
        what = "--allow" if arguments.allow else "--allow-files"
        raise UserError(f"{what}: no other computer is listened to; add --listen ADDR, like --listen 0.0.0.0")


__all__ = ["Hearing", "check"]

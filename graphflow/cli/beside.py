"""What stands beside the OSC server of a performance: OSCQuery, and word of both on the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from graphflow.control.oscquery import advertise
from graphflow.control.oscquery.addresses import is_here_only
from graphflow.control.oscquery.server import OscQuery
from graphflow.core.errors import UserError

if TYPE_CHECKING:
    from graphflow.control.osc.server import OscServer


class Beside:
    """Starts what there are libraries for, and says in a line each what there are none for."""

    def __init__(self, osc: OscServer, title: str, report: Callable[[str], None]) -> None:
        """To be made when the OSC server listens."""
        self.query: OscQuery | None = None
        self.advertiser: advertise.Advertiser | None = None
        try:
            query = OscQuery(osc, name=f"graphflow {title}".strip())
            query.start()
            self.query = query
            report(str(query))
        except UserError as reason:
            report(str(reason))
        if is_here_only(osc.host):
            return  # nobody else could come
        if missing := advertise.missing():
            report(missing)
            return
        self.advertiser = advertise.Advertiser(osc.host, osc.port, http=self.query is not None, report=report)
        self.advertiser.start()

    def close(self) -> None:
        if self.advertiser is not None:
            self.advertiser.close()
        if self.query is not None:
            self.query.close()

    def __str__(self) -> str:
        return str(self.query) if self.query is not None else "no OSCQuery"

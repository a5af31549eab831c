"""The commands: graphflow play, render, check, nodes, devices, trust, doctor.

Exit codes: 0 done, 2 the user's mistake, 1 ours.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from graphflow.cli.arguments import parser
from graphflow.core.errors import UserError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:  # the reader of our output has gone, as in `graphflow nodes | head`
        sys.stderr.close()
        return 0


__all__ = ["main"]

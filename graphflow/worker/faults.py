"""What went wrong, in one line."""

from __future__ import annotations

import traceback

from graphflow.core.errors import UserError


def one_line(fault: BaseException) -> str:
    """A user's error as it is; another with its type and the place where it came up."""
    text = " ".join(str(fault).split())
    if isinstance(fault, UserError):
        return text
    frames = traceback.extract_tb(fault.__traceback__) or traceback.extract_stack()
    file = frames[-1].filename.replace("\\", "/").rpartition("/")[2]
    return f"{type(fault).__name__}{text and f': {text}'} ({file}:{frames[-1].lineno})"

"""The commands: graphflow play, live, attach, render, check, nodes, devices, new, trust, generate, models, doctor.

Exit codes: 0 done, 2 the user's mistake, 1 ours; 130 ended by hand before it was done.
"""

from __future__ import annotations

import _thread
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from graphflow.cli.arguments import parser
from graphflow.core.errors import UserError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a path may hold what the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    try:
        arguments = parser().parse_args(argv)
        with signals_like_ctrl_c():
            code = int(arguments.run(arguments))
            sys.stdout.flush()
            return code
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as in `graphflow nodes | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else it is tried again at exit
        return 0


@contextmanager
def signals_like_ctrl_c() -> Iterator[None]:
    """Ended by the system or with its terminal, a command cleans up as it does after Ctrl-C.

    A Ctrl-C that the compiler swallows, because it came while native code called back, is given again.
    """
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    main_thread = threading.current_thread() is threading.main_thread()
    before = {n: signal.getsignal(n) for n in numbers if main_thread and signal.getsignal(n) is signal.SIG_DFL}
    for number in before:
        signal.signal(number, signal.default_int_handler)
    hook = sys.unraisablehook

    def again(swallowed: sys.UnraisableHookArgs) -> None:
        if swallowed.exc_type is KeyboardInterrupt:
            threading.Timer(0.02, _thread.interrupt_main).start()
        else:
            hook(swallowed)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


__all__ = ["main"]

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from graphflow.worker.memory import SharedMemory, attach


def test_both_sides_see_the_same_bytes_after_the_first_has_let_go() -> None:
    shared = SharedMemory(1 << 20)
    ours = shared.bytes()
    theirs = attach(shared.size, shared.tag, os.dup(shared.descriptor) if shared.descriptor >= 0 else -1)
    assert not theirs.any()
    ours[12345] = 7
    shared.close()
    shared.close()
    assert theirs[12345] == 7
    theirs[0] = 9
    assert ours[0] == 9


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_it_has_no_name_and_costs_only_what_is_touched() -> None:
    shared = SharedMemory(1 << 28)
    assert Path(f"/proc/self/fd/{shared.descriptor}").readlink() == Path("/memfd:graphflow (deleted)")
    shared.bytes()[1 << 27] = 1
    assert os.fstat(shared.descriptor).st_blocks * 512 <= 1 << 16
    shared.close()

"""Work on a CUDA device recorded once as a graph, which is then replayed without Python and without launches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")

WARM_UPS = 3
"""Runs before a capture, so that libraries have chosen their kernels and workspaces."""


@torch.inference_mode()
def capture(work: Callable[[], T], device: torch.device) -> tuple[torch.cuda.CUDAGraph, T]:
    """The graph, and what the work returned: its tensors are overwritten by every replay. Whatever may fail on the
    device raises."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(device), torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=True):
        side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                work()
        torch.cuda.current_stream(device).wait_stream(side)
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # another model may play beside
            made = work()
    return graph, made


def pinned(like: Tensor) -> Tensor:
    """A tensor of the same shape and type on the host, in memory that a GPU reaches by itself, where there is one."""
    return torch.empty(like.shape, dtype=like.dtype, pin_memory=torch.cuda.is_available())

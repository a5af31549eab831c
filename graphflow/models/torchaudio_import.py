"""The one place that imports torchaudio.

Its compiled extension is linked to CUDA, so beside a CPU-only torch on Linux `import torchaudio` dies with OSError
(libc10_cuda.so). What we use of it, resampling, mel spectrograms and loudness, is plain torch and works without.
Its recursive filters then run in a Python loop over frames (76 s for 12 s of stereo loudness), so that loop is
replaced by a compiled one. Files are read and written with soundfile.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

_EXTENSION = "torchaudio._extension"


def _without_extension() -> ModuleType:
    """A module that answers as torchaudio's own does where no extension was built."""
    stand_in = ModuleType(_EXTENSION)
    facts: dict[str, Any] = {
        "_IS_TORCHAUDIO_EXT_AVAILABLE": False,
        "_IS_RIR_AVAILABLE": False,
        "_IS_ALIGN_AVAILABLE": False,
        "_IS_KALDI_AVAILABLE": False,
        "_check_cuda_version": lambda: None,
        "fail_if_no_align": _refuse,
        "fail_if_no_rir": _refuse,
    }
    vars(stand_in).update(facts)
    return stand_in


def _refuse(function: Any) -> Any:
    def refused(*_: Any, **__: Any) -> None:
        raise RuntimeError(
            f"torchaudio.{function.__name__} needs torchaudio's compiled extension, which does not load here"
        )

    return refused


def _filter_loop(x: Any, coefficients: Any, padded: Any) -> None:
    """What torchaudio's own loop does: x [batch, channels, frames], coefficients [channels, order] last to first."""
    with_past = padded.numpy()
    _recurse(x.numpy(), coefficients.numpy(), with_past)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _recurse(x: npt.NDArray[np.float32], a: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> None:
    past = a.shape[1] - 1
    for b in range(x.shape[0]):
        for c in range(x.shape[1]):
            for t in range(x.shape[2]):
                value = x[b, c, t]
                for k in range(past):
                    value -= a[c, k] * y[b, c, t + k]
                y[b, c, t + past] = value


def load() -> ModuleType:
    """torchaudio with `functional` and `transforms`, with or without its extension."""
    try:
        torchaudio = importlib.import_module("torchaudio")
    except OSError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            del sys.modules[name]
        sys.modules[_EXTENSION] = _without_extension()
        torchaudio = importlib.import_module("torchaudio")
    importlib.import_module("torchaudio.functional")
    importlib.import_module("torchaudio.transforms")
    filtering = vars(importlib.import_module("torchaudio.functional.filtering"))
    if filtering.get("_lfilter_core_loop") is filtering.get("_lfilter_core_generic_loop"):
        filtering["_lfilter_core_loop"] = _filter_loop
    return torchaudio

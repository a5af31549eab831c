"""The one place that imports torchaudio.

Its compiled extension is linked to CUDA, so beside a CPU-only torch on Linux `import torchaudio` dies with OSError
(libc10_cuda.so). What we use of it, resampling, mel spectrograms and loudness, is plain torch and works without.
Files are read and written with soundfile.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

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
        raise RuntimeError(f"torchaudio.{function.__name__} needs torchaudio's compiled extension, which does not load here")

    return refused


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
    return torchaudio

"""Runs a .tflite network on the CPU by LiteRT, the interpreter the official files were made for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from graphflow.core.errors import UserError

Array = npt.NDArray[Any]


def missing(path: Path) -> UserError:
    """The one line for a MusicCoCa file that is not there."""
    return UserError(f"{path.name} is not in {path.parent}; run `graphflow models download mrt2-small`")


class Network:
    """One network, loaded when made. Not for two threads at once."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        if not path.is_file():
            raise missing(path)
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise UserError(f"{path.name} needs LiteRT ({error}); run pip install 'graphflow-live[magenta]'") from error
        self.path = path
        try:
            self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:  # what LiteRT raises for files it cannot run
            reason = " ".join(str(error).split())[:120]
            raise UserError(f"{path} does not load ({reason}); download it again") from error
        self.inputs: list[dict[str, Any]] = self._interpreter.get_input_details()
        self.outputs: list[dict[str, Any]] = self._interpreter.get_output_details()

    def place(self, kind: type[np.generic], size: int) -> int:
        """Which input takes `size` numbers of a kind; networks name their inputs as they like."""
        fits = [i for i, d in enumerate(self.inputs) if d["dtype"] == kind and int(np.prod(d["shape"])) == size]
        if len(fits) != 1:
            shapes = ", ".join(f"{np.dtype(d['dtype']).name} {d['shape'].tolist()}" for d in self.inputs)
            raise UserError(
                f"{self.path} takes {shapes}; expected one input of {size} {np.dtype(kind).name}; download it again"
            )
        return fits[0]

    def run(self, *values: Array) -> npt.NDArray[np.float32]:
        """The first output, flat, for inputs in the network's own order and any shape of the right size."""
        for detail, value in zip(self.inputs, values, strict=True):
            self._interpreter.set_tensor(detail["index"], value.astype(detail["dtype"]).reshape(detail["shape"]))
        self._interpreter.invoke()
        found: npt.NDArray[np.float32] = self._interpreter.get_tensor(self.outputs[0]["index"]).astype(np.float32)
        return found.reshape(-1)

    def __str__(self) -> str:
        shapes = [" + ".join(str(d["shape"].tolist()) for d in details) for details in (self.inputs, self.outputs)]
        return f"{self.path.name}: {' -> '.join(shapes)}"

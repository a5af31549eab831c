"""Reading golden sets: CASE_config.json and the tensors beside it, and what is wrong with them in one line."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from graphflow.core.errors import UserError
from graphflow.models.magenta.conditioning import REGULAR_ROWS, STYLE_ROWS, row_offsets
from graphflow.models.magenta.config import CONDITIONS, SHIFT, STYLE_LEVELS, Config

Array = npt.NDArray[Any]
PARTS = ("sampler", "stream", "decode", "encode")
"""The order in which they are checked: what takes least first."""


def cases(folder: Path) -> list[str]:
    """The names of a folder's golden sets. Raises UserError where there is none."""
    found = {path.name.removesuffix("_config.json") for path in folder.glob("*_config.json")}
    for part in PARTS:  # tensors without their sizes are a set that is not whole, not something else
        found |= {path.name.removesuffix(f"_{part}.npz") for path in folder.glob(f"*_{part}.npz")}
    if not found:
        raise UserError(f"{folder}: no golden set; expected CASE_config.json and CASE_stream.npz, CASE_decode.npz ...")
    return sorted(found)


def sizes(folder: Path, case: str) -> tuple[Config, str]:
    """A set's sizes and the salt of its weights. Raises UserError."""
    path = folder / f"{case}_config.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        salt = data.get("salt", "")
        salt.encode()
    except (OSError, RecursionError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); expected the set's sizes and its salt, a text") from error
    config = Config.of(data, str(path))
    if config.temporal.window < 1:
        raise UserError(f"{path}: temporal window is {config.temporal.window}; expected 1 chunk or more")
    return config, salt


class Part:
    """The tensors of one file of a set; none where the file is not there. Raises UserError."""

    def __init__(self, folder: Path, case: str, part: str) -> None:
        self.case, self.path = case, folder / f"{case}_{part}.npz"
        self._arrays: dict[str, Array] = {}
        if not self.path.is_file():
            return
        try:
            with np.load(self.path, allow_pickle=False) as stored:
                self._arrays = {name: stored[name] for name in stored.files}
        except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            raise UserError(f"{self.path}: cannot be read ({error}); make the set again") from error
        if not self._arrays:
            raise UserError(f"{self.path}: holds no tensors; make the set again")

    def __bool__(self) -> bool:
        return bool(self._arrays)

    def get(self, name: str) -> Array | None:
        """A tensor of the reference's results."""
        return self._arrays.get(name)

    def one_of(self, *names: str) -> None:
        """Raises UserError where there is nothing to compare with."""
        if not any(name in self._arrays for name in names):
            raise UserError(f"{self.path}: holds {self._listed()}; expected {', '.join(names)} to compare with")

    def floats(self, name: str, *shape: int | None) -> Array:
        """An input; None stands for any size but 0. Raises UserError."""
        array = self._shaped(name, shape)
        if not np.issubdtype(array.dtype, np.floating):
            raise UserError(f"{self.path}: {name} is {array.dtype}; expected floats")
        return array

    def whole(self, name: str, *shape: int | None, least: Any = None, most: Any = None) -> npt.NDArray[np.int64]:
        """An input of whole numbers within bounds, which may differ along the last dimension. Raises UserError."""
        array = self._shaped(name, shape)
        numbers = array.astype(np.int64) if array.dtype.kind in "iuf" and bool(np.isfinite(array).all()) else None
        if numbers is None or not np.array_equal(numbers, array):
            raise UserError(f"{self.path}: {name} is {array.dtype}; expected whole numbers")
        if least is not None:
            low, high = (np.broadcast_to(bound, numbers.shape) for bound in (least, most))
            if len(outside := np.argwhere((numbers < low) | (numbers > high))):
                at = tuple(outside[0])
                rule = f"{low[at]} to {high[at]}"
                raise UserError(f"{self.path}: {name} {[int(i) for i in at]} is {numbers[at]}; expected {rule}")
        return numbers

    def _shaped(self, name: str, shape: Sequence[int | None]) -> Array:
        expected = "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"
        array = self.get(name)
        if array is None:
            raise UserError(f"{self.path}: holds {self._listed()}; expected {name} {expected} too")
        fits = array.ndim == len(shape) and all(
            size == wanted or (wanted is None and size > 0) for size, wanted in zip(array.shape, shape, strict=True)
        )
        if not fits:
            raise UserError(f"{self.path}: {name} is {list(array.shape)}; expected {expected}")
        return array

    def _listed(self) -> str:
        return ", ".join(sorted(self._arrays)) or "nothing"


def condition_bounds() -> tuple[Array, Array]:
    """The least and the greatest value of each of the 144 numbers that has a row in its table."""
    first = row_offsets().numpy() + SHIFT
    last = np.where(np.arange(CONDITIONS) < STYLE_LEVELS, STYLE_LEVELS * STYLE_ROWS, REGULAR_ROWS) - 1
    return -first, last - first

"""Names a place in the space of styles with twelve codes, each level a correction of the ones before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from graphflow.core.errors import UserError

MASKED = -1
F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]


class Quantizer:
    """Residual nearest neighbours: `quantize` and back.

    codebooks: [levels, codes, width]. Where two rows are equally near, rounding decides, and it decides for the levels
    after it too; two machines may then give one place different codes.
    """

    def __init__(self, codebooks: F32, device: str = "cpu") -> None:
        self.books = torch.from_numpy(np.ascontiguousarray(codebooks, dtype=np.float32)).to(device)
        self.levels, self.codes, self.width = self.books.shape
        norms = self.books.double().square().sum(-1)
        self.half_norms = (0.5 * norms).float()  # argmin |r - c|^2 = argmin |c|^2 / 2 - r.c

    @torch.inference_mode()
    def quantize(self, embedding: F32) -> I64:
        """Codes [12] of an embedding [768], or [n, 12] of [n, 768]. It need not be of unit length."""
        residual = torch.tensor(np.atleast_2d(embedding), dtype=torch.float32, device=self.books.device)
        codes = []
        for book, half_norm in zip(self.books, self.half_norms, strict=True):
            code = torch.argmin(half_norm - residual @ book.T, dim=-1)
            residual = residual - book[code]
            codes.append(code)
        found: I64 = torch.stack(codes, dim=-1).cpu().numpy().astype(np.int64)
        return found if np.ndim(embedding) == 2 else found[0]

    @torch.inference_mode()
    def dequantize(self, codes: Sequence[int]) -> F32:
        """The embedding [768] that the codes name: the sum of their rows. Masked levels (-1) add nothing."""
        total = torch.zeros(self.width, dtype=torch.float32, device=self.books.device)
        if len(codes) > self.levels:
            raise UserError(f"style has {len(codes)} codes; expected at most {self.levels}")
        for level, code in enumerate(codes):
            if not MASKED <= code < self.codes:
                raise UserError(f"style code {level + 1} is {code}; expected 0 to {self.codes - 1}, or -1 for masked")
            if code != MASKED:
                total += self.books[level, code]
        found: F32 = total.cpu().numpy()
        return found

    def __str__(self) -> str:
        return f"{self.levels} levels of {self.codes} codes in {self.width} dimensions"

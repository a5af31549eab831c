"""Takes the twelve codebooks of style out of pretrained_vector_quantizer.tflite.

What public readers of that file report, and what is checked here: each level is a fully connected step with the
weight -2c and the bias |c|^2 of its codebook c [1024, 768], so that the smallest output is the nearest row; the first
eleven levels then gather the row itself to subtract it. So eleven codebooks are there in full, and the last one as
its weight only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from graphflow.core.errors import UserError
from graphflow.models.magenta.style.tflite_file import FULLY_CONNECTED, GATHER, TfliteFile

LEVELS, CODES, WIDTH = 12, 1024, 768
F32 = npt.NDArray[np.float32]


def read_codebooks(path: Path, levels: int = LEVELS, codes: int = CODES, width: int = WIDTH) -> F32:
    """[levels, codes, width]; a file that is not such a quantizer raises UserError."""
    file = TfliteFile(path)
    graph = file.graphs[0]
    distances: list[tuple[F32, F32]] = []
    rows: list[F32] = []
    for step in graph.steps:
        found = [None if at < 0 else file.weight(graph, at) for at in step.inputs]
        if step.code == GATHER and found[0] is not None and found[0].shape == (codes, width):
            rows.append(found[0])
        if step.code == FULLY_CONNECTED and len(found) == 3 and found[1] is not None and found[2] is not None:
            distances.append((found[1], found[2]))
    if len(distances) != levels or len(rows) != levels - 1:
        raise UserError(
            f"{path} holds {len(distances)} distances and {len(rows)} codebooks; expected {levels} and {levels - 1} "
            "of a style quantizer; download it again"
        )
    books = np.empty((levels, codes, width), dtype=np.float32)
    for level, (weight, bias) in enumerate(distances):
        if weight.shape != (codes, width) or weight.dtype != np.float32 or bias.shape != (codes,):
            raise UserError(
                f"{path}: level {level} is {weight.dtype} {list(weight.shape)}; expected float32 [{codes}, {width}]; "
                "download it again"
            )
        books[level] = rows[level] if level < levels - 1 else -0.5 * weight
        norms = np.einsum("ij,ij->i", books[level], books[level])
        if not np.allclose(weight, -2.0 * books[level], rtol=1e-4, atol=1e-6):
            raise UserError(f"{path}: level {level} measures another codebook than it subtracts; download it again")
        if not np.allclose(bias, norms, rtol=1e-3, atol=1e-5):
            raise UserError(f"{path}: level {level} does not measure plain distances; download it again")
    return books

"""A small space of styles that can be worked out by head, and an encoder for it."""

from __future__ import annotations

import threading
import zlib

import numpy as np
import numpy.typing as npt

from graphflow.core.errors import UserError
from graphflow.models.magenta.style.quantizer import Quantizer
from tests.models.magenta.style.musiccoca_build import codebooks

F32 = npt.NDArray[np.float32]
WIDTH = 16
BOOKS = codebooks(12, 1024, WIDTH)


def place(word: str) -> F32:
    """Where a word lies: on the unit sphere, by chance."""
    drawn = np.random.default_rng(zlib.crc32(word.encode())).standard_normal(WIDTH).astype(np.float32)
    return drawn / np.linalg.norm(drawn)


class WordSpace:
    """Encodes by `place`. `gate`: encoding waits for it; `said`: how many words began to be encoded."""

    def __init__(self) -> None:
        self.quantizer = Quantizer(BOOKS)
        self.encoded = 0
        self.known: dict[tuple[str, bool], F32] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.said = threading.Semaphore(0)
        self.fault: Exception | None = None

    def embed_text(self, text: str, *, mapped: bool = True) -> F32:
        if (text, mapped) not in self.known:
            self.said.release()
            assert self.gate.wait(10.0)
            if self.fault:
                raise self.fault
            self.known[text, mapped] = place(text if mapped else f"plain {text}")
            self.encoded += 1
        return self.known[text, mapped]

    def embed_file(self, name: str) -> F32:
        if name == "none.wav":
            raise UserError("recording none.wav cannot be read (No such file or directory); name a sound file")
        return self.embed_text(f"sound of {name}")


class NoFiles(WordSpace):
    """MusicCoCa's files are not there."""

    def embed_text(self, text: str, *, mapped: bool = True) -> F32:
        raise UserError("MusicCoCa's files are not there; run `graphflow models download mrt2-small`")

    @property
    def quantizer(self) -> Quantizer:
        raise UserError("MusicCoCa's files are not there; run `graphflow models download mrt2-small`")

    @quantizer.setter
    def quantizer(self, _: Quantizer) -> None: ...

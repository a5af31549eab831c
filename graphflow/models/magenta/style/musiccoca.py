"""MusicCoCa: words and recordings become places in one space of styles, where what sounds alike lies near.

The official files: text_encoder, spm.model, mapper (words); audio_preprocessor, music_encoder (recordings);
pretrained_vector_quantizer (codes). Each is loaded when it is first needed.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from graphflow.core.errors import UserError
from graphflow.models.magenta.style.codebooks import WIDTH, read_codebooks
from graphflow.models.magenta.style.litert import Network, missing
from graphflow.models.magenta.style.log_mel import BANDS, CLIP, MOMENTS, RATE, LogMel, read_bands
from graphflow.models.magenta.style.mapper import Mapper
from graphflow.models.magenta.style.quantizer import Quantizer
from graphflow.models.magenta.style.recording import read_recording

F32 = npt.NDArray[np.float32]
TOKENS = 128  # of a text, with the mark of its beginning
_BEGIN, _PAD = 1, 0
REMEMBERED = 512  # embeddings, 3 KB each


@dataclass(frozen=True)
class Statistics:
    """What has been encoded so far, and what is loaded."""

    texts: int
    recordings: int
    remembered: int
    loaded: tuple[str, ...]
    mapper: str  # how the mapper runs; empty before the first words


class MusicCoCa:
    """Encodes words and recordings, and remembers what it has encoded. Any thread may ask; encoding is done in turn.

    folder: where the files are; None, or a folder without a file that is needed, raises UserError when it is needed.
    """

    def __init__(self, folder: Path | None, threads: int = 1) -> None:
        self.folder, self.threads = folder, threads
        self._encoding, self._memory = threading.Lock(), threading.Lock()
        self._remembered: OrderedDict[Hashable, F32] = OrderedDict()
        self._texts = self._recordings = 0

    def _file(self, name: str) -> Path:
        if self.folder is None:
            raise UserError("MusicCoCa's files are not there; run `graphflow models download mrt2-small`")
        path = self.folder / name
        if not path.is_file():
            raise missing(path)
        return path

    @cached_property
    def _pieces(self) -> Any:
        path = self._file("spm.model")
        try:
            import sentencepiece
        except ImportError as error:
            raise UserError(f"{path.name} needs sentencepiece; run pip install 'graphflow-live[magenta]'") from error
        try:
            return sentencepiece.SentencePieceProcessor(model_file=str(path))
        except (OSError, RuntimeError) as error:
            raise UserError(f"{path} is no SentencePiece model; download it again") from error

    @cached_property
    def _text_encoder(self) -> Network:
        return Network(self._file("text_encoder.tflite"), self.threads)

    @cached_property
    def _mapper(self) -> Mapper:
        return Mapper(self._file("mapper.tflite"), self.threads)

    @cached_property
    def _log_mel(self) -> LogMel:
        return LogMel(read_bands(self._file("audio_preprocessor.tflite")))

    @cached_property
    def _music_encoder(self) -> Network:
        return Network(self._file("music_encoder.tflite"), self.threads)

    @cached_property
    def quantizer(self) -> Quantizer:
        """Between embeddings and codes."""
        return Quantizer(read_codebooks(self._file("pretrained_vector_quantizer.tflite")))

    def _recalled(self, key: Hashable, make: Callable[[], F32]) -> F32:
        """What is remembered is given at once, also while another thread's words are being encoded."""
        if (known := self._known(key)) is not None:
            return known
        with self._encoding:
            if (known := self._known(key)) is not None:  # the other thread had the same words
                return known
            found = make()
        if found.shape != (WIDTH,) or not np.isfinite(found).all():
            raise UserError(f"MusicCoCa in {self.folder} gave no embedding of {WIDTH} numbers; download it again")
        found.flags.writeable = False
        with self._memory:
            self._remembered[key] = found
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return found

    def _known(self, key: Hashable) -> F32 | None:
        with self._memory:
            if key in self._remembered:
                self._remembered.move_to_end(key)
            return self._remembered.get(key)

    def embed_text(self, text: str, *, mapped: bool = True) -> F32:
        """Where words lie, [768]. Some tenths of a second the first time; only the first 127 pieces of a text count.

        mapped: moved to where recordings of such music lie, of unit length, where mapper.tflite is there.
        """
        text = text.lower()
        mapped = mapped and self.folder is not None and (self.folder / "mapper.tflite").is_file()
        return self._recalled((text, mapped), lambda: self._encode_text(text, mapped))

    def _encode_text(self, text: str, mapped: bool) -> F32:
        pieces = [_BEGIN, *self._pieces.encode(text)][:TOKENS]
        ids = np.full(TOKENS, _PAD, dtype=np.int32)
        ids[: len(pieces)] = pieces
        paddings = (np.arange(TOKENS) >= len(pieces)).astype(np.float32)  # trap: 1 is padding, 0 is text
        encoder = self._text_encoder
        words = encoder.place(np.int32, TOKENS)
        found = encoder.run(*((ids, paddings) if words < encoder.place(np.float32, TOKENS) else (paddings, ids)))
        self._texts += 1
        return self._mapper(found) if mapped else found

    def embed_audio(self, samples: npt.NDArray[Any], rate: int) -> F32:
        """Where a recording [channels, frames] lies, [768]: the mean over its clips of 10 s, the last one padded.

        A second or two per clip the first time.
        """
        if samples.ndim != 2 or not samples.size or rate <= 0:
            raise UserError(f"recording is {list(samples.shape)} at {rate} Hz; expected [channels, frames] and a rate")
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        key = hashlib.sha256(repr((samples.shape, rate)).encode() + samples.tobytes()).digest()
        return self._recalled(key, lambda: self._encode_audio(samples, rate))

    def embed_file(self, name: str) -> F32:
        """Where a sound file lies, [768]; its first 60 s count. It is read again only when it has changed."""
        path = Path(name).expanduser()
        try:
            facts = path.stat()
        except OSError as error:
            raise UserError(f"recording {name} cannot be read ({error.strerror}); name a sound file") from error
        key = (str(path), facts.st_mtime_ns, facts.st_size)
        return self._recalled(key, lambda: self._encode_audio(*read_recording(path)))

    @property
    def encoded(self) -> int:
        """How many texts and recordings were really encoded, not remembered."""
        return self._texts + self._recordings

    def _encode_audio(self, samples: F32, rate: int) -> F32:
        mono = np.nan_to_num(samples.mean(axis=0), posinf=0.0, neginf=0.0)
        if rate != RATE:
            import torch

            from graphflow.models import torchaudio_import

            functional = torchaudio_import.load().functional
            mono = functional.resample(torch.from_numpy(mono), rate, RATE).numpy()
        encoder, log_mel = self._music_encoder, self._log_mel
        encoder.place(np.float32, MOMENTS * BANDS)
        clips = [encoder.run(log_mel(mono[start : start + CLIP])) for start in range(0, len(mono), CLIP)]
        self._recordings += 1
        mean: F32 = np.mean(clips, axis=0, dtype=np.float32)
        return mean

    def statistics(self) -> Statistics:
        parts = {
            "_pieces": "spm",
            "_text_encoder": "text_encoder",
            "_mapper": "mapper",
            "_log_mel": "audio_preprocessor",
        }
        parts |= {"_music_encoder": "music_encoder", "quantizer": "pretrained_vector_quantizer"}
        loaded = tuple(name for attribute, name in parts.items() if attribute in vars(self))
        mapper = self._mapper.how if "mapper" in loaded else ""
        return Statistics(self._texts, self._recordings, len(self._remembered), loaded, mapper)

    def __str__(self) -> str:
        facts = self.statistics()
        return (
            f"MusicCoCa in {self.folder or 'no folder'}: {facts.texts} texts and {facts.recordings} recordings "
            f"encoded, loaded: {', '.join(facts.loaded) or 'nothing yet'}"
        )

"""Guesses what a word means that the lexicon does not hold: a typo, a compound, a cousin of a known word.

A word becomes hashed pieces (the word, its pairs and triples of letters); a small network maps them to the tags of
a style. Trained on the lexicon itself with its words mistyped: python -m graphflow.models.first_light.encoder
"""

from __future__ import annotations

import sys
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from graphflow.models.first_light import style
from graphflow.models.first_light.lexicon import lexicon

ROWS, WIDTH, HIDDEN = 4096, 64, 128
PATH = Path(__file__).parent / "words.safetensors"
Arrays = dict[str, npt.NDArray[np.float32]]


def pieces(word: str) -> list[str]:
    """The word, and its two- and three-letter pieces with the edges marked."""
    edged = f"<{word}>"
    return [edged] + [edged[i : i + n] for n in (2, 3) for i in range(len(edged) - n + 1)]


@cache
def rows(word: str) -> tuple[int, ...]:
    return tuple(zlib.crc32(piece.encode()) % ROWS for piece in pieces(word))


@cache
def _triples(word: str) -> frozenset[str]:
    return frozenset(piece for piece in pieces(word) if len(piece) == 3)


@cache
def known_words() -> tuple[str, ...]:
    return tuple(sorted({word for phrase in lexicon() for word in phrase.split() if len(word) > 2}))


@cache
def likeness(word: str) -> tuple[float, str]:
    """How much of a word's letters some known word shares (0 to 1), and which word that is."""
    mine = _triples(word)
    best = (0.0, "")
    for known in known_words():
        theirs = _triples(known)
        shared = len(mine & theirs)
        if shared:
            best = max(best, (shared / (len(mine) * len(theirs)) ** 0.5, known))
    return best


class Encoder:
    """The trained guesser."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = {name: array.astype(np.float32) for name, array in arrays.items()}

    @classmethod
    def load(cls) -> Encoder:
        return cls(load_file(PATH))

    def guess(self, word: str) -> style.Vector:
        """Tags a word probably carries, [style.SIZE], 0 to 1."""
        a = self.arrays
        x = a["rows"][list(rows(word))].mean(0)
        x = np.maximum(0.0, x @ a["up"] + a["up_bias"])
        y = 1.0 / (1.0 + np.exp(-(x @ a["down"] + a["down_bias"])))
        return np.asarray(np.where(y > 0.15, y, 0.0), dtype=np.float32)


def mistyped(word: str, rng: np.random.Generator) -> str:
    """A word as hurried fingers type it."""
    letters = list(word)
    for _ in range(int(rng.choice([0, 1, 1, 2]))):
        at = int(rng.integers(len(letters)))
        kind = int(rng.integers(5))
        if kind == 0 and len(letters) > 3:
            del letters[at]
        elif kind == 1:
            letters.insert(at, letters[at])
        elif kind == 2 and at + 1 < len(letters):
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
        elif kind == 3:
            letters[at] = chr(97 + int(rng.integers(26)))
        else:
            letters += list(str(rng.choice(["s", "y", "ish", "er", "ing", "core", "wave", "step", "ic"])))
    return "".join(letters)


def train(seed: int = 1, steps: int = 2500, batch: int = 192) -> None:
    """Fits the guesser and stores it as float16; about a minute on one core."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    tags: dict[str, style.Vector] = {}
    for phrase, amounts in lexicon().items():
        words = phrase.split()
        for word in [*words, "".join(words)]:
            if len(word) > 2 and (len(words) == 1 or word not in tags):
                tags[word] = style.vector(amounts)
    names = sorted(tags)
    table = torch.nn.EmbeddingBag(ROWS, WIDTH, mode="mean")
    up, down = torch.nn.Linear(WIDTH, HIDDEN), torch.nn.Linear(HIDDEN, style.SIZE)
    parameters = [*table.parameters(), *up.parameters(), *down.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=3e-3, weight_decay=0.02)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * (1.0 - step / steps)
        flat: list[int] = []
        offsets: list[int] = []
        target: list[style.Vector] = []
        for pick in rng.integers(len(names), size=batch):
            word, wanted = names[pick], tags[names[pick]]
            if rng.random() < 0.15:  # two words written as one
                other = names[int(rng.integers(len(names)))]
                word, wanted = word + other, np.maximum(wanted, tags[other]) * np.float32(0.8)
            elif rng.random() < 0.7:
                word = mistyped(word, rng)
            offsets.append(len(flat))
            flat += rows.__wrapped__(word)
            target.append(wanted)
        x = table(torch.tensor(flat), torch.tensor(offsets))
        logits = down(torch.relu(up(x)))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, torch.from_numpy(np.stack(target)), reduction="sum"
        ) / batch  # fmt: skip
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % 250 == 0 or step == steps - 1:
            print(f"step {step + 1}/{steps}  {float(loss.detach()):.3f} nats per word", file=sys.stderr)
    save_file(
        {
            "rows": table.weight.detach().numpy().astype(np.float16),
            "up": up.weight.detach().numpy().T.astype(np.float16).copy(),
            "up_bias": up.bias.detach().numpy().astype(np.float16),
            "down": down.weight.detach().numpy().T.astype(np.float16).copy(),
            "down_bias": down.bias.detach().numpy().astype(np.float16),
        },
        PATH,
    )


if __name__ == "__main__":
    train()

"""What all controls together come to: one style, one tempo, one key, parts that rest."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from graphflow.models.first_light import style
from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light.controls import Controls
from graphflow.models.first_light.encoder import Encoder
from graphflow.models.first_light.image import look
from graphflow.models.first_light.prompt import Meaning, complete, understand
from graphflow.models.first_light.sound import suggested_tempo
from graphflow.models.first_light.style import Vector


@dataclass(frozen=True)
class Intent:
    """The blend of all prompts and images, and what is fixed."""

    style: Vector
    score: Vector  # genres with sum 1, then moods: what the network is told
    tempo: float  # bpm
    key: str  # empty: free
    mode: str
    off: frozenset[str]
    density: float  # 0 to 1
    brightness: float
    familiarity: float
    unknown: tuple[str, ...]

    @property
    def strict(self) -> bool:
        """Whether a key or mode was asked for, which is then kept exactly."""
        return bool(self.key or self.mode)


class Interpreter:
    """Reads controls; remembers prompts it has understood."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.understood: dict[str, Meaning] = {}

    def _meaning(self, text: str) -> Meaning:
        if text not in self.understood:
            if len(self.understood) > 256:
                self.understood.clear()
            self.understood[text] = understand(text, self.encoder)
        return self.understood[text]

    def read(self, controls: Controls) -> Intent:
        styles: list[tuple[Vector, float]] = []
        tempos: list[tuple[float, float]] = []
        off = dict.fromkeys(sy.PARTS, 0.0)
        keys: list[tuple[float, str]] = []
        modes: list[tuple[float, str]] = []
        familiar: list[tuple[float, float]] = []
        unknown: tuple[str, ...] = ()
        brighter = denser = total = 0.0
        for part in controls.parts:
            weight = part.weight
            if weight <= 0.0:
                continue
            total += weight
            if part.image:
                seen, light, texture = look(dict(part.image))
                styles.append((seen, weight))
                tempos.append((suggested_tempo(seen), weight))
                brighter += weight * light
                denser += weight * texture
                continue
            meaning = self._meaning(part.text)
            styles.append((meaning.style, weight))
            asked = meaning.demands
            tempos.append((asked.tempo or suggested_tempo(meaning.style), weight))
            familiar.append((meaning.familiarity, weight))
            unknown += meaning.unknown
            for name in asked.off:
                off[name] += weight
            if asked.key:
                keys.append((weight, asked.key))
            if asked.mode:
                modes.append((weight, asked.mode))
        styled = style.blend(styles) if styles else complete(np.zeros(style.SIZE, dtype=np.float32))
        if not tempos:
            tempos = [(suggested_tempo(styled), 1.0)]
        tempo = math.exp(sum(w * math.log(t) for t, w in tempos) / sum(w for _, w in tempos))
        if len({t for t, _ in tempos}) == 1:
            tempo = tempos[0][0]  # exactly the number that was written
        score = np.concatenate([style.genre_weights(styled), style.mood_weights(styled)]).astype(np.float32)
        shift = denser / total if total else 0.0
        shift += 0.3 * float(styled[style.INDEX["dense"]] - styled[style.INDEX["sparse"]])
        counted = sum(w for _, w in familiar)
        return Intent(
            style=styled,
            score=score,
            tempo=tempo,
            key=controls.key if controls.key != "auto" else max(keys, default=(0.0, ""))[1],
            mode=controls.mode if controls.mode != "auto" else max(modes, default=(0.0, ""))[1],
            off=frozenset(name for name, weight in off.items() if total and weight / total >= 0.5),
            density=float(np.clip(controls.density + shift, 0.0, 1.0)),
            brightness=float(np.clip(controls.brightness + (brighter / total if total else 0.0), 0.0, 1.0)),
            familiarity=sum(f * w for f, w in familiar) / counted if counted else 1.0,
            unknown=unknown,
        )

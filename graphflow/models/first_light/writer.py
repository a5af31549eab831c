"""Lets the network write, one 16th note at a time, inside the limits it is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file

from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light.chance import uniform
from graphflow.models.first_light.form import Moment
from graphflow.models.first_light.network import Conditions, Memory, Network, Shape

WEIGHTS = Path(__file__).parent / "weights.safetensors"
_PART_OF = {s: p for p, part in enumerate(sy.PARTS) for s in sy.PART_STREAMS[part]}


@dataclass(frozen=True)
class Wish:
    """What the next step should be like."""

    moment: Moment
    mode: str
    style: npt.NDArray[np.float32]  # genres and moods
    density: float  # 0 to 1
    off: tuple[bool, ...]  # per part of sy.PARTS
    strict: bool  # keep every pitch inside the mode
    temperature: float
    guidance: float
    seed: int
    count: int  # steps since the seed was set


def network(path: Path = WEIGHTS) -> Network:
    """The trained network, or one with checkpoint weights."""
    tensors = load_file(path)
    prefix = "network." if any(name.startswith("network.") for name in tensors) else ""
    weights = {name[len(prefix) :]: t.float() for name, t in tensors.items() if name.startswith(prefix)}
    layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layers."))
    heads, window = weights["layers.0.distance"].shape
    shape = Shape(
        width=weights["symbols.weight"].shape[1],
        layers=layers,
        heads=heads,
        window=window,
        depth=weights["depth_symbols.weight"].shape[1],
        style=weights["style_up.weight"].shape[1],
    )
    net = Network(shape)
    net.load_state_dict({name: t for name, t in weights.items() if not name.startswith("encoder.")})
    return net.eval().requires_grad_(False)


class Writer:
    """The network and what it remembers of the performance."""

    def __init__(self, net: Network, device: torch.device) -> None:
        self.net = net.to(device)
        self.device = device
        self.memory: Memory = net.memory(2, device)
        self.offsets = np.array(net.offsets, dtype=np.int64)
        self.previous = np.zeros(len(sy.STREAMS), dtype=np.uint8)
        self.allowed = {mode: sy.allowed_in(mode) for mode in sy.MODE_NAMES}

    @torch.inference_mode()
    def write(self, wish: Wish) -> npt.NDArray[np.uint8]:
        """The next step, [8]; row 0 of the batch follows the wish, row 1 plays freely and is what to move away from."""
        device = self.device
        m = wish.moment
        told = np.zeros((2, 1, self.net.shape.style), dtype=np.float32)
        told[0, 0] = (*wish.style, wish.density, 1.0)
        off = np.zeros((2, 1, len(sy.PARTS)), dtype=np.float32)
        off[0, 0] = wish.off
        clock = np.array([m.step, m.bar, m.section, m.fill], dtype=np.int64)
        conditions = Conditions(
            torch.from_numpy(np.broadcast_to(clock, (2, 1, 4)).copy()).to(device),
            torch.full((2, 1), sy.MODE_NAMES.index(wish.mode), device=device),
            torch.from_numpy(told).to(device),
            torch.from_numpy(off).to(device),
            torch.zeros(2, 1, 12, device=device),
        )
        before = torch.from_numpy(np.broadcast_to(self.previous + self.offsets, (2, 1, 8)).copy()).to(device)
        base = self.net.listen(before, conditions, self.memory)
        step = np.zeros(len(sy.STREAMS), dtype=np.uint8)
        for stream in range(len(sy.STREAMS)):
            part = _PART_OF.get(stream)
            if part is not None and wish.off[part]:
                symbol = 0
            else:
                logits = self.net.logits(base, stream).float().cpu().numpy().astype(np.float64)
                symbol = self._choose(logits[1] + wish.guidance * (logits[0] - logits[1]), stream, wish)
            step[stream] = symbol
            base = base + self.net.depth_symbols.weight[int(self.offsets[stream]) + symbol]
        self.previous = step
        return step

    def _choose(self, logits: npt.NDArray[np.float64], stream: int, wish: Wish) -> int:
        if stream <= sy.LEAD:
            logits[0] -= 1.6 * (wish.density - 0.5)  # beyond what the network learnt: rests follow the knob
        if wish.strict:
            logits = np.where(self.allowed[wish.mode][stream], logits, -np.inf)
        if wish.temperature < 0.02:
            return int(np.argmax(logits))
        chances = np.exp((logits - logits.max()) / wish.temperature)
        chances[chances < 0.02] = 0.0  # what is fifty times less likely than the best is a slip, not an idea
        edges = np.cumsum(chances)
        draw = uniform(wish.seed, wish.count, stream) * edges[-1]
        return int(np.searchsorted(edges, draw, side="right"))

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        keys = {f"key{i}": t.cpu().numpy().copy() for i, t in enumerate(self.memory.keys)}
        values = {f"value{i}": t.cpu().numpy().copy() for i, t in enumerate(self.memory.values)}
        return {**keys, **values, "previous": self.previous.copy()}

    def restore(self, arrays: dict[str, npt.NDArray[np.generic]], position: int) -> None:
        layers = range(self.net.shape.layers)
        self.memory = Memory(
            [torch.from_numpy(arrays[f"key{i}"].copy()).to(self.device) for i in layers],
            [torch.from_numpy(arrays[f"value{i}"].copy()).to(self.device) for i in layers],
            position,
        )
        self.previous = arrays["previous"].astype(np.uint8)

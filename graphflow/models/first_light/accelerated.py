"""The network in torch, for playing on a GPU; the same face as compiled.Compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light.network import Conditions, Memory, Network, Shape

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]


def network(weights: Mapping[str, npt.NDArray[np.generic]]) -> Network:
    """The torch network with these weights, ready to play."""
    heads, window = weights["layers.0.distance"].shape
    shape = Shape(
        width=weights["symbols.weight"].shape[1],
        layers=1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layers.")),
        heads=heads,
        window=window,
        depth=weights["depth_symbols.weight"].shape[1],
        style=weights["style_up.weight"].shape[1],
    )
    net = Network(shape)
    net.load_state_dict({name: torch.from_numpy(a.astype(np.float32)) for name, a in weights.items()})
    return net.eval().requires_grad_(False)


def device(name: str) -> torch.device:
    """The device a setting names, when this machine has it."""
    try:
        wanted = torch.device(name)
    except RuntimeError:
        raise ValueError(f"first_light.device is {name}; expected auto, cpu, mps or cuda:0") from None
    if wanted.type == "cuda" and (wanted.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"first_light.device is {name}; no such CUDA device here; set it to auto")
    if wanted.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError(f"first_light.device is {name}; no Apple GPU here; set it to auto")
    return wanted


class Accelerated:
    """Two rows of the network with their memory, on a torch device."""

    def __init__(self, weights: Mapping[str, npt.NDArray[np.generic]], where: torch.device) -> None:
        self.net = network(weights).to(where)
        self.where = where
        self.memory: Memory = self.net.memory(2, where)
        self.offsets = np.cumsum((0, *sy.SIZES[:-1]))
        self.style = self.net.shape.style

    @property
    def position(self) -> int:
        return self.memory.position

    def _here(self, array: npt.NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.where)

    @torch.inference_mode()
    def listen(self, previous: I64, clock: I64, mode: int, told: F32, off: F32, chroma: F32) -> torch.Tensor:
        conditions = Conditions(
            self._here(np.tile(clock, (2, 1, 1))),
            torch.full((2, 1), mode, device=self.where),
            self._here(told[:, None]),
            self._here(off[:, None]),
            self._here(chroma[:, None]),
        )
        return self.net.listen(self._here(np.tile(previous + self.offsets, (2, 1, 1))), conditions, self.memory)

    @torch.inference_mode()
    def logits(self, base: torch.Tensor, stream: int) -> F32:
        return np.asarray(self.net.logits(base, stream).float().cpu().numpy())

    @torch.inference_mode()
    def chosen(self, base: torch.Tensor, stream: int, symbol: int) -> torch.Tensor:
        return base + self.net.depth_symbols.weight[int(self.offsets[stream]) + symbol]

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        stacked = (torch.stack(self.memory.keys), torch.stack(self.memory.values))
        return {"keys": stacked[0].cpu().numpy(), "values": stacked[1].cpu().numpy()}

    def restore(self, arrays: Mapping[str, npt.NDArray[np.generic]], position: int) -> None:
        keys, values = (self._here(np.asarray(arrays[name], np.float32)) for name in ("keys", "values"))
        self.memory = Memory(list(keys.clone().unbind(0)), list(values.clone().unbind(0)), position)

"""In which numbers a model computes: exactly as trained, or in less to be faster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import nn

from graphflow.core.errors import UserError
from graphflow.models.magenta.attention import Norm
from graphflow.models.magenta.codec.decoder import Decoder
from graphflow.models.magenta.config import CHUNK, RATE, Config
from graphflow.models.magenta.linear import LayerNorm, Linear
from graphflow.models.magenta.lm import LanguageModel
from graphflow.models.magenta.quantised import QuantisedLinear, quantise

if TYPE_CHECKING:
    from graphflow.models.magenta.model import Model

Precision = Literal["float32", "bfloat16", "int8", "int4"]

BITS = {"int8": 8, "int4": 4}
READABLE = 20e9
"""Bytes of weights that a CPU may have to read in a second of sound, each counted once: about what a core reads."""


def choose(name: str, device: torch.device, config: Config) -> Precision:
    """The precision that a setting means on a device. Raises UserError.

    On a CPU `auto` is int8: reading weights is what takes time there, and int8's distribution of codes can hardly be
    told from float32's. int4 reads half as much, and its distribution is two hundred times as far away, measured on
    random weights (bench/mrt2_cpu.md).
    """
    if name == "auto":
        return "int8" if device.type == "cpu" else "bfloat16"
    for known in get_args(Precision):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise UserError(f"precision is {name!r}; expected auto, {', '.join(get_args(Precision))}")


def apply(lm: LanguageModel, decoder: Decoder, precision: Precision, device: torch.device) -> None:
    """Bring empty modules to a device, in the precision that their weights will be copied into.

    Norms stay in float32, and so does the codec: its values reach 4e6. On a CPU only the transformers' matrices are
    narrowed: what travels between them costs nothing in float32.
    """
    parts = (lm.temporal, lm.depth)
    if device.type != "cpu" and precision != "float32":
        for module in lm.modules():
            if not isinstance(module, (Norm, LayerNorm)):
                narrow(module, torch.bfloat16)
        lm.depth.activation = torch.bfloat16
    elif precision == "bfloat16":
        for linear in (module for part in parts for module in part.modules() if isinstance(module, Linear)):
            linear.weight = nn.Parameter(torch.empty_like(linear.weight, dtype=torch.bfloat16), requires_grad=False)
    if precision in BITS:
        for part in parts:
            quantise(part, BITS[precision])
    lm.to(device)
    decoder.to(device)


def narrow(module: nn.Module, dtype: torch.dtype) -> None:
    """The module's own floating point weights and sinks in `dtype`."""
    for name, parameter in module._parameters.items():
        if parameter is not None and parameter.is_floating_point():
            module._parameters[name] = nn.Parameter(torch.empty_like(parameter, dtype=dtype), requires_grad=False)
    for name, buffer in module._buffers.items():
        if buffer is not None and name.startswith("sink_"):
            module._buffers[name] = buffer.to(dtype)


def weight_bytes(lm: LanguageModel) -> int:
    """Bytes of the transformers' matrices, which a chunk reads at least once."""
    count = 0
    for part in (lm.temporal, lm.depth):
        for module in part.modules():
            if isinstance(module, QuantisedLinear):
                count += module.weight.codes.nbytes + module.weight.scale.nbytes
            elif isinstance(module, Linear):
                count += module.weight.nbytes
    return count


def refuse_real_time(model: Model) -> str | None:
    """Why a model cannot be played live where it is, in one line; None where it may be tried."""
    needed = weight_bytes(model.lm) * RATE / CHUNK
    if model.device.type != "cpu" or needed <= READABLE:
        return None
    return (
        f"{model.config.name} on cpu in {model.precision} reads {needed / 1e9:.0f} GB of weights per second; expected "
        f"at most {READABLE / 1e9:.0f} for playing live; take mrt2-small in int8, or a GPU, or generate offline"
    )

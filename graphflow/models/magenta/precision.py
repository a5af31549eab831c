"""In which numbers a model computes: exactly as trained, or in less to be faster."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import nn

from graphflow.core.errors import UserError
from graphflow.models.magenta.attention import Norm
from graphflow.models.magenta.codec.decoder import Decoder
from graphflow.models.magenta.config import Config
from graphflow.models.magenta.linear import LayerNorm
from graphflow.models.magenta.lm import LanguageModel

Precision = Literal["float32", "bfloat16", "int8", "int4"]


def choose(name: str, device: torch.device, config: Config) -> Precision:
    """The precision that a setting means on a device. Raises UserError."""
    if name == "auto":
        return "float32" if device.type == "cpu" else "bfloat16"
    for known in get_args(Precision):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise UserError(f"precision is {name!r}; expected auto, {', '.join(get_args(Precision))}")


def apply(lm: LanguageModel, decoder: Decoder, precision: Precision, device: torch.device) -> None:
    """Bring empty modules to a device, in the precision that their weights will be copied into.

    Norms stay in float32, and so does the codec: its values reach 4e6.
    """
    if precision == "bfloat16":
        for module in lm.modules():
            if not isinstance(module, (Norm, LayerNorm)):
                narrow(module, torch.bfloat16)
        lm.depth.activation = torch.bfloat16
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

"""How many bits the arithmetic has: fewer where the processor is fast with them, more where runs are compared."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

Precision = Literal["auto", "float32", "bf16", "float64"]


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Return the surroundings of a network's arithmetic: convolutions in 16 bits, or everything as it is.

    Args:
        precision: `auto` is `bf16` where that is fast; `float64` needs a network of such weights.
        device: Where the network is.
    """
    if precision == "bf16" or (precision == "auto" and has_fast_bf16(device)):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def has_fast_bf16(device: torch.device) -> bool:
    """Return whether a device multiplies numbers of 16 bits itself: one that does not is eight times slower by them."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    known = torch.cpu.get_capabilities()
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))

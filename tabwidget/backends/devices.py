"""Devices: the device, precision and free memory for a model."""

from __future__ import annotations

import os

import psutil  # type: ignore[import-untyped]
import torch

from tabwidget.errors import ConfigError

__all__ = ["device_of", "dtype_of", "free_memory"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def device_of(name: str = "auto") -> torch.device:
    """Return the device of a name.

    Parameters
    ----------
    name : {"auto", "cuda", "mps", "cpu"}, default "auto"
        "auto" is the first available, in this order.

    Raises
    ------
    ConfigError
        If this machine has no such device.

    Examples
    --------
    >>> device_of("cpu")
    device(type='cpu')
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device, found in available.items() if found)
    if not available.get(name, False):
        names = ", ".join(repr(device) for device, found in available.items() if found)
        raise ConfigError(f"this machine has no device {name!r}: use one of 'auto', {names}")
    # torchrun starts one process per GPU.
    rank = os.environ.get("LOCAL_RANK")
    return torch.device(name if name != "cuda" or rank is None else f"cuda:{rank}")


def dtype_of(precision: str, device: torch.device) -> torch.dtype:
    """Return the dtype of a precision.

    Parameters
    ----------
    precision : {"auto", "fp32", "bf16", "fp16"}
        "auto" is bf16 on CUDA, or fp16 where bf16 is not supported, and fp32 elsewhere: most CPUs
        are hundreds of times slower in half precision.
    device : torch.device
        Device of the model.

    Examples
    --------
    >>> dtype_of("auto", torch.device("cpu"))
    torch.float32
    """
    if precision != "auto":
        return _DTYPES[precision]
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def free_memory(device: torch.device) -> int:
    """Return the free bytes of a device; of the system memory, if the device shares it.

    Examples
    --------
    >>> free_memory(torch.device("cpu")) > 0
    True
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    return int(psutil.virtual_memory().available)

"""Devices: what a model is computed on, in which precision, and how much memory there is."""

from __future__ import annotations

import os

import psutil  # type: ignore[import-untyped]
import torch

from tabwidget.errors import ConfigError

__all__ = ["device_of", "dtype_of", "free_memory"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def device_of(name: str = "auto") -> torch.device:
    """Return the device of that name.

    Parameters
    ----------
    name : {"auto", "cuda", "mps", "cpu"}, default "auto"
        "auto" is the fastest there is.

    Raises
    ------
    ConfigError
        If this machine has none.

    Examples
    --------
    >>> device_of("cpu")
    device(type='cpu')
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device, is_there in there.items() if is_there)
    if not there.get(name, False):
        found = ", ".join(repr(device) for device, is_there in there.items() if is_there)
        raise ConfigError(f"this machine has no device {name!r}: give one of 'auto', {found}")
    # Each of several processes, as torchrun starts them, has a device of its own.
    rank = os.environ.get("LOCAL_RANK")
    return torch.device(name if name != "cuda" or rank is None else f"cuda:{rank}")


def dtype_of(precision: str, device: torch.device) -> torch.dtype:
    """Return what is computed in.

    Parameters
    ----------
    precision : {"auto", "fp32", "bf16", "fp16"}
        "auto" is bf16, or fp16 where that is lacking, on CUDA, and fp32 elsewhere: most CPUs are
        hundreds of times slower in the others.
    device : torch.device
        Where.

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
    """Return the bytes that are free on a device; what it shares with the system, if it has none.

    Examples
    --------
    >>> free_memory(torch.device("cpu")) > 0
    True
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    return int(psutil.virtual_memory().available)

"""Checkpoints of `Trainer`: weights, optimizer state and progress in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tabwidget.minilm.files import read_tensors, write_tensors

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(path: Path, model: dict[str, Tensor], optimizer: Any, about: Any) -> None:
    """Write a checkpoint.

    Parameters
    ----------
    path : Path
        The file.
    model : dict of str to Tensor
        Weights.
    optimizer : dict
        ``state_dict()`` of the optimizer.
    about : JSON value
        Everything else.
    """
    tensors = {f"model.{name}": tensor for name, tensor in model.items()}
    for index, state in optimizer["state"].items():
        for name, value in state.items():
            # `step` is a plain number in some versions of torch.
            tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value)
    write_tensors(path, tensors, {"about": about, "groups": optimizer["param_groups"]})


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any], Any]:
    """Return the weights, optimizer state and `about` that `save_checkpoint` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or not a checkpoint.
    """
    tensors, metadata = read_tensors(path)
    if not {"about", "groups"} <= set(metadata):
        raise ValueError(f"{str(path)!r} is not a checkpoint of a Trainer")
    model: dict[str, Tensor] = {}
    state: dict[int, dict[str, Tensor]] = {}
    for full, tensor in tensors.items():
        kind, _, name = full.partition(".")
        if kind == "model":
            model[name] = tensor
        else:
            index, _, name = name.partition(".")
            state.setdefault(int(index), {})[name] = tensor
    return model, {"state": state, "param_groups": metadata["groups"]}, metadata["about"]

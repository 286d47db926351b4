"""Checkpoints: everything a run of the trainer needs to go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tabwidget.minilm.files import read_tensors, write_tensors

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(path: Path, model: dict[str, Tensor], optimizer: Any, about: Any) -> None:
    """Write weights, the optimizer's ``state_dict()`` and `about`, which JSON can hold."""
    tensors = {f"model.{name}": tensor for name, tensor in model.items()}
    for index, state in optimizer["state"].items():
        for name, value in state.items():
            # `step` may be a number in some versions of torch.
            tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value)
    write_tensors(path, tensors, {"about": about, "groups": optimizer["param_groups"]})


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any], Any]:
    """Return the weights, the optimizer's state and `about` that `save_checkpoint` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds something else, or a part of it only.
    """
    tensors, metadata = read_tensors(path)
    if not {"about", "groups"} <= set(metadata):
        raise ValueError(f"{str(path)!r} is no checkpoint of a Trainer")
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

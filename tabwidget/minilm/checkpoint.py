"""Checkpoints: everything a run needs to go on, as safetensors with JSON beside the tensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(path: Path, model: dict[str, Tensor], optimizer: Any, about: Any) -> None:
    """Write weights, the optimizer's ``state_dict()`` and `about`, which JSON can hold.

    A save that is cut off leaves an older file of that name whole.
    """
    tensors = {f"model.{name}": tensor.contiguous() for name, tensor in model.items()}
    for index, state in optimizer["state"].items():
        for name, value in state.items():
            # `step` may be a number in some versions of torch.
            tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value).contiguous()
    metadata = {"about": json.dumps(about), "groups": json.dumps(optimizer["param_groups"])}
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    save_file(tensors, beside, metadata=metadata)
    beside.replace(path)


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any], Any]:
    """Return the weights, the optimizer's state and `about` that `save_checkpoint` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds something else, or a part of it only.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {str(path)!r}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            about, groups = json.loads(metadata["about"]), json.loads(metadata["groups"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"{str(path)!r} is no checkpoint of a Trainer ({error})") from error
    model: dict[str, Tensor] = {}
    state: dict[int, dict[str, Tensor]] = {}
    for full, tensor in tensors.items():
        kind, _, name = full.partition(".")
        if kind == "model":
            model[name] = tensor
        else:
            index, _, name = name.partition(".")
            state.setdefault(int(index), {})[name] = tensor
    return model, {"state": state, "param_groups": groups}, about

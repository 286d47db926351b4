"""The pretrained weights: float16 safetensors in the package, checked against a digest."""

from __future__ import annotations

import functools
import hashlib
import json
from importlib import resources
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load, save_file
from torch import Tensor

from tabwidget.backends.pretrained.model import InContextModel
from tabwidget.errors import DataFileError

__all__ = ["DIGEST", "FILE", "load_model", "pretrained_model", "save_model"]

FILE = "weights.safetensors"
DIGEST = "ae0b6b52f06096cc01859bbd646f6993b9e38e9f71d9b875afa4ecded951426b"


@functools.cache
def pretrained_model() -> InContextModel:
    """Return the pretrained model; it is loaded once, on first use.

    Raises
    ------
    DataFileError
        If the file is damaged or not the one of this version.

    Examples
    --------
    >>> round(sum(weight.numel() for weight in pretrained_model().parameters()) / 1e6, 1)
    3.1
    """
    path = Path(str(resources.files(__package__) / FILE))
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != DIGEST:
        raise DataFileError(
            f"{path.name} of the pretrained model is damaged (SHA-256 {found[:12]}… instead of "
            f"{DIGEST[:12]}…): reinstall tabwidget"
        )
    return load_model(path)


def load_model(path: Path) -> InContextModel:
    """Return the model of a file that `save_model` wrote, ready to predict."""
    with safe_open(path, framework="pt") as file:
        config = json.loads((file.metadata() or {})["config"])
    model = InContextModel(**config)
    weights = {name: weight.float() for name, weight in load(path.read_bytes()).items()}
    model.load_state_dict(weights)
    return model.eval().requires_grad_(False)


def save_model(path: Path, model: InContextModel, weights: dict[str, Tensor] | None = None) -> None:
    """Write a model as float16 safetensors.

    Parameters
    ----------
    path : Path
        The file.
    model : InContextModel
        Its config is written too.
    weights : dict of Tensor, optional
        Written instead of the model's own, such as their average over steps.
    """
    weights = model.state_dict() if weights is None else weights
    halved = {name: weight.detach().cpu().half().contiguous() for name, weight in weights.items()}
    save_file(halved, path, {"config": json.dumps(model.config)})

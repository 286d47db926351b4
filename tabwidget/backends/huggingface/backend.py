"""HFBackend: a pretrained causal language model, tuned on the rows of a table as text."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tabwidget.backends.base import FitRequest, Prediction
from tabwidget.backends.huggingface.turns import Turns
from tabwidget.config import ModelConfig
from tabwidget.errors import ConfigError, NotFittedError, require
from tabwidget.forms import params_from_json, params_to_json
from tabwidget.params import warn_unused
from tabwidget.serialize import Serializer
from tabwidget.table import Column
from tabwidget.textlm import RowTokens, TextAnswers

__all__ = ["HFBackend"]

Floats = NDArray[np.float64]

# Fields of the configs that have no effect here: they are those of a model from scratch.
UNUSED = {"width", "layers", "heads", "dropout", "members"}


class HFBackend:
    """Any causal language model that transformers loads.

    It reads and writes rows as text, so it knows what the names of columns and levels mean. The
    answer to a question is exact: the probabilities of all values of the column, each through its
    closing mark, or for a number with too many values to list, of all beginnings of its digits.

    Parameters
    ----------
    model_config : ModelConfig, optional
        ``model``: the name of a model, a folder that holds one, or a ``.gguf`` file in it;
        "distilgpt2" by default. ``lora`` trains adapters, else all weights are trained.

    Examples
    --------
    >>> from tabwidget import LoRAConfig, TabularLanguageModel
    >>> model = ModelConfig(model="HuggingFaceTB/SmolLM2-135M-Instruct", lora=LoRAConfig(rank=8))
    >>> lm = TabularLanguageModel(backend=HFBackend(model))

    ``lm.fit(frame)`` then loads the model, from the hub where it is not here already.
    """

    name = "huggingface"

    def __init__(self, model_config: ModelConfig | None = None) -> None:
        self.model_config = model_config or ModelConfig()
        self._engine: Any = None
        self._answers: TextAnswers | None = None
        self._serializer: Serializer | None = None
        self._rows: tuple[NDArray[np.int64], ...] = ()
        self._fit: Any = None
        self._turns = Turns()

    @property
    def ready(self) -> bool:
        """Whether there is a model to ask, be it while it is still being trained."""
        return self._answers is not None

    def fit(self, request: FitRequest) -> None:
        """Learn a table; returns when a limit is reached, or ``request.stopped()`` says so."""
        require("transformers", "hf")
        from tabwidget.backends.huggingface.training import OPTIMIZERS, HFFit

        unused = UNUSED if request.training.optimizer in OPTIMIZERS else {*UNUSED, "optimizer"}
        for config in (request.training, self.model_config):
            warn_unused(config, set(config.get_params(deep=False)) - unused, self.name)
        inputs = request.table.schema.inputs
        if texts := [column.name for column in inputs if column.role != "feature"]:
            warnings.warn(
                f"the engine {self.name!r} does not read free text yet: {', '.join(texts)}",
                UserWarning,
                stacklevel=2,
            )
        if not request.resume:
            # An instance that learns another table must not answer with the weights of the last.
            self._answers = None
            self._load(request.seed)
        self._serializer = request.serializer
        answers = self._asked(inputs, request.serializer, request.seed)
        self._fit = fit = HFFit(request, self._engine, answers.tokens, self._turns)
        self._rows, self._answers = (fit.held_rows,), answers
        try:
            fit.run()
        finally:
            self._fit = None

    def predict(
        self, contexts: Floats, targets: Sequence[int] | NDArray[np.int64], orders: int = 2
    ) -> Prediction:
        """Return the distribution of column ``targets[i]`` given row i of `contexts`."""
        answers = self._ready_answers()
        contexts = contexts[:, : len(answers.tokens.columns)]
        with self._turns.turn():
            found = answers.predict(contexts, np.asarray(targets, dtype=np.int64), orders)
        return Prediction(*found)

    def held_out(self, rows: Floats, target: int) -> tuple[NDArray[np.int64], Floats]:
        """Return the answers on rows that were held out of the last fit."""
        (held,) = self._rows
        asked = held[np.isfinite(rows[held, target])]
        found = self.predict(rows[asked], np.full(len(asked), target), 1)
        return asked, found.probabilities

    def chain(self, rows: Floats) -> Floats:
        """Return each cell's log-probability given the cells read before it in its row."""
        answers = self._ready_answers()
        columns = len(answers.tokens.columns)
        found = np.zeros(rows.shape)
        with self._turns.turn():
            found[:, :columns] = answers.chain(rows[:, :columns])
        return found

    def grow(self, columns: Sequence[Column]) -> None:
        """Take in new values of the columns: a text model can write them already."""
        answers = self._ready_answers()
        assert self._serializer is not None
        self._answers = self._asked(columns, self._serializer, answers.seed)

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned, as strict JSON holds it, and arrays by name.

        Of a model with adapters these alone; else all weights. The pretrained model itself is kept
        by name.
        """
        answers = self._ready_answers()
        with self._turns.turn():
            best = {} if self._fit is None else self._fit.best
            arrays = {
                name: best.get(name, weight).detach().float().cpu().numpy()
                for name, weight in self._engine.model.named_parameters()
                if weight.requires_grad
            }
        content = {
            "seed": answers.seed,
            "serializer": params_to_json(self._serializer),
            "model": params_to_json(self.model_config),
        }
        return content, arrays

    def restore(
        self,
        columns: Sequence[Column],
        content: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        """Take back what `state` returned of these columns; the pretrained model is loaded anew."""
        import torch

        require("transformers", "hf")
        if self.model_config.model is None:
            self.model_config = params_from_json(content["model"])
        self._load(content["seed"])
        weights = dict(self._engine.model.named_parameters())
        wrong = [
            name
            for name, array in arrays.items()
            if name not in weights or tuple(weights[name].shape) != array.shape
        ]
        if wrong:
            raise ConfigError(
                f"the saved weights do not fit the model {self.model_config.model!r} "
                f"({wrong[0]}, …): give the one that was tuned"
            )
        with torch.no_grad():
            for name, array in arrays.items():
                weights[name].copy_(torch.from_numpy(array))
        self._rows = (np.empty(0, dtype=np.int64),)
        self._serializer = params_from_json(content["serializer"])
        self._answers = self._asked(columns, self._serializer, content["seed"])

    def _load(self, seed: int) -> None:
        from tabwidget.backends.huggingface.engine import HFEngine
        from tabwidget.backends.huggingface.loading import adapted, load

        loaded = load(self.model_config)
        if self.model_config.lora is not None:
            loaded.model = adapted(loaded.model, self.model_config.lora, seed)
        self._tokenizer, self._engine = loaded.tokenizer, HFEngine(loaded)

    def _asked(self, columns: Sequence[Column], serializer: Serializer, seed: int) -> TextAnswers:
        """Return what answers questions about these columns."""
        tokenizer = self._tokenizer
        end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
        start = end if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]

        def encode(text: str) -> list[int]:
            # A cell that holds the name of a special token is still text.
            return list(tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))

        features = [column for column in columns if column.role == "feature"]
        tokens = RowTokens(features, serializer, encode, start=start, end=end)
        return TextAnswers(tokens, self._engine, seed)

    def _ready_answers(self) -> TextAnswers:
        if self._answers is None:
            raise NotFittedError("there is nothing to ask yet: call fit first")
        return self._answers

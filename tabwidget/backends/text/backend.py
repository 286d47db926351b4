"""TextBackend: what all models share that read and write rows as text."""

from __future__ import annotations

import operator
import warnings
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tabwidget._typing import Floats
from tabwidget.backends.base import FitRequest, Prediction
from tabwidget.backends.cost import ModelSize
from tabwidget.backends.fair_lock import FairLock
from tabwidget.backends.text import RowTokens, ScoringModel, TextAnswers
from tabwidget.backends.text.fit import TextFit
from tabwidget.backends.text.tokens import TextTokenizer, Token, row_tokens, shown
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import NotFittedError
from tabwidget.params import warn_unused
from tabwidget.serializers.base import Serializer
from tabwidget.storage.json_codec import params_from_json, params_to_json
from tabwidget.table import Column, Table

__all__ = ["TextBackend", "features"]


COUNTED = 200  # rows whose tokens are counted for an estimate


class TextBackend(ABC):
    """A causal language model of a table's rows as text.

    The answer to a question is exact: the probabilities of all values of the column, each through
    its closing mark, or for a number with too many values to list, of all beginnings of its digits.

    Parameters
    ----------
    model_config : ModelConfig, optional
        The model.

    Attributes
    ----------
    batch_size : int
        Rows learned together, where "auto" is asked for.
    """

    name: str
    batch_size = TextFit.batch_size

    def __init__(self, model_config: ModelConfig | None = None) -> None:
        self.model_config = model_config or ModelConfig()
        self._scorer: ScoringModel | None = None
        self._answers: TextAnswers | None = None
        self._serializer: Serializer | None = None
        self._held: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._fit: TextFit | None = None
        self._kept: tuple[list[Any], Serializer, TextTokenizer] | None = None
        self._lock = FairLock()

    @abstractmethod
    def _unused(self, training: TrainingConfig) -> set[str]:
        """Return the fields of the configs that have no effect here."""

    @abstractmethod
    def _loaded(self, seed: int, table: Table, serializer: Serializer) -> ScoringModel:
        """Return the model to train on a table."""

    @abstractmethod
    def _restored(self, content: Mapping[str, Any], seed: int) -> ScoringModel:
        """Return the model that `_about` describes, before what was trained is put into it."""

    @abstractmethod
    def _about(self) -> dict[str, Any]:
        """Return what `_restored` needs, as strict JSON holds it."""

    @abstractmethod
    def _new_tokenizer(self, table: Table, serializer: Serializer) -> TextTokenizer:
        """Return what cuts the rows of a table into tokens; nothing is downloaded for it."""

    @abstractmethod
    def _size(
        self, tokenizer: TextTokenizer, tokens_per_row: float, rows_per_step: int
    ) -> ModelSize:
        """Return the size of the model; nothing is downloaded for it."""

    @abstractmethod
    def _new_fit(self, request: FitRequest, scorer: ScoringModel, tokens: RowTokens) -> TextFit:
        """Return the fit to run."""

    @property
    def ready(self) -> bool:
        """Whether there is a model to ask, be it while it is still being trained."""
        return self._answers is not None

    def fit(self, request: FitRequest) -> None:
        """Learn a table; returns when a limit is reached, or ``request.stopped()`` says so."""
        unused = self._unused(request.training)
        for config in (request.training, self.model_config):
            warn_unused(config, set(config.get_params(deep=False)) - unused, self.name)
        inputs = request.table.schema.inputs
        if texts := [column.name for column in inputs if column.role != "feature"]:
            warnings.warn(
                f"the model {self.name!r} does not read free text yet: {', '.join(texts)}",
                UserWarning,
                stacklevel=2,
            )
        if not request.resume:
            # An instance that learns another table must not answer with the weights of the last.
            self._answers = None
            self._scorer = self._loaded(request.seed, request.table, request.serializer)
        self._serializer = request.serializer
        assert self._scorer is not None
        answers = self._asked(inputs, request.serializer, request.seed)
        self._fit = fit = self._new_fit(request, self._scorer, answers.tokens)
        self._held, self._answers = fit.held_rows, answers
        try:
            fit.run()
        finally:
            self._fit = None

    def tokenizer(self, table: Table, serializer: Serializer) -> TextTokenizer:
        """Return what cuts the rows of a table into tokens; nothing is downloaded for it.

        The newest is kept, until another table, serializer or model is asked for.
        """
        # By identity: models of mlx cannot be compared.
        asked = [table, *vars(self.model_config).values()]
        kept = self._kept
        if kept is None or kept[1] != serializer or not all(map(operator.is_, kept[0], asked)):
            kept = self._kept = asked, serializer, self._new_tokenizer(table, serializer)
        return kept[2]

    def size(self, table: Table, serializer: Serializer, training: TrainingConfig) -> ModelSize:
        """Return the size of the model that a fit would train; nothing is loaded for it."""
        tokenizer = self.tokenizer(table, serializer)
        tokens = row_tokens(features(table.schema.inputs), serializer, tokenizer)
        rows = table.schema.rows(table.frame.head(COUNTED))[:, : len(tokens.columns)]
        natural = np.arange(len(tokens.columns))
        lengths = [len(tokens.row(row, natural).ids) for row in rows]
        batch = self.batch_size if training.batch_size == "auto" else training.batch_size
        return self._size(tokenizer, float(np.mean(lengths)), batch)

    def tokens(
        self,
        table: Table,
        serializer: Serializer,
        row: int,
        order: Sequence[int],
        learned: Collection[str],
    ) -> tuple[Token, ...]:
        """Return the tokens of a row as training would read it.

        Parameters
        ----------
        table : Table
            The rows.
        serializer : Serializer
            Writes them.
        row : int
            Place in the table.
        order : sequence of int
            Of its columns that are no free text.
        learned : collection of str
            Columns that have a part in the loss.
        """
        tokenizer = self.tokenizer(table, serializer)
        written = row_tokens(features(table.schema.inputs), serializer, tokenizer)
        numbers = table.schema.rows(table.frame.iloc[[row]])[0, : len(written.columns)]
        return shown(written, tokenizer, numbers, order, learned)

    def predict(
        self, contexts: Floats, targets: Sequence[int] | NDArray[np.int64], orders: int = 2
    ) -> Prediction:
        """Return the distribution of column ``targets[i]`` given row i of `contexts`."""
        answers = self._ready_answers()
        contexts = contexts[:, : len(answers.tokens.columns)]
        with self._lock.hold():
            found = answers.predict(contexts, np.asarray(targets, dtype=np.int64), orders)
        return Prediction(*found)

    def validation_predictions(self, rows: Floats, target: int) -> tuple[NDArray[np.int64], Floats]:
        """Return the answers on validation rows of the last fit."""
        asked = self._held[np.isfinite(rows[self._held, target])]
        found = self.predict(rows[asked], np.full(len(asked), target), 1)
        return asked, found.probabilities

    def chain(self, rows: Floats) -> Floats:
        """Return each cell's log-probability given the cells read before it in its row."""
        answers = self._ready_answers()
        columns = len(answers.tokens.columns)
        found = np.zeros(rows.shape)
        with self._lock.hold():
            found[:, :columns] = answers.chain(rows[:, :columns])
        return found

    def grow(self, columns: Sequence[Column]) -> None:
        """Take in new values of the columns: a text model can write them already."""
        seed = self._ready_answers().seed
        assert self._serializer is not None
        self._answers = self._asked(columns, self._serializer, seed)

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned, as strict JSON holds it, and arrays by name.

        Of a model with adapters these alone; else all weights. A pretrained model itself is kept
        by name.
        """
        answers, scorer = self._ready_answers(), self._scorer
        assert scorer is not None
        with self._lock.hold():
            arrays = (self._fit and self._fit.best) or scorer.trained()
        content = {
            "seed": answers.seed,
            "serializer": params_to_json(self._serializer),
            "model": params_to_json(self.model_config),
            **self._about(),
        }
        return content, dict(arrays)

    def restore(
        self,
        columns: Sequence[Column],
        content: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        """Take back what `state` returned of these columns; a pretrained model is loaded anew."""
        if self.model_config.model is None:
            self.model_config = params_from_json(content["model"])
        self._scorer = self._restored(content, content["seed"])
        self._scorer.take(arrays)
        self._held = np.empty(0, dtype=np.int64)
        self._serializer = params_from_json(content["serializer"])
        self._answers = self._asked(columns, self._serializer, content["seed"])

    def _asked(self, columns: Sequence[Column], serializer: Serializer, seed: int) -> TextAnswers:
        """Return what answers questions about these columns."""
        scorer = self._scorer
        assert scorer is not None
        tokens = row_tokens(features(columns), serializer, scorer.tokenizer)
        return TextAnswers(tokens, scorer, seed)

    def _ready_answers(self) -> TextAnswers:
        if self._answers is None:
            raise NotFittedError("there is nothing to ask yet: call fit first")
        return self._answers


def features(columns: Sequence[Column]) -> list[Column]:
    """Return those of the columns that a model reads which it can be asked for; no free text."""
    return [column for column in columns if column.role == "feature"]

"""TextBackend: base of the backends that encode rows as text."""

from __future__ import annotations

import operator
import warnings
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tabwidget._typing import Floats, Ints
from tabwidget.backends.base import FitRequest, FittedWeights, Prediction
from tabwidget.backends.cost import ModelSize
from tabwidget.backends.fair_lock import FairLock
from tabwidget.backends.text import RowTokens, ScoringModel
from tabwidget.backends.text.answers import TextAnswers
from tabwidget.backends.text.fit import TextFit
from tabwidget.backends.text.fit_settings import FitDefaults
from tabwidget.backends.text.tokens import TextTokenizer, Token, row_tokens, tokens_of_row
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import NotFittedError
from tabwidget.events import Phase, PhaseReport
from tabwidget.params import warn_unused
from tabwidget.serializers.base import Serializer
from tabwidget.storage.json_codec import params_from_json, params_to_json
from tabwidget.table import Column, Table

__all__ = ["TextBackend", "features"]


COUNTED_ROWS = 200  # whose tokens are counted to estimate the cost


class TextBackend(FittedWeights, ABC):
    """A causal language model of a table's rows as text.

    Answers are exact: the probabilities of all values of the column, each with the delimiter after
    it; for a number with too many values to list, of all prefixes of its digits.

    Parameters
    ----------
    model_config : ModelConfig, optional
        The model.

    Attributes
    ----------
    defaults : FitDefaults
        Used where a training setting is "auto".
    """

    name: str
    defaults: ClassVar[FitDefaults] = TextFit.defaults
    first_phase: ClassVar[Phase] = "reading"  # while the model is made

    def __init__(self, model_config: ModelConfig | None = None) -> None:
        self.model_config = model_config or ModelConfig()
        self._scorer: ScoringModel | None = None
        self._answers: TextAnswers | None = None
        self._serializer: Serializer | None = None
        self._validation_rows: Ints = np.empty(0, dtype=np.int64)
        self._fit: TextFit | None = None
        self._cached_tokenizer: tuple[list[Any], Serializer, TextTokenizer] | None = None
        self._lock = FairLock()

    @abstractmethod
    def _unused(self, training: TrainingConfig) -> set[str]:
        """Return the config fields that have no effect here."""

    @abstractmethod
    def _new_scorer(self, seed: int, table: Table, serializer: Serializer) -> ScoringModel:
        """Return the model to train on a table."""

    @abstractmethod
    def _restored_scorer(self, content: Mapping[str, Any], seed: int) -> ScoringModel:
        """Return the model of a saved state, without its trained weights."""

    @abstractmethod
    def _scorer_state(self) -> dict[str, Any]:
        """Return what `_restored_scorer` needs, as strict JSON."""

    @abstractmethod
    def _new_tokenizer(self, table: Table, serializer: Serializer) -> TextTokenizer:
        """Return the tokenizer for a table's rows; downloads nothing."""

    @abstractmethod
    def _size(
        self, tokenizer: TextTokenizer, tokens_per_row: float, rows_per_step: int
    ) -> ModelSize:
        """Return the size of the model; downloads nothing."""

    @abstractmethod
    def _new_fit(self, request: FitRequest, scorer: ScoringModel, tokens: RowTokens) -> TextFit:
        """Return the fit to run."""

    @property
    def ready(self) -> bool:
        """Whether the model can be queried, which it can while it is being trained."""
        return self._answers is not None

    def fit(self, request: FitRequest) -> None:
        """Train on a table until a limit is reached or ``request.stopped()`` is true."""
        unused = self._unused(request.training)
        for config in (request.training, self.model_config):
            warn_unused(config, set(config.get_params(deep=False)) - unused, self.name)
        inputs = request.table.schema.inputs
        if texts := [column.name for column in inputs if column.role != "feature"]:
            warnings.warn(
                f"the backend {self.name!r} does not support free text yet, and ignores the "
                f"columns {', '.join(texts)}",
                UserWarning,
                stacklevel=2,
            )
        if not request.resume:
            # Until the new model is ready, the old one must not answer for the new table.
            self._answers = None
            request.emit(PhaseReport(0.0, self.first_phase))
            self._scorer = self._new_scorer(request.seed, request.table, request.serializer)
        self._serializer = request.serializer
        assert self._scorer is not None
        answers = self._new_answers(inputs, request.serializer, request.seed)
        self._fit = fit = self._new_fit(request, self._scorer, answers.tokens)
        self._validation_rows, self._answers = fit.data.validation_rows, answers
        try:
            fit.run()
        finally:
            self._fit = None

    def tokenizer(self, table: Table, serializer: Serializer) -> TextTokenizer:
        """Return the tokenizer for a table's rows; downloads nothing.

        The last one is cached until the table, the serializer or the model changes.
        """
        # Compared by identity: MLX models do not support ==.
        key = [table, *vars(self.model_config).values()]
        cached = self._cached_tokenizer
        if cached is None or cached[1] != serializer or not all(map(operator.is_, cached[0], key)):
            new = self._new_tokenizer(table, serializer)
            cached = self._cached_tokenizer = key, serializer, new
        return cached[2]

    def size(self, table: Table, serializer: Serializer, training: TrainingConfig) -> ModelSize:
        """Return the size of the model that a fit would train; loads no weights."""
        tokenizer = self.tokenizer(table, serializer)
        tokens = row_tokens(features(table.schema.inputs), serializer, tokenizer)
        rows = table.schema.rows(table.frame.head(COUNTED_ROWS))[:, : len(tokens.columns)]
        natural = np.arange(len(tokens.columns))
        lengths = [len(tokens.row(row, natural).ids) for row in rows]
        batch = self.defaults.batch_size if training.batch_size == "auto" else training.batch_size
        return self._size(tokenizer, float(np.mean(lengths)), batch)

    def tokens(
        self,
        table: Table,
        serializer: Serializer,
        row: int,
        order: Sequence[int],
        learned: Collection[str],
    ) -> tuple[Token, ...]:
        """Return the tokens of a row as training encodes it.

        Parameters
        ----------
        table : Table
            The table.
        serializer : Serializer
            Formats its rows.
        row : int
            Index of the row.
        order : sequence of int
            Order of the columns, without free text.
        learned : collection of str
            Columns that count in the loss.
        """
        tokenizer = self.tokenizer(table, serializer)
        tokens = row_tokens(features(table.schema.inputs), serializer, tokenizer)
        numbers = table.schema.rows(table.frame.iloc[[row]])[0, : len(tokens.columns)]
        return tokens_of_row(tokens, tokenizer, numbers, order, learned)

    def predict(
        self, contexts: Floats, targets: Sequence[int] | Ints, orders: int = 2
    ) -> Prediction:
        """Return the distribution of column ``targets[i]`` given row i of `contexts`."""
        answers = self._fitted_answers()
        contexts = contexts[:, : len(answers.tokens.columns)]
        with self._lock.hold():
            found = answers.predict(contexts, np.asarray(targets, dtype=np.int64), orders)
        return Prediction(*found)

    def validation_predictions(self, rows: Floats, target: int) -> tuple[Ints, Floats]:
        """Return the validation rows of the last fit that have the target, and their answers."""
        at = self._validation_rows[np.isfinite(rows[self._validation_rows, target])]
        found = self.predict(rows[at], np.full(len(at), target), 1)
        return at, found.probabilities

    def chain(self, rows: Floats) -> Floats:
        """Return each cell's log-probability given the cells before it in its row's order."""
        answers = self._fitted_answers()
        columns = len(answers.tokens.columns)
        found = np.zeros(rows.shape)
        with self._lock.hold():
            found[:, :columns] = answers.chain(rows[:, :columns])
        return found

    def grow(self, columns: Sequence[Column]) -> None:
        """Take over columns with new values, which a text model can encode without training."""
        seed = self._fitted_answers().seed
        assert self._serializer is not None
        self._answers = self._new_answers(columns, self._serializer, seed)

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the fitted state as strict JSON, and the trained weights by name.

        With adapters these are the only weights; a pretrained model is kept by its name.
        """
        answers, scorer = self._fitted_answers(), self._scorer
        assert scorer is not None
        with self._lock.hold():
            arrays = (self._fit and self._fit.best) or scorer.trained_weights()
        content = {
            "seed": answers.seed,
            "serializer": params_to_json(self._serializer),
            "model": params_to_json(self.model_config),
            **self._scorer_state(),
        }
        return content, dict(arrays)

    def restore(
        self,
        columns: Sequence[Column],
        content: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        """Restore what `state` returned for these columns; a pretrained model is loaded again."""
        if self.model_config.model is None:
            self.model_config = params_from_json(content["model"])
        self._scorer = self._restored_scorer(content, content["seed"])
        self._scorer.load_weights(arrays)
        self._validation_rows = np.empty(0, dtype=np.int64)
        self._serializer = params_from_json(content["serializer"])
        self._answers = self._new_answers(columns, self._serializer, content["seed"])

    def _new_answers(
        self, columns: Sequence[Column], serializer: Serializer, seed: int
    ) -> TextAnswers:
        scorer = self._scorer
        assert scorer is not None
        tokens = row_tokens(features(columns), serializer, scorer.tokenizer)
        return TextAnswers(tokens, scorer, seed)

    def _fitted_answers(self) -> TextAnswers:
        if self._answers is None:
            raise NotFittedError("this model is not fitted yet: call fit() first")
        return self._answers


def features(columns: Sequence[Column]) -> list[Column]:
    """Return the columns that can be targets, which free text cannot."""
    return [column for column in columns if column.role == "feature"]

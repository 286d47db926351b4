"""TabularLanguageModel: fit, save and load."""

from __future__ import annotations

import functools
import math
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

from tabwidget.backends import Backend, FitRequest, choose, resolve
from tabwidget.callbacks import Callback, as_list, close, memory_of_process, notify
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import ConfigError
from tabwidget.events import EvalReport, Event, TrainingState
from tabwidget.model.exploration import ExplorationMethods
from tabwidget.model.scoring import ScoringMethods
from tabwidget.params import Config, NestedParams
from tabwidget.serializers import Serializer, resolve_serializer
from tabwidget.storage.folder import read_folder, write_folder
from tabwidget.storage.json_codec import (
    empty_frame_from_json,
    params_from_json,
    params_to_json,
    schema_from_json,
    schema_to_json,
)
from tabwidget.table import Table, TableSchema, as_table

__all__ = ["TabularLanguageModel"]

# Parameters saved with a model, besides the backend's name.
_SAVED = ("serializer", "training", "model_config", "random_state")

CHECKPOINT_SECONDS = 5.0
MEMORY_SECONDS = 1.0


class TabularLanguageModel(ExplorationMethods, ScoringMethods, NestedParams, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A language model of a table.

    Parameters
    ----------
    backend : str or Backend, default "auto"
        "auto" answers at once by a pretrained model that reads the table's rows, and pools it with
        a network fitted to them; "pretrained" and "minilm" are these two alone. "huggingface" and
        "mlx" fine-tune a language model, "minilm-text" is a small model of rows as text. With a
        `model_config` that names a language model, "auto" is one of these; see
        `tabwidget.backends.choose`.
    serializer : str or Serializer, default "json"
        How a row is written as text: "json", "key-value" or "bracket".
    training : TrainingConfig, optional
        By default, training ends when the validation loss stops falling.
    model_config : ModelConfig, optional
        Size of the model.
    callbacks : Callback or list of Callback, optional
        Receive every event of a fit or a prediction.
    random_state : int, optional
        Seed of all randomness; a new one for each fit by default.

    Attributes
    ----------
    schema : TableSchema
        The fitted columns.
    state : TrainingState
        Losses and metrics of the last fit.

    Examples
    --------
    >>> from tabwidget import datasets
    >>> lm = TabularLanguageModel(training=TrainingConfig(max_steps=40), random_state=0)
    >>> lm = lm.fit(datasets.load("iris"))
    >>> lm.conditional("species", {"petal length (cm)": 1.4}).mode()
    'setosa'
    """

    _nested: ClassVar[dict[str, type[Config]]] = {
        "training": TrainingConfig,
        "model_config": ModelConfig,
    }

    def __init__(
        self,
        backend: str | Backend = "auto",
        serializer: str | Serializer = "json",
        training: TrainingConfig | None = None,
        model_config: ModelConfig | None = None,
        callbacks: Callback | Sequence[Callback] | None = None,
        random_state: int | None = None,
    ) -> None:
        self.backend = backend
        self.serializer = serializer
        self.training = training
        self.model_config = model_config
        self.callbacks = callbacks
        self.random_state = random_state

    def fit(
        self,
        frame: pd.DataFrame | Table | str | Path,
        *,
        target_cols: Sequence[str] = (),
        resume: bool = False,
        stop: threading.Event | None = None,
        checkpoint: str | Path | None = None,
    ) -> TabularLanguageModel:
        """Fit the model to a table.

        Parameters
        ----------
        frame : DataFrame, Table, path or sample name
            The table; it may have missing cells.
        target_cols : sequence of str, optional
            Columns to prioritize. All other columns remain usable as targets.
        resume : bool, default False
            Continue from the weights of the last fit.
        stop : threading.Event, optional
            Once set, training ends at the next step and keeps the best weights so far.
        checkpoint : str or Path, optional
            Folder to save the best weights in, every few seconds and at the end. `load` reads it;
            ``fit(frame, resume=True)`` continues from it.

        Returns
        -------
        TabularLanguageModel
            The model itself.

        Raises
        ------
        TableError, ColumnError, ConfigError
            For an unusable table, target or setting.
        """
        return self._fit(as_table(frame), target_cols, resume, stop, checkpoint)

    def partial_fit(
        self, frame: pd.DataFrame, *, stop: threading.Event | None = None
    ) -> TabularLanguageModel:
        """Continue training with more rows.

        Trains on the new rows and those of the last fit; a loaded model has only the new ones.
        The schema is extended by new levels and numbers outside the old range; bins do not change.

        Parameters
        ----------
        frame : DataFrame
            New rows of the same columns; some columns may be missing.
        stop : threading.Event, optional
            As in `fit`.

        Raises
        ------
        NotFittedError
            Before the first fit.
        ColumnError, EvidenceError
            For an unknown column, or cells of another kind.
        """
        schema = self.schema
        frame = frame.rename(columns=str)
        for name in frame.columns:
            schema[name]
        frame = frame.reindex(columns=list(schema))
        grown = TableSchema([column.grown(frame[column.name]) for column in schema.values()])
        old = self.table_.frame if self.table_ is not None else self._empty
        both = pd.concat([old, frame], ignore_index=True) if len(old) else frame
        self.backend_.grow(grown.inputs)
        self._schema = grown
        table = Table(both, "table" if self.table_ is None else self.table_.name, schema=grown)
        return self._fit(table, self.targets_, True, stop, None)

    def _fit(
        self,
        table: Table,
        target_cols: Sequence[str],
        resume: bool,
        stop: threading.Event | None,
        checkpoint: str | Path | None,
    ) -> TabularLanguageModel:
        targets = (target_cols,) if isinstance(target_cols, str) else tuple(target_cols)
        for name in targets:
            table.schema.target_column(name)
        training, callbacks = self._training(), as_list(self.callbacks)
        serializer = resolve_serializer(self.serializer)
        resume = resume and self.ready
        if resume and not _same_supports(self.schema, table.schema):
            raise ConfigError("columns or values differ from the last fit: fit without resume")
        if not resume:
            if self.model_config is not None:
                self.model_config.validate()
            self.backend_ = resolve(self.backend, self.model_config)
        seed = self.random_state
        if seed is not None and seed < 0:
            raise ConfigError(f"random_state={seed} is negative: give 0 or more, or None")
        self.seed_ = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
        self._rng = np.random.default_rng(self.seed_)
        self.table_ = table
        self.targets_ = targets
        self._schema = table.schema
        self._empty = table.frame.iloc[:0]
        self.state = state = TrainingState()
        self._saved, self._measured = time.monotonic(), -math.inf
        request = FitRequest(
            table=table,
            targets=targets,
            training=training,
            serializer=serializer,
            seed=self.seed_,
            resume=resume,
            emit=functools.partial(self._emit, callbacks, checkpoint=checkpoint),
            stopped=lambda: state.stopping or (stop is not None and stop.is_set()),
        )
        try:
            self.backend_.fit(request)
        finally:
            close(callbacks)
        if not self.ready:
            raise ConfigError("training diverged: no loss was finite; lower the learning_rate")
        if checkpoint is not None:
            self.save(checkpoint)
        return self

    def save(self, folder: str | Path, *, rows: bool = True) -> None:
        """Save the model as JSON and safetensors.

        The backends "auto" and "pretrained" answer from the table's rows, so that **the folder
        holds rows of the table** (at most 20,000): do not share it where you would not share them.

        An interrupted save leaves an older one in the folder intact.

        Parameters
        ----------
        folder : str or Path
            Created if missing.
        rows : bool, default True
            False saves the fitted network of the backend "auto" alone, without any row; it loads
            as a model with the backend "minilm".

        Raises
        ------
        NotFittedError
            Before the first fit.
        ConfigError
            If the folder has other contents, for a custom backend or serializer, or without rows
            for a model that was not trained.
        TableError
            For levels of a type that cannot be saved.
        """
        schema = self.schema
        saved = self.backend_ if rows else self.backend_.without_rows()
        choose(saved.name)
        backend, arrays = saved.state()
        content = {
            "params": {
                "backend": saved.name,
                **{name: params_to_json(getattr(self, name)) for name in _SAVED},
            },
            "schema": schema_to_json(schema, self._empty),
            "targets": list(self.targets_),
            "seed": self.seed_,
            "backend": backend,
        }
        write_folder(folder, content, arrays)

    @classmethod
    def load(
        cls, folder: str | Path, *, callbacks: Callback | Sequence[Callback] | None = None
    ) -> TabularLanguageModel:
        """Return the model that `save` wrote; its predictions are equal to the last bit.

        Parameters
        ----------
        folder : str or Path
            A folder that `save` wrote.
        callbacks : Callback or list of Callback, optional
            As in the constructor; callbacks are not saved.

        Raises
        ------
        DataFileError
            If a file is missing, truncated, edited or from a newer version. Names the file.
        """
        content, arrays = read_folder(folder)
        params = content["params"]
        settings = {name: params_from_json(params[name]) for name in _SAVED}
        model = cls(backend=params["backend"], callbacks=callbacks, **settings)
        model._schema = schema_from_json(content["schema"])
        model._empty = empty_frame_from_json(content["schema"])
        model.table_, model.targets_ = None, tuple(content["targets"])
        model.seed_, model.state = content["seed"], TrainingState()
        model._rng = np.random.default_rng(model.seed_)
        model.backend_ = resolve(model.backend, model.model_config)
        model.backend_.restore(model._schema.inputs, content["backend"], arrays)
        return model

    def _training(self) -> TrainingConfig:
        """Return a validated copy, so that later changes do not affect a fit in progress."""
        if self.training is None:
            return TrainingConfig()
        if not isinstance(self.training, TrainingConfig):
            name = type(self.training).__name__
            raise ConfigError(f"training must be a TrainingConfig, not {name}")
        training: TrainingConfig = clone(self.training)
        training.validate()
        return training

    def _emit(
        self,
        callbacks: Sequence[Callback],
        event: Event,
        checkpoint: str | Path | None = None,
    ) -> None:
        self.state.fold(event)
        due = time.monotonic() - self._saved >= CHECKPOINT_SECONDS
        if checkpoint is not None and due and isinstance(event, EvalReport) and event.best:
            self.save(checkpoint)
            self._saved = time.monotonic()
        notify(callbacks, self.state, event)
        if callbacks and event.seconds - self._measured >= MEMORY_SECONDS:
            self._measured = event.seconds
            self._emit(callbacks, memory_of_process(event.seconds))


def _same_supports(fitted: TableSchema, other: TableSchema) -> bool:
    """Return whether two schemas have the same input columns and supports."""
    return len(fitted.inputs) == len(other.inputs) and all(
        (a.name, a.kind, a.width) == (b.name, b.kind, b.width)
        and np.array_equal(a.support, b.support)
        and np.array_equal(a.edges, b.edges)  # type: ignore[arg-type]
        for a, b in zip(fitted.inputs, other.inputs, strict=True)
    )

"""TextClassifier: a scikit-learn estimator that fine-tunes a pretrained model."""

from __future__ import annotations

import hashlib
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.utils.validation import check_is_fitted

from tabwidget.errors import ConfigError
from tabwidget.events import Phase, PhaseReport, to_dict
from tabwidget.textclass.config import TextClassConfig
from tabwidget.textclass.data import Labels, Texts
from tabwidget.textclass.loading import DEFAULT_MODEL, LabelModel, load
from tabwidget.textclass.metrics import decide, metrics_of, thresholds_for
from tabwidget.textclass.runs import RunModel, load_run, read_result, save_run
from tabwidget.textclass.splitting import train_validation_split

if TYPE_CHECKING:
    from tabwidget.textclass.training_log import Notify

__all__ = ["TextClassifier"]

Matrix = NDArray[np.bool_]

DATA = ("max_length", "val_fraction")
MODEL = (
    "bits",
    "torch_dtype",
    "lora_r",
    "lora_alpha",
    "lora_dropout",
    "lora_target_modules",
    "trust_remote_code",
    "device",
)
TRAIN = (
    "batch_size",
    "eval_batch_size",
    "num_train_epochs",
    "max_steps",
    "max_seconds",
    "learning_rate",
    "weight_decay",
    "warmup_ratio",
    "gradient_accumulation_steps",
    "eval_seconds",
    "early_stopping_patience",
    "metric_for_best_model",
    "class_weights",
    "tune_thresholds",
)


class TextClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # no types
    """Classify texts with a fine-tuned pretrained decoder or encoder.

    The parameters are keys of `TextClassConfig`, which documents them.

    Parameters
    ----------
    model : str, optional
        Hub name, folder or GGUF file; a small decoder by default.
    max_length, val_fraction
        As under ``data``. The validation rows select the best weights and tune the thresholds.
    bits, torch_dtype, lora_r, lora_alpha, lora_dropout, lora_target_modules, trust_remote_code, \
device
        As under ``model``.
    batch_size, eval_batch_size, num_train_epochs, max_steps, max_seconds, learning_rate, \
weight_decay, warmup_ratio, gradient_accumulation_steps, eval_seconds, early_stopping_patience, \
metric_for_best_model, class_weights, tune_thresholds
        As under ``train``.
    random_state : int, default 0
        Seed of all randomness.
    on_event : callable, optional
        Receives training events as payloads, which `tabwidget.events.from_dict` restores.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The sorted labels, or the columns of a 0/1 matrix.
    multi_ : bool
        Whether a text may have several labels.
    thresholds_ : ndarray of shape (n_classes,)
        Threshold of each label, used if a text may have several.
    validation_texts_ : Texts
        The validation texts with their targets.
    validation_probabilities_ : ndarray of shape (n_validation, n_classes)
        Their predicted probabilities.
    validation_ : dict
        Their metrics, as returned by `metrics_of`.
    training_ : TrainingResult
        Duration, steps and losses of the training.
    model_ : LabelModel
        The fine-tuned model. It and the classes are available during training, when other threads
        can already predict.

    Examples
    --------
    >>> classifier = TextClassifier("HuggingFaceTB/SmolLM2-135M", max_seconds=60)
    >>> classifier.get_params()["lora_r"]
    8
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        max_length: int = 1024,
        val_fraction: float = 0.1,
        bits: int | None = None,
        torch_dtype: str = "auto",
        lora_r: int | None = 8,
        lora_alpha: float = 16,
        lora_dropout: float = 0.05,
        lora_target_modules: str | Sequence[str] | None = None,
        trust_remote_code: bool = False,
        device: str = "auto",
        batch_size: int = 4,
        eval_batch_size: int = 8,
        num_train_epochs: float = 20,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        learning_rate: float = 2e-4,
        weight_decay: float = 0.01,
        warmup_ratio: float = 0.0,
        gradient_accumulation_steps: int = 8,
        eval_seconds: float | None = None,
        early_stopping_patience: int | None = 2,
        metric_for_best_model: str = "f1_micro",
        class_weights: str = "none",
        tune_thresholds: bool = True,
        random_state: int = 0,
        on_event: Notify | None = None,
    ) -> None:
        self.model = model
        self.max_length = max_length
        self.val_fraction = val_fraction
        self.bits = bits
        self.torch_dtype = torch_dtype
        self.lora_r = lora_r
        self.lora_alpha = lora_alpha
        self.lora_dropout = lora_dropout
        self.lora_target_modules = lora_target_modules
        self.trust_remote_code = trust_remote_code
        self.device = device
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.num_train_epochs = num_train_epochs
        self.max_steps = max_steps
        self.max_seconds = max_seconds
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_ratio = warmup_ratio
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.eval_seconds = eval_seconds
        self.early_stopping_patience = early_stopping_patience
        self.metric_for_best_model = metric_for_best_model
        self.class_weights = class_weights
        self.tune_thresholds = tune_thresholds
        self.random_state = random_state
        self.on_event = on_event

    def fit(
        self,
        X: Iterable[str],
        y: Any,
        *,
        resume: bool = False,
        stop: threading.Event | None = None,
    ) -> Self:
        """Fine-tune the model on labeled texts.

        Parameters
        ----------
        X : iterable of str
            The texts.
        y : array-like
            One label per text; or, for several labels per text, a list of labels per text or a 0/1
            matrix with one column per label.
        resume : bool, default False
            Continue from the current weights; the labels must be the same.
        stop : threading.Event, optional
            Once set, training ends at its next step and keeps the best weights.

        Raises
        ------
        ConfigError
            If a parameter, a text or a label is invalid.
        """
        config = self._config()
        texts = _texts(X)
        classes, multi, targets = _read_labels(y)
        if len(targets) != len(texts):
            raise ConfigError(
                f"there are {len(texts)} texts, but labels for {len(targets)}: give one entry per "
                "text"
            )
        names = tuple(str(label) for label in classes)
        labels = Labels(names, multi)
        all_texts = Texts([str(row) for row in range(len(texts))], texts, targets)
        self.model_: LabelModel
        if resume:
            check_is_fitted(self, "model_")
            self._check_resumable(config, labels)
            train, validation = self._earlier_split(all_texts, config)
        else:
            self._enter("loading")
            train, validation = train_validation_split(
                all_texts, config.data.val_fraction, config.exp.seeds[0]
            )
            self.model_ = load(
                config.model,
                labels,
                max_length=config.data.max_length,
                seed=config.exp.seeds[0],
            )
        self._fitted_config = config
        self.classes_, self.multi_, self.validation_texts_ = classes, multi, validation
        self._validation_digests = sorted(_digest(text) for text in validation.texts)
        self._label_lists = multi and not _is_matrix(y)
        self.thresholds_ = np.full(len(names), 0.5)
        began = time.perf_counter()
        self._enter("reading")
        from tabwidget.textclass.training import fit  # needs transformers, which `load` has checked

        try:
            with tempfile.TemporaryDirectory() as folder:
                self.training_ = fit(
                    self.model_,
                    config.train,
                    train,
                    validation,
                    seed=config.exp.seeds[0],
                    folder=Path(folder),
                    on_event=self.on_event,
                    stop=stop,
                )
        except BaseException:
            del self.model_  # its weights were never evaluated
            raise
        self._enter("calibrating", time.perf_counter() - began)
        found = self.model_.probabilities(validation.texts, self.eval_batch_size)
        self.validation_probabilities_ = found
        self.thresholds_ = thresholds_for(validation.targets, found, labels, config.train)
        assert validation.targets is not None
        self.validation_ = metrics_of(validation.targets, found, self.thresholds_, labels)
        return self

    def predict_proba(self, X: Iterable[str]) -> NDArray[np.float64]:
        """Return the probability of each of `classes_`, one row per text.

        Rows do not sum to 1 if a text may have several labels.
        """
        check_is_fitted(self, "model_")
        return self.model_.probabilities(_texts(X), self.eval_batch_size)

    def predict(self, X: Iterable[str]) -> Any:
        """Return the labels in the format passed to `fit`."""
        chosen = self._assigned(X)
        if not self.multi_:
            return self.classes_[chosen.argmax(axis=1)]
        if self._label_lists:
            return [self.classes_[row].tolist() for row in chosen]
        return chosen.astype(np.int64)

    def score(self, X: Iterable[str], y: Any, sample_weight: Any = None) -> float:
        """Return the share of texts with all labels correct."""
        chosen = self._assigned(X)
        if not self.multi_:
            right = self.classes_[chosen.argmax(axis=1)] == np.asarray(y)
        elif self._label_lists:
            right = np.array(
                [
                    set(self.classes_[row].tolist()) == set(given)
                    for row, given in zip(chosen, y, strict=True)
                ]
            )
        else:
            right = (chosen == np.asarray(y).astype(bool)).all(axis=1)
        return float(np.average(right, weights=sample_weight))

    def save(self, folder: str | Path) -> None:
        """Write the model in the format of a run of `tabwidget text train`, without pickle.

        Writes the adapters and the head, with the base model by name; or all weights if all were
        tuned. ``tabwidget text predict --run FOLDER`` reads it, too.

        Parameters
        ----------
        folder : str or Path
            Created if missing; otherwise empty, or a saved classifier, which is replaced.
        """
        check_is_fitted(self, "validation_")
        folder = Path(folder).expanduser().absolute()
        if folder.exists() and not _is_replaceable(folder):
            raise ConfigError(f"{str(folder)!r} is not a saved classifier: give another folder")
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Written beside the target first, so that a failed save leaves the older one intact.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as parent:
            new = Path(parent) / "new"
            self._write(new)
            if folder.exists():
                folder.rename(Path(parent) / "old")
            new.rename(folder)

    def _write(self, folder: Path) -> None:
        folder.mkdir()
        config = self._fitted_config
        if (path := Path(config.model.model_name).expanduser()).exists():
            # An absolute path works from any working folder.
            absolute = {"model_name": str(path.absolute())}
            config = config.model_copy(update={"model": config.model.model_copy(update=absolute)})
        config.write(folder / "config.yaml")
        labels = self.model_.labels
        found = self.validation_
        result = {
            "seed": config.exp.seeds[0],
            **asdict(self.training_),
            "f1_micro": found["f1_micro"],
            "f1_macro": found["f1_macro"],
            "validation": found,
            "classes": self.classes_.tolist(),
            "label_lists": self._label_lists,
            "validation_digests": self._validation_digests,
        }
        save_run(folder, RunModel(self.model_, labels, self.thresholds_), result)

    @classmethod
    def load(cls, folder: str | Path, *, device: str = "auto") -> Self:
        """Return the classifier of `save` or of a run of `tabwidget text train`.

        Parameters
        ----------
        folder : str or Path
            The folder of the save or run.
        device : str, default "auto"
            Device to compute on.
        """
        folder = Path(folder).expanduser()
        result = read_result(folder)
        from tabwidget.textclass.training_log import TrainingResult  # imports transformers

        config = TextClassConfig.read(folder / "config.yaml")
        run = load_run(folder, device)
        sections = ((config.data, DATA), (config.model, MODEL), (config.train, TRAIN))
        params = {name: getattr(section, name) for section, names in sections for name in names}
        [seed] = config.exp.seeds
        params |= {"bits": config.model.n_bits, "device": device}
        loaded = cls(config.model.model_name, **params, random_state=seed)
        loaded.model_, loaded.thresholds_ = run.model, run.thresholds
        loaded._fitted_config, loaded._validation_digests = (
            loaded._config(),
            result.get("validation_digests", []),
        )
        loaded.classes_ = np.asarray(result.get("classes", run.labels.names))
        loaded.multi_, loaded._label_lists = run.labels.multi, bool(result.get("label_lists", True))
        loaded.validation_ = result["validation"]
        loaded.training_ = TrainingResult(
            **{field.name: result[field.name] for field in fields(TrainingResult)}
        )
        return loaded

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.classifier_tags.multi_label = True
        return tags

    def _check_resumable(self, config: TextClassConfig, labels: Labels) -> None:
        """Raise `ConfigError` unless training can continue with these parameters and labels."""
        if self.model_.labels != labels:
            raise ConfigError(
                f"the labels are {list(labels.names)!r}, but the model was trained on others: fit "
                "without resume"
            )
        before, now = (
            {"max_length": one.data.max_length, **one.model.model_dump(exclude={"device"})}
            for one in (self._fitted_config, config)
        )
        for name, value in now.items():
            if value != before[name]:
                raise ConfigError(
                    f"{name} is {value!r}, but the model was trained with {before[name]!r}: "
                    "restore it, or fit without resume"
                )

    def _earlier_split(self, texts: Texts, config: TextClassConfig) -> tuple[Texts, Texts]:
        """Return training and validation texts; validation texts of an earlier fit stay such."""
        remaining = Counter(self._validation_digests)
        mask = np.zeros(len(texts), dtype=bool)
        for row, text in enumerate(texts.texts):
            digest = _digest(text)
            if remaining[digest]:  # for repeated texts, as many as before
                remaining[digest] -= 1
                mask[row] = True
        if not mask.any():  # all texts are new
            return train_validation_split(texts, config.data.val_fraction, config.exp.seeds[0])
        return texts.take(np.flatnonzero(~mask)), texts.take(np.flatnonzero(mask))

    def _assigned(self, X: Iterable[str]) -> Matrix:
        found = self.predict_proba(X)
        return decide(found, self.thresholds_, self.model_.labels)

    def _enter(self, phase: Phase, seconds: float = 0.0) -> None:
        if self.on_event is not None:
            self.on_event(to_dict(PhaseReport(seconds, phase)))

    def _config(self) -> TextClassConfig:
        params = self.get_params(deep=False)
        return TextClassConfig.of(
            {
                "data": {
                    "dataset_name": "texts",
                    "train_csv": "texts",
                    **{name: params[name] for name in DATA},
                },
                "model": {
                    "model_name": DEFAULT_MODEL if self.model is None else str(self.model),
                    **{name: params[name] for name in MODEL},
                },
                "train": {"report_to": (), **{name: params[name] for name in TRAIN}},
                "exp": {"seeds": [int(self.random_state)]},
            },
            "TextClassifier",
        )


def _texts(given: Iterable[str]) -> list[str]:
    if isinstance(given, str):
        raise ConfigError("X is one text: give a list of texts")
    if isinstance(given, Mapping) or getattr(given, "ndim", 1) != 1:
        raise ConfigError(
            "X is not one-dimensional: give one list or column of texts, such as frame['text']"
        )
    texts = list(given)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ConfigError(f"text {row} is {text!r}, not a string: replace it, or drop the row")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ConfigError(
                f"text {row} has a lone surrogate, so it is not valid Unicode: read it as UTF-8"
            ) from error
    return [str(text) for text in texts]


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _is_replaceable(folder: Path) -> bool:
    """Return whether a folder is empty or holds a saved classifier."""
    if not folder.is_dir():
        return False
    if not any(folder.iterdir()):
        return True
    try:
        return "classes" in read_result(folder)
    except (ConfigError, ValueError):
        return False


def _is_matrix(y: Any) -> bool:
    return getattr(y, "ndim", 1) == 2


def _read_labels(y: Any) -> tuple[NDArray[Any], bool, Matrix]:
    """Return the classes, whether a text may have several, and the boolean targets."""
    if issparse(y):
        y = y.toarray()
    if _is_matrix(y):
        columns = getattr(y, "columns", None)
        marks = pd.DataFrame(y)
        if not marks.isin([0, 1]).to_numpy().all():
            raise ConfigError("a matrix of labels holds 0 and 1 only, with one column per label")
        classes = np.arange(marks.shape[1]) if columns is None else np.asarray(columns)
        if len({str(label) for label in classes}) < len(classes):
            raise ConfigError(f"two label columns have the same name: {[*map(str, classes)]}")
        return classes, True, marks.to_numpy().astype(bool)
    given = list(y)
    if given and all(isinstance(one, (list, tuple, set, frozenset, np.ndarray)) for one in given):
        for row, one in enumerate(given):
            _check_labels(one, row)
        binarizer = MultiLabelBinarizer()
        try:
            matrix = binarizer.fit_transform(given).astype(bool)
        except TypeError as error:
            raise ConfigError("the labels are of several types: convert them all to str") from error
        if not matrix.any():
            raise ConfigError("no text has a label: give at least one")
        return np.asarray(binarizer.classes_), True, matrix
    for row, label in enumerate(given):
        _check_labels([label], row)
    classes, which = np.unique(np.asarray(given), return_inverse=True)
    if len(classes) < 2:
        raise ConfigError(f"the only label is {classes.tolist()}: give at least two different ones")
    return classes, False, np.eye(len(classes), dtype=bool)[which]


def _is_missing(label: Any) -> bool:
    return label is None or label is pd.NA or label is pd.NaT or label != label


def _check_labels(labels: Iterable[Any], row: int) -> None:
    """Raise `ConfigError` unless these labels can be saved."""
    for label in labels:
        if _is_missing(label):
            raise ConfigError(f"the label of text {row} is missing: drop the text")
        if not isinstance(label, (str, bool, int, float, np.bool_, np.integer, np.floating)):
            raise ConfigError(
                f"the label of text {row} is {label!r}, of type {type(label).__name__}: give "
                "strings, numbers or booleans, such as str(label)"
            )

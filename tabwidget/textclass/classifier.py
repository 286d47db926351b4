"""TextClassifier: texts in, labels out, as an estimator of scikit-learn."""

from __future__ import annotations

import hashlib
import tempfile
import threading
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
    """Classify texts with a pretrained decoder or encoder, tuned on examples.

    The parameters are the keys of `TextClassConfig`, where they are explained.

    Parameters
    ----------
    model : str, optional
        A name on the hub, a folder, or a GGUF file; a small decoder by default.
    max_length, val_fraction
        As under ``data``. The validation rows tell which weights are best, and tune the thresholds.
    bits, torch_dtype, lora_r, lora_alpha, lora_dropout, lora_target_modules, trust_remote_code, \
device
        As under ``model``.
    batch_size, eval_batch_size, num_train_epochs, max_steps, max_seconds, learning_rate, \
weight_decay, warmup_ratio, gradient_accumulation_steps, eval_seconds, early_stopping_patience, \
metric_for_best_model, class_weights, tune_thresholds
        As under ``train``.
    random_state : int, default 0
        Seed of everything random.
    on_event : callable, optional
        Takes events of the training as dicts, as `tabwidget.events.from_dict` reads them.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; of a matrix of 0 and 1 its columns.
    multi_ : bool
        Whether a text may have several labels.
    thresholds_ : ndarray of shape (n_classes,)
        From which probability on a text has each label, if it may have several.
    validation_texts_ : Texts
        The validation rows, with their targets.
    validation_probabilities_ : ndarray of shape (n_held_out, n_classes)
        What the tuned model says of them.
    validation_ : dict
        The figures of the validation rows, as `metrics_of` returns them.
    training_ : Trained
        What training took.
    model_ : LabelModel
        The tuned model. It is there, as are the classes, while it is still being trained, and can
        be asked from another thread.

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
        """Tune the model on texts and their labels.

        Parameters
        ----------
        X : iterable of str
            The texts.
        y : array-like
            A label each; or, where a text may have several, a list of labels each, or a matrix of
            0 and 1 with a column a label.
        resume : bool, default False
            Go on from the weights there are; the labels must be the same.
        stop : threading.Event, optional
            Once set, training ends at its next step and keeps the best weights.

        Raises
        ------
        ConfigError
            If a parameter, a text or a label cannot be used.
        """
        config = self._config()
        texts = _texts(X)
        classes, multi, targets = _read(y)
        if len(targets) != len(texts):
            raise ConfigError(f"there are {len(texts)} texts, but labels for {len(targets)}")
        names = tuple(str(label) for label in classes)
        labels = Labels(names, multi)
        every = Texts([str(row) for row in range(len(texts))], texts, targets)
        self.model_: LabelModel
        if resume:
            check_is_fitted(self, "model_")
            self._check_same(config, labels)
            rows, held_out = self._held_out_before(every, config)
        else:
            rows, held_out = train_validation_split(
                every, config.data.val_fraction, config.exp.seeds[0]
            )
            self.model_ = load(
                config.model,
                labels,
                max_length=config.data.max_length,
                seed=config.exp.seeds[0],
            )
        self._made = config
        self.classes_, self.multi_, self.validation_texts_ = classes, multi, held_out
        self._digests = sorted(_digest(text) for text in held_out.texts)
        self._lists = multi and not _is_matrix(y)
        self.thresholds_ = np.full(len(names), 0.5)
        from tabwidget.textclass.training import fit  # transformers is installed, or `load` tells

        try:
            with tempfile.TemporaryDirectory() as folder:
                self.training_ = fit(
                    self.model_,
                    config.train,
                    rows,
                    held_out,
                    seed=config.exp.seeds[0],
                    folder=Path(folder),
                    on_event=self.on_event,
                    stop=stop,
                )
        except BaseException:
            del self.model_  # its weights are not those of any evaluation
            raise
        found = self.model_.probabilities(held_out.texts, self.eval_batch_size)
        self.validation_probabilities_ = found
        self.thresholds_ = thresholds_for(held_out.targets, found, labels, config.train)
        assert held_out.targets is not None
        self.validation_ = metrics_of(held_out.targets, found, self.thresholds_, labels)
        return self

    def predict_proba(self, X: Iterable[str]) -> NDArray[np.float64]:
        """Return the probability of each of `classes_`, a row a text.

        Where a text may have several labels, a row does not sum to 1.
        """
        check_is_fitted(self, "model_")
        return self.model_.probabilities(_texts(X), self.eval_batch_size)

    def predict(self, X: Iterable[str]) -> Any:
        """Return the labels, in the form that `fit` was given them."""
        chosen = self._decide(X)
        if not self.multi_:
            return self.classes_[chosen.argmax(axis=1)]
        if self._lists:
            return [self.classes_[row].tolist() for row in chosen]
        return chosen.astype(np.int64)

    def score(self, X: Iterable[str], y: Any, sample_weight: Any = None) -> float:
        """Return the share of the texts whose labels are all right."""
        chosen = self._decide(X)
        if not self.multi_:
            right = self.classes_[chosen.argmax(axis=1)] == np.asarray(y)
        elif self._lists:
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
        """Write what was learned, as `tabwidget text train` writes a run; no pickle.

        The adapter and the head, or all weights if all were tuned; the base of adapters is kept by
        its name. ``tabwidget text predict --run FOLDER`` reads it, too.

        Parameters
        ----------
        folder : str or Path
            Made if it is not there; else it must be empty, or hold a classifier, which is replaced.
        """
        check_is_fitted(self, "validation_")
        folder = Path(folder).expanduser().absolute()
        if folder.exists() and not _is_ours(folder):
            raise ConfigError(f"{str(folder)!r} holds something else: give another folder")
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Beside it at first: an older save is whole until the new one is, and leaves nothing in it.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as beside:
            new = Path(beside) / "new"
            self._write(new)
            if folder.exists():
                folder.rename(Path(beside) / "old")
            new.rename(folder)

    def _write(self, folder: Path) -> None:
        folder.mkdir()
        config = self._made
        if (place := Path(config.model.model_name).expanduser()).exists():
            # What lies beside the notebook is to be found from elsewhere, too.
            found_at = {"model_name": str(place.absolute())}
            config = config.model_copy(update={"model": config.model.model_copy(update=found_at)})
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
            "lists": self._lists,
            "held_out": self._digests,
        }
        save_run(folder, RunModel(self.model_, labels, self.thresholds_), result)

    @classmethod
    def load(cls, folder: str | Path, *, device: str = "auto") -> Self:
        """Return what `save`, or a run of `tabwidget text train`, wrote.

        Parameters
        ----------
        folder : str or Path
            Where it wrote.
        device : str, default "auto"
            Where to compute.
        """
        folder = Path(folder).expanduser()
        result = read_result(folder)
        from tabwidget.textclass.training_log import Trained  # transformers is heavy

        config = TextClassConfig.read(folder / "config.yaml")
        run = load_run(folder, device)
        sections = ((config.data, DATA), (config.model, MODEL), (config.train, TRAIN))
        params = {name: getattr(section, name) for section, names in sections for name in names}
        [seed] = config.exp.seeds
        params |= {"bits": config.model.n_bits, "device": device}
        loaded = cls(config.model.model_name, **params, random_state=seed)
        loaded.model_, loaded.thresholds_ = run.model, run.thresholds
        loaded._made, loaded._digests = loaded._config(), result.get("held_out", [])
        loaded.classes_ = np.asarray(result.get("classes", run.labels.names))
        loaded.multi_, loaded._lists = run.labels.multi, bool(result.get("lists", True))
        loaded.validation_ = result["validation"]
        loaded.training_ = Trained(**{field.name: result[field.name] for field in fields(Trained)})
        return loaded

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.classifier_tags.multi_label = True
        return tags

    def _check_same(self, config: TextClassConfig, labels: Labels) -> None:
        """Raise `ConfigError` unless what was learned can go on with these parameters."""
        if self.model_.labels != labels:
            raise ConfigError(
                f"the labels are {list(labels.names)!r}, not those learned before: fit without "
                "resume"
            )
        before, now = (
            {"max_length": one.data.max_length, **one.model.model_dump(exclude={"device"})}
            for one in (self._made, config)
        )
        for name, value in now.items():
            if value != before[name]:
                raise ConfigError(
                    f"{name} is {value!r} now, but what was learned has {before[name]!r}: choose "
                    "it as it was, or fit without resume"
                )

    def _held_out_before(self, texts: Texts, config: TextClassConfig) -> tuple[Texts, Texts]:
        """Return the texts to train on, and those that were not trained on before either."""
        left = Counter(self._digests)
        held = np.zeros(len(texts), dtype=bool)
        for row, text in enumerate(texts.texts):
            digest = _digest(text)
            if left[digest]:  # of a text that stands there more often, as many as before
                left[digest] -= 1
                held[row] = True
        if not held.any():  # all are new
            return train_validation_split(texts, config.data.val_fraction, config.exp.seeds[0])
        return texts.take(np.flatnonzero(~held)), texts.take(np.flatnonzero(held))

    def _decide(self, X: Iterable[str]) -> Matrix:
        found = self.predict_proba(X)
        return decide(found, self.thresholds_, self.model_.labels)

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
        raise ConfigError("give a list of texts, not one text")
    if isinstance(given, Mapping) or getattr(given, "ndim", 1) != 1:
        raise ConfigError("give the texts as one list or column, such as frame['text']")
    texts = list(given)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ConfigError(f"text {row} is {text!r}, no string: fill it, or leave the row out")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ConfigError(
                f"text {row} has half a letter (a lone surrogate): read it as UTF-8"
            ) from error
    return [str(text) for text in texts]


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _is_ours(folder: Path) -> bool:
    """Return whether a folder is empty, or holds a saved classifier."""
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


def _read(y: Any) -> tuple[NDArray[Any], bool, Matrix]:
    """Return the classes, whether a text may have several, and which each text has."""
    if issparse(y):
        y = y.toarray()
    if _is_matrix(y):
        columns = getattr(y, "columns", None)
        marks = pd.DataFrame(y)
        if not marks.isin([0, 1]).to_numpy().all():
            raise ConfigError("a matrix of labels holds 0 and 1 only, with a column a label")
        classes = np.arange(marks.shape[1]) if columns is None else np.asarray(columns)
        if len({str(label) for label in classes}) < len(classes):
            raise ConfigError(f"two columns of labels have one name: {[*map(str, classes)]}")
        return classes, True, marks.to_numpy().astype(bool)
    given = list(y)
    if given and all(isinstance(one, (list, tuple, set, frozenset, np.ndarray)) for one in given):
        for row, one in enumerate(given):
            _check_labels(one, row)
        binarizer = MultiLabelBinarizer()
        try:
            matrix = binarizer.fit_transform(given).astype(bool)
        except TypeError as error:
            raise ConfigError("the labels are of several types: make them all names") from error
        if not matrix.any():
            raise ConfigError("no text has a label: there is nothing to learn")
        return np.asarray(binarizer.classes_), True, matrix
    for row, label in enumerate(given):
        _check_labels([label], row)
    classes, which = np.unique(np.asarray(given), return_inverse=True)
    if len(classes) < 2:
        raise ConfigError(f"all labels are {classes.tolist()}: there are none to tell apart")
    return classes, False, np.eye(len(classes), dtype=bool)[which]


def _is_missing(label: Any) -> bool:
    return label is None or label is pd.NA or label is pd.NaT or label != label


def _check_labels(labels: Iterable[Any], row: int) -> None:
    """Raise `ConfigError` unless these are labels that a file can hold."""
    for label in labels:
        if _is_missing(label):
            raise ConfigError(f"the label of text {row} is missing: leave the text out")
        if not isinstance(label, (str, bool, int, float, np.bool_, np.integer, np.floating)):
            raise ConfigError(
                f"the label of text {row} is {label!r}, of type {type(label).__name__}: give "
                "names, numbers or truth values, such as str(label)"
            )

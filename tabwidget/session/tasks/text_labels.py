"""TextLabelTask: labels of the table's texts, learned by a pretrained text classifier."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabwidget.backends import BACKENDS
from tabwidget.backends.cost import Cost, cost_of
from tabwidget.backends.text.tokens import Token
from tabwidget.config import LoRAConfig, ModelConfig, QuantizationConfig
from tabwidget.errors import ConfigError, MissingExtraError, NotFittedError, nearest
from tabwidget.events import EvalReport, FitStart, from_dict
from tabwidget.session.results import RowPreview
from tabwidget.session.run import Run
from tabwidget.session.tasks.base import Applied, Task
from tabwidget.table.label_columns import (
    check_columns,
    label_columns,
    likely_columns,
    read_rows,
    text_columns,
    texts_and_labels,
)

if TYPE_CHECKING:
    from tabwidget.backends.text.pretrained import PretrainedTokenizer
    from tabwidget.session.session import Session
    from tabwidget.textclass import TextClassifier
    from tabwidget.textclass.word_attribution import WordAttribution

__all__ = ["LabelReport", "LabeledText", "TextLabelTask"]

VALIDATION = (0.2, 400)  # share of the rows, and their largest number
EVALUATIONS = 6  # during the training time, about
BINS = 20
COUNTED = 200  # texts tokenized for an estimate
STANDARD = BACKENDS["huggingface"].standard
WORD_TOKENS, MAX_PIECES = 600, 16  # per attribution: tokens to read, and pieces of text

# Settings that fine-tune a small decoder well in a minute or two.
QUICK: dict[str, Any] = {
    "batch_size": 16,
    "gradient_accumulation_steps": 1,
    "warmup_ratio": 0.05,
    "early_stopping_patience": None,
}
LEARNING_RATES = {"adapters": 1e-3, "whole": 5e-5}


@dataclass(frozen=True)
class LabelReport:
    """Metrics on the validation texts.

    Attributes
    ----------
    multi : bool
        Whether a text may have several labels; only then are there thresholds.
    n_rows : int
        Number of validation texts.
    metrics : dict
        From `tabwidget.textclass.metrics_of`; of the newest evaluation during training.
    at_half : dict or None
        The same at thresholds of 0.5, if there are thresholds.
    has, lacks : dict of str to list of int
        By label, a histogram of its probability over the texts that have it, or lack it, in 20
        equal bins. Empty during training.
    """

    multi: bool
    n_rows: int
    metrics: dict[str, Any]
    at_half: dict[str, Any] | None
    has: dict[str, list[int]]
    lacks: dict[str, list[int]]


@dataclass(frozen=True)
class LabeledText:
    """A text and its predicted labels.

    Attributes
    ----------
    text : str
        The text.
    probabilities : dict of str to float
        By label, the likeliest first.
    labels : tuple of str
        The labels above their thresholds, or the likeliest one.
    seconds : float
        Time to compute it.
    """

    text: str
    probabilities: dict[str, float]
    labels: tuple[str, ...]
    seconds: float


class TextLabelTask(Task):
    """Learn the labels of the table's texts with a pretrained model.

    Attributes
    ----------
    texts, labels : tuple of str
        Columns that are read, and columns with the labels: see `texts_and_labels`.
    delimiter : str
        Splits the labels in a cell; "" if a cell holds one label.
    model : str or None
        Name or folder of a pretrained model; None for the default one.
    rank : int or None
        Rank of the LoRA adapters; None trains all weights.
    bits : int or None
        Bits per weight of the quantized base model; None for full precision.
    max_length : int
        Tokens read per text.
    classifier : TextClassifier or None
        The newest fit, also while it is still trained.
    report : LabelReport or None
        Its metrics on the validation texts.

    Examples
    --------
    >>> from tabwidget.session import Session
    >>> frame = pd.DataFrame({"text": ["a red fox", "the sea"] * 4, "kind": ["land", "sea"] * 4})
    >>> task = Session(frame).tasks["text labels"]
    >>> task.texts, task.labels
    (('text',), ('kind',))
    """

    names = ("text labels",)
    kind = "text-labels"
    panel = "labels"
    settings = ("texts", "labels", "delimiter", "model", "rank", "bits", "max_length")
    form = ("texts", "labels", "delimiter", "model", "rank", "quantization", "max_length")

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.texts: tuple[str, ...] = ()
        self.labels: tuple[str, ...] = ()
        self.delimiter = ""
        self.model: str | None = None
        self.rank: int | None = 8
        self.bits: int | None = None
        self.max_length = 256
        self.classifier: TextClassifier | None = None
        self.report: LabelReport | None = None
        self._tokenizer: tuple[str | None, PretrainedTokenizer] | None = None
        if session.table is not None:
            self.texts, self.labels = likely_columns(session.table)

    def check(self, name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return valid settings; see `Task.check`."""
        given = dict(settings)
        for key in {"texts", "labels"} & set(given):
            given[key] = (given[key],) if isinstance(given[key], str) else tuple(given[key])
        _check_model(given)
        if "model" in given:
            given["model"] = given["model"] or None
        checked = {key: given.get(key, getattr(self, key)) for key in self.settings}
        if len(checked["labels"]) > 1:
            checked["delimiter"] = ""
        table = self.session.loaded()
        check_columns(table, checked["texts"], checked["labels"], checked["delimiter"])
        return checked

    def choose(self, checked: Mapping[str, Any]) -> Applied:
        """Apply settings that `check` returned."""
        changed = tuple(key for key, value in checked.items() if value != getattr(self, key))
        for key in changed:
            setattr(self, key, checked[key])
        return Applied(changed)

    def from_form(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings from the fields of the front end's form; see `Task.from_form`."""
        settings = {key: value for key, value in fields.items() if key != "quantization"}
        if "delimiter" in fields:
            # Labels are stripped, so that only a delimiter of spaces alone keeps its spaces.
            settings["delimiter"] = str(fields["delimiter"]).strip() or fields["delimiter"]
        if "model" in fields:
            settings["model"] = str(fields["model"]).strip() or None
        if "quantization" in fields:
            bits = fields["quantization"]
            settings["bits"] = None if bits is None else int(str(bits).removesuffix("bit"))
        return settings

    @property
    def hint(self) -> str:
        """What to expect of training."""
        return "Press Train: texts can be tried as soon as the model learns."

    @property
    def ready(self) -> bool:
        """Whether texts can be labeled, also while the model is still trained."""
        return hasattr(self.classifier, "model_")

    @property
    def result(self) -> TextClassifier | None:
        """The classifier of the newest fit."""
        return self.classifier

    def start(self, run: Run, resume: bool) -> Callable[[], object]:
        """Return the fit of a classifier of the texts."""
        from tabwidget.textclass import TextClassifier

        table, max_seconds = self.session.loaded(), self.session.training.max_seconds
        check_columns(table, self.texts, self.labels, self.delimiter)
        params = self._params(len(table), max_seconds, self.session.random_state)
        columns = self.texts, self.labels, self.delimiter

        def work() -> None:
            texts, labels = texts_and_labels(table, *columns)
            classifier = self._fitted() if resume else TextClassifier()

            def on_event(fields: Mapping[str, Any]) -> None:
                event = from_dict(fields)
                if isinstance(event, FitStart) and not resume:
                    # Only now is the model loaded: a failed load discards no older fit.
                    self.classifier, self.report = classifier, None
                elif isinstance(event, EvalReport):
                    found, n_rows = event.metrics, len(classifier.validation_texts_)
                    at_half = found.get("at_half")
                    self.report = LabelReport(classifier.multi_, n_rows, found, at_half, {}, {})
                run.receive(fields)

            try:
                classifier.set_params(**params, on_event=on_event)
                classifier.fit(texts, labels, resume=resume, stop=run.stopping)
            finally:
                # Without the closure a classifier can be copied.
                classifier.set_params(on_event=None)
            self._evaluate(classifier.thresholds_)

        return work

    def cost(self) -> Cost:
        """Return an estimate of a fit's time and memory; no weight is loaded.

        Raises
        ------
        ConfigError
            If the model is not on this machine yet.
        """
        from tabwidget.backends.devices import device_of, dtype_of
        from tabwidget.backends.text.pretrained import pretrained_size

        table = self.session.loaded()
        texts, _ = texts_and_labels(table, self.texts, self.labels, self.delimiter)
        tokenizer, device = self._tokens(), device_of("auto")
        lengths = [min(len(tokenizer.encode(one)), self.max_length) for one in texts[:COUNTED]]
        whole = self.rank is None
        size = pretrained_size(
            self._config(),
            STANDARD,
            weight_bytes=dtype_of("fp32" if whole else "auto", device).itemsize,
            tokens_per_row=float(np.mean(lengths)) if lengths else 0.0,
            rows_per_step=QUICK["batch_size"],
            device=device.type,
        )
        return cost_of(size, len(texts), self.session.training.max_seconds)

    def preview(self, row: int, draw: int) -> RowPreview:
        """Return the text of a row as the model reads it, and the row's labels."""
        text, labels = self._text_of(row)
        tokens = tuple(Token(part, None, learned=False) for part in self.tokens(text))
        return RowPreview(text, (), tokens, labels, self.read(text))

    def python(self) -> str:
        """Return the lines of Python that learn and query the same."""
        session = self.session
        n_rows, seconds = len(session.loaded()), session.training.max_seconds
        params = self._params(n_rows, seconds, session.random_state)
        given = [f"{name}={value!r}" for name, value in params.items() if value is not None]
        columns = f"{list(self.texts)!r}, {list(self.labels)!r}"
        delimiter = f", {self.delimiter!r}" if self.delimiter else ""
        return "\n".join(
            [
                "from tabwidget.table.label_columns import texts_and_labels",
                "from tabwidget.textclass import TextClassifier",
                "",
                f"texts, labels = texts_and_labels({session.source}, {columns}{delimiter})",
                f"classifier = TextClassifier({', '.join(given)})",
                "classifier.fit(texts, labels)",
                "classifier.predict_proba(texts[:1])",
            ]
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the settings and what can be chosen; see `Task.snapshot`."""
        from tabwidget.textclass import installed

        table = self.session.table
        return {
            "settings": {
                "texts": list(self.texts),
                "labels": list(self.labels),
                "delimiter": self.delimiter,
                "model": self.model or "",
                "rank": self.rank,
                "quantization": None if self.bits is None else f"{self.bits}bit",
                "max_length": self.max_length,
            },
            "offers": {
                "texts": [] if table is None else text_columns(table),
                "labels": [] if table is None else label_columns(table),
                "standard": STANDARD,
                "command": "" if installed() else "pip install 'tabwidget[textclass]'",
            },
            "roles": dict.fromkeys(self.texts, "text") | dict.fromkeys(self.labels, "label"),
        }

    def set_thresholds(self, thresholds: Mapping[str, float]) -> LabelReport:
        """Set the probability thresholds of some labels, and return the metrics at them.

        Raises
        ------
        ConfigError
            If a label is unknown, a threshold is not in [0, 1], or each text has one label.
        NotFittedError
            During training.
        """
        classifier, names = self._with_thresholds()
        values = classifier.thresholds_.copy()
        for label, threshold in thresholds.items():
            if label not in names:
                raise ConfigError(f"there is no label {label!r}." + nearest(label, names))
            if not 0 <= threshold <= 1:
                raise ConfigError(
                    f"the threshold of {label!r} is {threshold}: give one from 0 to 1"
                )
            values[names.index(label)] = threshold
        return self._evaluate(values)

    def take_thresholds(self, which: str) -> LabelReport:
        """Set the thresholds tuned on the validation texts, or 0.5 for all labels.

        Parameters
        ----------
        which : {"tuned", "half"}
            The thresholds to set.
        """
        from tabwidget.textclass import tuned_thresholds

        classifier, names = self._with_thresholds()
        if which not in ("tuned", "half"):
            raise ConfigError(f"there are no thresholds {which!r}: 'tuned' or 'half'")
        if which == "half":
            return self._evaluate(np.full(len(names), 0.5))
        targets = classifier.validation_texts_.targets
        assert targets is not None
        return self._evaluate(tuned_thresholds(targets, classifier.validation_probabilities_))

    def label(self, text: str) -> LabeledText:
        """Return the label probabilities of a text, and its predicted labels.

        Raises
        ------
        NotFittedError
            Before training.
        """
        from tabwidget.textclass import decide

        classifier, began = self._fitted(), time.perf_counter()
        found = classifier.predict_proba([text])
        labels = classifier.model_.labels
        [chosen] = decide(found, classifier.thresholds_, labels)
        order = np.argsort(-found[0], kind="stable")
        return LabeledText(
            text,
            {labels.names[k]: float(found[0, k]) for k in order},
            tuple(labels.names[k] for k in order if chosen[k]),
            time.perf_counter() - began,
        )

    def words(
        self, text: str, label: str, within: tuple[int, int] | None = None
    ) -> tuple[float, list[WordAttribution]]:
        """Return the probability of a label for a text, and each word's attribution to it.

        Attribution is leave-one-out: the change in log-odds without the word. A long text is split
        into fewer pieces at first, so that the answer comes soon; ask again within a piece.

        Parameters
        ----------
        text, label : str
            The text, and one of the labels.
        within : (int, int), optional
            Start and end of the part of the text to attribute.

        Raises
        ------
        ConfigError
            If the label is unknown.
        """
        from tabwidget.textclass.word_attribution import word_attributions

        classifier = self._fitted()
        names = classifier.model_.labels.names
        if label not in names:
            raise ConfigError(f"there is no label {label!r}." + nearest(label, names))
        k = names.index(label)
        [tokens] = classifier.model_.encode([text])
        most = min(max(2, WORD_TOKENS // len(tokens)), MAX_PIECES)
        return word_attributions(
            lambda some: classifier.predict_proba(some)[:, k], text, within=within, max_pieces=most
        )

    def example(self, draw: int = 0) -> tuple[str, tuple[str, ...]]:
        """Return a validation text, another one for each `draw`, and its true labels."""
        classifier = self._fitted()
        validation, names = classifier.validation_texts_, classifier.model_.labels.names
        # A stride that shares no factor with most counts visits the rows in no visible order.
        row = draw * 7919 % len(validation)
        assert validation.targets is not None
        true = np.flatnonzero(validation.targets[row])
        return validation.texts[row], tuple(names[k] for k in true)

    def tokens(self, text: str) -> list[str]:
        """Return the decoded tokens of a text; none if the tokenizer is not on this machine."""
        try:
            return self._tokens().token_texts(text)
        except (ConfigError, MissingExtraError):
            return []  # starting a fit raises the reason

    def read(self, text: str) -> int:
        """Return the number of characters that the model reads of a text.

        All of them if the tokenizer is not on this machine yet.
        """
        return len("".join(self.tokens(text)[: self.max_length])) or len(text)

    def _text_of(self, row: int) -> tuple[str, tuple[str, ...]]:
        """Return the text and the labels of a row of the table."""
        one = self.session.loaded().frame.iloc[[row]]
        texts, labels = read_rows(one, self.texts, self.labels, self.delimiter)
        if not texts:
            return "", ()
        if isinstance(labels, pd.DataFrame):
            return texts[0], tuple(name for name in self.labels if labels[name].iloc[0])
        return texts[0], tuple(labels[0]) if self.delimiter else (str(labels[0]),)

    def _params(self, n_rows: int, max_seconds: float | None, random_state: int) -> dict[str, Any]:
        """Return the parameters of the classifier."""
        share, most = VALIDATION
        return {
            "model": self.model,
            "lora_r": self.rank or 0,
            "lora_alpha": 2 * (self.rank or 8),
            "bits": self.bits,
            "learning_rate": LEARNING_RATES["adapters" if self.rank else "whole"],
            **QUICK,
            "max_length": self.max_length,
            "val_fraction": round(min(share, most / n_rows), 4),
            "max_seconds": max_seconds,
            "eval_seconds": None if max_seconds is None else max_seconds / EVALUATIONS,
            "random_state": random_state,
        }

    def _config(self) -> ModelConfig:
        """Return the model and its tuning as a `ModelConfig`."""
        return ModelConfig(
            model=self.model,
            lora=None if self.rank is None else LoRAConfig(rank=self.rank),
            quantization=None if self.bits is None else QuantizationConfig(bits=self.bits),
        )

    def _tokens(self) -> PretrainedTokenizer:
        """Return the tokenizer of the model; the newest is kept."""
        if self._tokenizer is None or self._tokenizer[0] != self.model:
            from tabwidget.backends.text.pretrained import PretrainedTokenizer, tokenizer_of

            found = tokenizer_of(self._config(), STANDARD, download=False)
            self._tokenizer = self.model, PretrainedTokenizer(found)
        return self._tokenizer[1]

    def _fitted(self) -> TextClassifier:
        if self.classifier is None or not self.ready:
            raise NotFittedError("there is no model of the labels yet: train it first")
        return self.classifier

    def _with_thresholds(self) -> tuple[TextClassifier, list[str]]:
        """Return the classifier whose thresholds can be set, and the names of its labels."""
        classifier = self._fitted()
        if self.report is None or not self.report.has:
            raise NotFittedError("thresholds can be set when the training has ended")
        if not self.report.multi:
            raise ConfigError("each text has one label, the likeliest: there are no thresholds")
        return classifier, list(classifier.model_.labels.names)

    def _evaluate(self, thresholds: NDArray[np.float64]) -> LabelReport:
        """Take thresholds, and return how well the validation texts are labeled by them."""
        from tabwidget.textclass import metrics_of

        classifier = self._fitted()
        classifier.thresholds_ = thresholds
        labels = classifier.model_.labels
        targets, found = classifier.validation_texts_.targets, classifier.validation_probabilities_
        assert targets is not None

        def counts(there: NDArray[np.bool_]) -> dict[str, list[int]]:
            return {
                name: np.histogram(found[there[:, k], k], bins=BINS, range=(0, 1))[0].tolist()
                for k, name in enumerate(labels.names)
            }

        self.report = LabelReport(
            labels.multi,
            len(targets),
            metrics_of(targets, found, thresholds, labels),
            metrics_of(targets, found, None, labels) if labels.multi else None,
            counts(targets),
            counts(~targets),
        )
        return self.report


def _check_model(choices: Mapping[str, Any]) -> None:
    """Raise `ConfigError` if what is chosen of the model, or of a cell, is of no use."""
    for key, least in (("rank", 1), ("bits", 2), ("max_length", 8)):
        value = choices.get(key, least)
        if value is None and key != "max_length":
            continue
        if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
            raise ConfigError(f"{key} is {value!r}: give a whole number from {least} on")
    for key in ("delimiter", "model"):
        value = choices.get(key, "")
        if not isinstance(value, str) and not (value is None and key == "model"):
            raise ConfigError(f"{key} is {value!r}: give a text")

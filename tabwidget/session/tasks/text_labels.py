"""Labelling: the texts of a table and the labels they get, as a session learns and asks them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabwidget.backends import BACKENDS
from tabwidget.backends.cost import Cost, cost_of
from tabwidget.config import LoRAConfig, ModelConfig, QuantizationConfig
from tabwidget.errors import ConfigError, MissingExtraError, NotFittedError, nearest
from tabwidget.events import EvalReport, FitStart, from_dict
from tabwidget.table import Table
from tabwidget.table.label_columns import check_columns, likely_columns, read_rows, texts_and_labels

if TYPE_CHECKING:
    from tabwidget.backends.text.pretrained import PretrainedTokenizer
    from tabwidget.session.run import Notify
    from tabwidget.textclass import TextClassifier
    from tabwidget.textclass.words import Word

__all__ = ["LabelReport", "Labelled", "Labelling"]

HELD_OUT = (0.2, 400)  # share of the rows, and how many at most
EVALUATIONS = 6  # within the time to train, about
BINS = 20
COUNTED = 200  # texts whose tokens are counted for an estimate
STANDARD = BACKENDS["huggingface"].standard
WORD_TOKENS, MAX_PIECES = 600, 16  # to read at a time to weigh words, and texts

# What tunes a small decoder well in a minute or two.
QUICK: dict[str, Any] = {
    "batch_size": 16,
    "gradient_accumulation_steps": 1,
    "warmup_ratio": 0.05,
    "early_stopping_patience": None,
}
LEARNING_RATES = {"adapters": 1e-3, "whole": 5e-5}


@dataclass(frozen=True)
class LabelReport:
    """How well validation texts are labeled.

    Attributes
    ----------
    multi : bool
        Whether a text may have several labels: only then do thresholds decide.
    n_rows : int
        Texts held out.
    metrics : dict
        As `tabwidget.textclass.metrics_of` returns them; of the newest evaluation while the model
        is still trained.
    at_half : dict or None
        The same by thresholds of 0.5, where there are thresholds.
    has, lacks : dict of str to list of int
        By label: how many texts that have it, or lack it, are given each of 20 equal ranges of its
        probability. Empty while the model is still trained.
    """

    multi: bool
    n_rows: int
    metrics: dict[str, Any]
    at_half: dict[str, Any] | None
    has: dict[str, list[int]]
    lacks: dict[str, list[int]]


@dataclass(frozen=True)
class Labelled:
    """A text, and what labels it gets.

    Attributes
    ----------
    text : str
        The text.
    probabilities : dict of str to float
        Of each label, the likeliest first.
    labels : tuple of str
        Those it gets.
    seconds : float
        How long it took.
    """

    text: str
    probabilities: dict[str, float]
    labels: tuple[str, ...]
    seconds: float


class Labelling:
    """What a session chooses, learns and asks where texts get labels.

    Attributes
    ----------
    texts, labels : tuple of str
        Columns that are read, and those that hold the labels: see `texts_and_labels`.
    delimiter : str
        What parts the labels in a cell; "" if a cell holds one.
    model : str or None
        Name or folder of a pretrained model; None for the standard one.
    rank : int or None
        Of the adapters; None tunes all weights.
    bits : int or None
        Bits a weight of the pretrained model; None for full precision.
    max_length : int
        Tokens that are read of a text.
    classifier : TextClassifier or None
        The newest fit, be it while it is still trained.
    report : LabelReport or None
        How well it labels the validation texts.

    Examples
    --------
    >>> from tabwidget.table import as_table
    >>> frame = pd.DataFrame({"text": ["a red fox", "the sea"] * 4, "kind": ["land", "sea"] * 4})
    >>> labeling = Labelling(as_table(frame))
    >>> labeling.texts, labeling.labels
    (('text',), ('kind',))
    """

    def __init__(self, table: Table | None = None) -> None:
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
        if table is not None:
            self.texts, self.labels = likely_columns(table)

    def choose(self, table: Table, **choices: Any) -> tuple[str, ...]:
        """Change choices, all of them or none, and return which of them are others now.

        Parameters
        ----------
        table : Table
            That has the columns.
        **choices
            ``texts``, ``labels``, ``delimiter``, ``model``, ``rank``, ``bits`` or ``max_length``.
        """
        known = ("texts", "labels", "delimiter", "model", "rank", "bits", "max_length")
        for key in choices:
            if key not in known:
                raise ConfigError(
                    f"there is no choice {key!r}: {', '.join(known)}." + nearest(key, known)
                )
        for key in {"texts", "labels"} & set(choices):
            given = choices[key]
            choices[key] = (given,) if isinstance(given, str) else tuple(given)
        _check_model(choices)
        if "model" in choices:
            choices["model"] = choices["model"] or None
        now = {key: choices.get(key, getattr(self, key)) for key in known}
        if len(now["labels"]) > 1:
            now["delimiter"] = ""
        check_columns(table, now["texts"], now["labels"], now["delimiter"])
        changed = tuple(key for key, value in now.items() if value != getattr(self, key))
        for key in changed:
            setattr(self, key, now[key])
        return changed

    @property
    def ready(self) -> bool:
        """Whether texts can be labeled, be it while the model is still trained."""
        return hasattr(self.classifier, "model_")

    def fit(
        self,
        table: Table,
        *,
        max_seconds: float | None,
        random_state: int,
        on_event: Notify,
        stop: threading.Event,
        resume: bool = False,
    ) -> None:
        """Learn the labels of the texts; returns when the time is over, or `stop` is set.

        Parameters
        ----------
        table : Table
            With the texts and the labels.
        max_seconds : float or None
            To train, at most.
        random_state : int
            Seed of everything random.
        on_event : callable
            Takes events as dicts.
        stop : threading.Event
            Ends it at the next step; the best weights are kept.
        resume : bool, default False
            Go on from the weights there are.
        """
        texts, labels = texts_and_labels(table, self.texts, self.labels, self.delimiter)
        from tabwidget.textclass import TextClassifier

        classifier = self._fitted() if resume else TextClassifier()

        def listen(fields: Mapping[str, Any]) -> None:
            event = from_dict(fields)
            if isinstance(event, FitStart) and not resume:
                # Only now there is a model: one that cannot be loaded takes nothing away.
                self.classifier, self.report = classifier, None
            elif isinstance(event, EvalReport):
                found, n_rows = event.metrics, len(classifier.validation_texts_)
                at_half = found.get("at_half")
                self.report = LabelReport(classifier.multi_, n_rows, found, at_half, {}, {})
            on_event(fields)

        params = self._params(len(table), max_seconds, random_state)
        try:
            classifier.set_params(**params, on_event=listen)
            classifier.fit(texts, labels, resume=resume, stop=stop)
        finally:
            # What listens cannot be copied, and the classifier may be.
            classifier.set_params(on_event=None)
        self._judge(classifier.thresholds_)

    def set_thresholds(self, thresholds: Mapping[str, float]) -> LabelReport:
        """Set from which probability on texts have labels, and return the figures by that.

        Raises
        ------
        ConfigError
            If a label is unknown, a threshold is not in [0, 1], or each text has one label.
        NotFittedError
            Before the training has ended.
        """
        classifier, names = self._judged()
        values = classifier.thresholds_.copy()
        for label, threshold in thresholds.items():
            if label not in names:
                raise ConfigError(f"there is no label {label!r}." + nearest(label, names))
            if not 0 <= threshold <= 1:
                raise ConfigError(
                    f"the threshold of {label!r} is {threshold}: give one from 0 to 1"
                )
            values[names.index(label)] = threshold
        return self._judge(values)

    def take_thresholds(self, which: str) -> LabelReport:
        """Take the thresholds that are tuned on the validation texts, or 0.5 for all labels.

        Parameters
        ----------
        which : {"tuned", "half"}
            Which to take.
        """
        from tabwidget.textclass import tuned_thresholds

        classifier, names = self._judged()
        if which not in ("tuned", "half"):
            raise ConfigError(f"there are no thresholds {which!r}: 'tuned' or 'half'")
        if which == "half":
            return self._judge(np.full(len(names), 0.5))
        targets = classifier.validation_texts_.targets
        assert targets is not None
        return self._judge(tuned_thresholds(targets, classifier.validation_probabilities_))

    def label(self, text: str) -> Labelled:
        """Return the probabilities of the labels of a text, and the labels it gets.

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
        return Labelled(
            text,
            {labels.names[k]: float(found[0, k]) for k in order},
            tuple(labels.names[k] for k in order if chosen[k]),
            time.perf_counter() - began,
        )

    def words(
        self, text: str, label: str, within: tuple[int, int] | None = None
    ) -> tuple[float, list[Word]]:
        """Return the probability of a label of a text, and what each word does to it.

        The longer the text, the fewer pieces it is parted into at first, so that the answer comes
        soon; ask again within the place of a piece.

        Parameters
        ----------
        text, label : str
            The text, and one of the labels.
        within : (int, int), optional
            The part of the text whose words are asked for.

        Raises
        ------
        ConfigError
            If the label is unknown.
        """
        from tabwidget.textclass.words import word_effects

        classifier = self._fitted()
        names = classifier.model_.labels.names
        if label not in names:
            raise ConfigError(f"there is no label {label!r}." + nearest(label, names))
        k = names.index(label)
        [tokens] = classifier.model_.encode([text])
        most = min(max(2, WORD_TOKENS // len(tokens)), MAX_PIECES)
        return word_effects(
            lambda some: classifier.predict_proba(some)[:, k], text, within=within, most=most
        )

    def example(self, draw: int = 0) -> tuple[str, tuple[str, ...]]:
        """Return a text that was held out, another one for each `draw`, and its true labels."""
        classifier = self._fitted()
        held_out, names = classifier.validation_texts_, classifier.model_.labels.names
        # A stride that shares no factor with most counts visits the rows in no visible order.
        row = draw * 7919 % len(held_out)
        assert held_out.targets is not None
        true = np.flatnonzero(held_out.targets[row])
        return held_out.texts[row], tuple(names[k] for k in true)

    def shown(self, table: Table, row: int) -> tuple[str, tuple[str, ...]]:
        """Return the text of a row of a table as it is read, and the row's labels."""
        one = table.frame.iloc[[row]]
        texts, labels = read_rows(one, self.texts, self.labels, self.delimiter)
        if not texts:
            return "", ()
        if isinstance(labels, pd.DataFrame):
            return texts[0], tuple(name for name in self.labels if labels[name].iloc[0])
        return texts[0], tuple(labels[0]) if self.delimiter else (str(labels[0]),)

    def tokens(self, text: str) -> list[str]:
        """Return the tokens of a text, as text.

        Empty if the model's tokenizer is not on this machine yet.
        """
        try:
            return self._tokens().token_texts(text)
        except (ConfigError, MissingExtraError):
            return []  # training says why

    def read(self, text: str) -> int:
        """Return how many letters of a text the model reads, the first ones.

        All of them if its tokenizer is not on this machine yet.
        """
        return len("".join(self.tokens(text)[: self.max_length])) or len(text)

    def cost(self, table: Table, max_seconds: float | None) -> Cost:
        """Return what a fit would take in time and memory, about; nothing is trained for it.

        Raises
        ------
        ConfigError
            If the model is not on this machine yet.
        """
        from tabwidget.backends.devices import device_of, dtype_of
        from tabwidget.backends.text.pretrained import pretrained_size

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
        return cost_of(size, len(texts), max_seconds)

    def python(
        self, source: str, n_rows: int, *, max_seconds: float | None, random_state: int
    ) -> str:
        """Return the lines of Python that learn and ask the same; `source` is an expression."""
        params = self._params(n_rows, max_seconds, random_state)
        given = [f"{name}={value!r}" for name, value in params.items() if value is not None]
        columns = f"{list(self.texts)!r}, {list(self.labels)!r}"
        parted = f", {self.delimiter!r}" if self.delimiter else ""
        return "\n".join(
            [
                "from tabwidget.table.label_columns import texts_and_labels",
                "from tabwidget.textclass import TextClassifier",
                "",
                f"texts, labels = texts_and_labels({source}, {columns}{parted})",
                f"classifier = TextClassifier({', '.join(given)})",
                "classifier.fit(texts, labels)",
                "classifier.predict_proba(texts[:1])",
            ]
        )

    def _params(self, n_rows: int, max_seconds: float | None, random_state: int) -> dict[str, Any]:
        """Return the parameters of the classifier."""
        share, most = HELD_OUT
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
        """Return which model is tuned, and how, as other estimates of its size take it."""
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

    def _judged(self) -> tuple[TextClassifier, list[str]]:
        """Return the classifier whose thresholds can be set, and the names of its labels."""
        classifier = self._fitted()
        if self.report is None or not self.report.has:
            raise NotFittedError("thresholds can be set when the training has ended")
        if not self.report.multi:
            raise ConfigError("each text has one label, the likeliest: there are no thresholds")
        return classifier, list(classifier.model_.labels.names)

    def _judge(self, thresholds: NDArray[np.float64]) -> LabelReport:
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

"""MiniLMTextBackend: a small language model of rows as text, trained from scratch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tabwidget._typing import Floats, Ints
from tabwidget.backends.base import FitRequest, Prediction
from tabwidget.backends.cost import ModelSize
from tabwidget.backends.minilm_text.fit import OPTIMIZERS, MiniLMTextFit
from tabwidget.backends.minilm_text.scoring_model import MiniLMTextScoringModel
from tabwidget.backends.minilm_text.tokenizer import TableTokens, longest_row
from tabwidget.backends.text import RowTokens, ScoringModel
from tabwidget.backends.text.backend import TextBackend, features
from tabwidget.backends.text.fit import TextFit
from tabwidget.backends.text.tokens import TextTokenizer, row_tokens
from tabwidget.backends.threads import few_threads
from tabwidget.config import TrainingConfig
from tabwidget.minilm.tokenizer import Tokenizer
from tabwidget.serializers.base import Serializer
from tabwidget.table import Table

__all__ = ["MiniLMTextBackend"]


# Config fields without effect here: of pretrained models, or of other backends.
UNUSED = {
    "attn_implementation",
    "gradient_checkpointing",
    "lora",
    "members",
    "model",
    "neftune_noise_alpha",
    "quantization",
    "tokenizer",
    "trust_remote_code",
}
DROPOUT = 0.2
EFFICIENCY = 0.35  # relative to the rate of large matrix products
HIDDEN = 4  # width of the feed-forward layers, relative to the model's
SPARE = 2  # maximum length relative to the longest row, for values that the table lacks
MIN_LENGTH = 64


class MiniLMTextBackend(TextBackend):
    """A small language model trained on a table as text, from scratch and in seconds.

    It shows the effect of serializers and number formats, since nothing is pretrained, not even the
    tokens: those are bytes, and texts in at least every fourth row, such as column names and common
    levels. So no text is out of vocabulary, and numbers are encoded digit by digit.
    ``MiniLMBackend()`` is more accurate.

    Parameters
    ----------
    model_config : ModelConfig, optional
        ``width``, ``layers``, ``heads`` and ``dropout`` of the model.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget import TabularLanguageModel, TrainingConfig
    >>> lm = TabularLanguageModel(
    ...     MiniLMTextBackend(), serializer="bracket", training=TrainingConfig(max_steps=2)
    ... )
    >>> frame = pd.DataFrame({"color": ["red", "blue"] * 4, "size": [1, 2] * 4})
    >>> lm.fit(frame).sample(2, random_state=0).shape
    (2, 2)
    """

    name = "minilm-text"
    defaults = MiniLMTextFit.defaults

    def _unused(self, training: TrainingConfig) -> set[str]:
        unused = set(UNUSED)
        if training.optimizer not in OPTIMIZERS:
            unused.add("optimizer")
        if self.model_config.device != "cpu":
            unused.add("device")
        if self.model_config.precision != "fp32":
            unused.add("precision")
        return unused

    def _new_scorer(self, seed: int, table: Table, serializer: Serializer) -> ScoringModel:
        tokenizer = self._new_tokenizer(table, serializer)
        tokens = row_tokens(features(table.schema.inputs), serializer, tokenizer)
        rows = table.schema.rows(table.frame)[:, : len(tokens.columns)]
        config = self.model_config
        settings = {
            "vocab_size": len(tokenizer.tokenizer),
            "embedding_dim": config.width,
            "hidden_dim": HIDDEN * config.width,
            "num_layers": config.layers,
            "num_heads": config.heads,
            "dropout": DROPOUT if config.dropout == "auto" else config.dropout,
            "max_seq_length": max(MIN_LENGTH, SPARE * longest_row(tokens, rows)),
        }
        return MiniLMTextScoringModel.of(settings, tokenizer.tokenizer, seed)

    def _restored_scorer(self, content: Mapping[str, Any], seed: int) -> ScoringModel:
        tokenizer = Tokenizer.from_state(content["tokenizer"])
        return MiniLMTextScoringModel.of(content["encoder"], tokenizer, seed)

    def _scorer_state(self) -> dict[str, Any]:
        assert isinstance(self._scorer, MiniLMTextScoringModel)
        model = self._scorer.model
        return {"encoder": model.encoder.config, "tokenizer": model.tokenizer.state()}

    def _new_tokenizer(self, table: Table, serializer: Serializer) -> TableTokens:
        columns = features(table.schema.inputs)
        rows = table.schema.rows(table.frame)[:, : len(columns)]
        return TableTokens.learned(columns, rows, serializer)

    def _size(
        self, tokenizer: TextTokenizer, tokens_per_row: float, rows_per_step: int
    ) -> ModelSize:
        assert isinstance(tokenizer, TableTokens)
        config, vocabulary = self.model_config, len(tokenizer.tokenizer)
        # Per layer: 4 matrices of attention, and 2 wider ones of the feed-forward network.
        blocks = (4 + 2 * HIDDEN) * config.layers * config.width**2
        weights = blocks + vocabulary * config.width
        return ModelSize(
            n_parameters=weights,
            n_trained=weights,
            n_multiplied=blocks,
            weight_bytes=4,
            layers=config.layers,
            width=config.width,
            vocabulary=vocabulary,
            tokens_per_row=tokens_per_row,
            rows_per_step=rows_per_step,
            device="cpu",
            efficiency=EFFICIENCY,
        )

    def _new_fit(self, request: FitRequest, scorer: ScoringModel, tokens: RowTokens) -> TextFit:
        assert isinstance(scorer, MiniLMTextScoringModel)
        return MiniLMTextFit(request, scorer, tokens, self._lock)

    @few_threads()
    def fit(self, request: FitRequest) -> None:
        """Train on a table until a limit is reached or ``request.stopped()`` is true."""
        super().fit(request)

    @few_threads()
    def predict(
        self, contexts: Floats, targets: Sequence[int] | Ints, orders: int = 2
    ) -> Prediction:
        """Return the distribution of column ``targets[i]`` given row i of `contexts`."""
        return super().predict(contexts, targets, orders)

    @few_threads()
    def chain(self, rows: Floats) -> Floats:
        """Return each cell's log-probability given the cells before it in its row's order."""
        return super().chain(rows)

"""HFBackend: a pretrained model of transformers, fine-tuned on a table's rows as text."""

from __future__ import annotations

import torch

from tabwidget.backends.base import FitRequest
from tabwidget.backends.cost import ModelSize
from tabwidget.backends.devices import device_of, dtype_of
from tabwidget.backends.text import RowTokens, ScoringModel
from tabwidget.backends.text.fit import TextFit
from tabwidget.backends.text.pretrained import FROM_SCRATCH, PretrainedBackend, pretrained_size
from tabwidget.backends.text.tokens import TextTokenizer
from tabwidget.config import TrainingConfig
from tabwidget.errors import require

__all__ = ["HFBackend"]


class HFBackend(PretrainedBackend):
    """Any causal language model that transformers loads.

    It encodes rows as text, so its pretraining covers the names of columns and levels. Answers are
    exact: the probabilities of all values of the column, each with the delimiter after it; for a
    number with too many values to list, of all prefixes of its digits.

    Parameters
    ----------
    model_config : ModelConfig, optional
        ``model``: a hub name, a folder, or a ``.gguf`` file in one; "distilgpt2" by default.
        ``lora`` trains adapters; without it all weights are trained.

    Examples
    --------
    >>> from tabwidget import LoRAConfig, ModelConfig, TabularLanguageModel
    >>> model = ModelConfig(model="HuggingFaceTB/SmolLM2-135M-Instruct", lora=LoRAConfig(rank=8))
    >>> lm = TabularLanguageModel(backend=HFBackend(model))

    ``lm.fit(frame)`` then loads the model; one that is not on this machine is downloaded.
    """

    name = "huggingface"

    def _unused(self, training: TrainingConfig) -> set[str]:
        from tabwidget.backends.huggingface.training import OPTIMIZERS

        unused = set(FROM_SCRATCH)
        if training.optimizer not in OPTIMIZERS:
            unused.add("optimizer")
        return unused

    def _size(
        self, tokenizer: TextTokenizer, tokens_per_row: float, rows_per_step: int
    ) -> ModelSize:
        config = self.model_config
        device = device_of(config.device)
        dtype = dtype_of(config.precision, device) if config.lora is not None else torch.float32
        return pretrained_size(
            config,
            self._default_model,
            weight_bytes=dtype.itemsize,
            tokens_per_row=tokens_per_row,
            rows_per_step=rows_per_step,
            device=device.type,
        )

    def _new_fit(self, request: FitRequest, scorer: ScoringModel, tokens: RowTokens) -> TextFit:
        from tabwidget.backends.huggingface.scoring_model import HFScoringModel
        from tabwidget.backends.huggingface.training import HFFit

        assert isinstance(scorer, HFScoringModel)
        return HFFit(request, scorer, tokens, self._lock)

    def _load_scorer(self, seed: int) -> ScoringModel:
        require("transformers", "hf")
        from tabwidget.backends.huggingface.loading import add_adapters, load
        from tabwidget.backends.huggingface.scoring_model import HFScoringModel

        loaded = load(self.model_config)
        if self.model_config.lora is not None:
            loaded.model = add_adapters(loaded.model, self.model_config.lora, seed)
        return HFScoringModel(loaded)

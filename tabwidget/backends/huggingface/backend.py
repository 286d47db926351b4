"""HFBackend: a pretrained causal language model, tuned on the rows of a table as text."""

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
    >>> from tabwidget import LoRAConfig, ModelConfig, TabularLanguageModel
    >>> model = ModelConfig(model="HuggingFaceTB/SmolLM2-135M-Instruct", lora=LoRAConfig(rank=8))
    >>> lm = TabularLanguageModel(backend=HFBackend(model))

    ``lm.fit(frame)`` then loads the model, from the hub where it is not here already.
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
            self._standard,
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

    def _model(self, seed: int) -> ScoringModel:
        require("transformers", "hf")
        from tabwidget.backends.huggingface.loading import adapted, load
        from tabwidget.backends.huggingface.scoring_model import HFScoringModel

        loaded = load(self.model_config)
        if self.model_config.lora is not None:
            loaded.model = adapted(loaded.model, self.model_config.lora, seed)
        return HFScoringModel(loaded)

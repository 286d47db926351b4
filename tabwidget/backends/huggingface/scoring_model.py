"""HFScoringModel: a model of transformers that scores tries over a cached prompt."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tabwidget._typing import Bools, Ints
from tabwidget.backends.devices import free_memory
from tabwidget.backends.huggingface.loading import Loaded
from tabwidget.backends.text.pretrained import PretrainedTokenizer
from tabwidget.backends.text.scoring_model import MAX_TOKENS
from tabwidget.backends.text.torch_scoring_model import TorchScoringModel

__all__ = ["HFScoringModel"]

MEMORY_SHARE = 0.25  # of what is free, for the tokens of a batch


class HFScoringModel(TorchScoringModel):
    """Runs a model for `tabwidget.backends.text`.

    Parameters
    ----------
    loaded : Loaded
        The model; its weights that require gradients are trained.
    """

    def __init__(self, loaded: Loaded) -> None:
        self.model, self.device, self.dtype = loaded.model, loaded.device, loaded.dtype
        self.tokenizer = PretrainedTokenizer(loaded.tokenizer)
        config = self.model.config.get_text_config()
        self._cap = getattr(config, "final_logit_softcapping", None)
        self.vocabulary = config.vocab_size
        self.most_length = getattr(config, "max_position_embeddings", None)
        self.most_tokens = _most_tokens(config, self.device, self.dtype)
        self.n_parameters = sum(weight.numel() for weight in self.model.parameters())
        self.try_out(1e-3 if self.dtype == torch.float32 else 0.3)

    def logits_at(self, ids: Tensor, at: Tensor) -> Tensor:
        """Return the logits of what follows some places of a batch, given flat; no others."""
        if not self.by_tree:
            logits: Tensor = self.model(input_ids=ids).logits.flatten(0, 1)[at]
            return logits
        hidden = self.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        return self._logits(hidden.flatten(0, 1)[at])

    def _states(
        self, ids: Ints, positions: Ints, seen: Bools, past: Any, read: Ints
    ) -> tuple[Tensor, Any]:
        from transformers import DynamicCache

        past = DynamicCache() if past is None else past
        dtype = self.model.get_input_embeddings().weight.dtype
        hidden = ~self._tensor(seen)[:, None]
        mask = torch.zeros(hidden.shape, dtype=dtype, device=self.device)
        mask.masked_fill_(hidden, torch.finfo(dtype).min)
        with self.computing():
            states = self.model.base_model(
                input_ids=self._tensor(ids),
                attention_mask=mask,
                position_ids=self._tensor(positions),
                past_key_values=past,
            ).last_hidden_state
        rows = torch.arange(len(read), device=self.device)[:, None]
        return states[rows, self._tensor(read)], past

    def _cropped(self, past: Any, n: int) -> Any:
        past.crop(-n)
        return past

    def _logits(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.model.get_output_embeddings()(hidden)
        return logits if self._cap is None else torch.tanh(logits / self._cap) * self._cap


def _most_tokens(config: Any, device: torch.device, dtype: torch.dtype) -> int:
    """Return how many tokens of prompts and tries a batch may hold."""
    if device.type == "cpu":
        return MAX_TOKENS
    width = getattr(config, "hidden_size", 1_024) + getattr(config, "intermediate_size", 4_096)
    # Two states a layer stay in the cache, and a few of one layer are in use.
    layers = getattr(config, "num_hidden_layers", 24)
    size = dtype.itemsize * (2 * layers * getattr(config, "hidden_size", 1_024) + 8 * width)
    return max(MAX_TOKENS, int(MEMORY_SHARE * free_memory(device)) // size)

"""HFScoringModel: a model of transformers as a scoring model.

Shapes: P prompts, L tokens of a text, W width, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tabwidget._typing import Bools, Ints
from tabwidget.backends.devices import free_memory
from tabwidget.backends.huggingface.loading import LoadedModel
from tabwidget.backends.text.pretrained import PretrainedTokenizer
from tabwidget.backends.text.scoring_model import MAX_BATCH_TOKENS
from tabwidget.backends.text.torch_scoring_model import TorchScoringModel

__all__ = ["HFScoringModel"]

MEMORY_SHARE = 0.25  # of the free memory, for the tokens of a batch


class HFScoringModel(TorchScoringModel):
    """A model of transformers as text backends use it.

    Parameters
    ----------
    loaded : LoadedModel
        The model; weights that require gradients are trained.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self.model, self.device, self.dtype = loaded.model, loaded.device, loaded.dtype
        self.tokenizer = PretrainedTokenizer(loaded.tokenizer)
        config = self.model.config.get_text_config()
        self._softcap = getattr(config, "final_logit_softcapping", None)
        self.vocab_size = config.vocab_size
        self.max_length = getattr(config, "max_position_embeddings", None)
        self.max_batch_tokens = _max_batch_tokens(config, self.device, self.dtype)
        self.n_parameters = sum(weight.numel() for weight in self.model.parameters())
        self.check_tree_attention(1e-3 if self.dtype == torch.float32 else 0.3)

    def logits_at(self, ids: Tensor, at: Tensor) -> Tensor:
        """Return the next-token logits, shape (n, V), at indices into the flattened `ids`."""
        if not self.tree_attention:
            logits: Tensor = self.model(input_ids=ids).logits.flatten(0, 1)[at]
            return logits
        hidden = self.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        return self._logits(hidden.flatten(0, 1)[at])

    def _hidden_states(
        self, ids: Ints, positions: Ints, mask: Bools, past: Any, read: Ints
    ) -> tuple[Tensor, Any]:
        from transformers import DynamicCache

        past = DynamicCache() if past is None else past
        dtype = self.model.get_input_embeddings().weight.dtype
        masked = ~self._tensor(mask)[:, None]
        bias = torch.zeros(masked.shape, dtype=dtype, device=self.device)
        bias.masked_fill_(masked, torch.finfo(dtype).min)
        with self.evaluating():
            states = self.model.base_model(
                input_ids=self._tensor(ids),
                attention_mask=bias,
                position_ids=self._tensor(positions),
                past_key_values=past,
            ).last_hidden_state
        rows = torch.arange(len(read), device=self.device)[:, None]
        return states[rows, self._tensor(read)], past

    def _drop_last(self, past: Any, n: int) -> Any:
        past.crop(-n)
        return past

    def _logits(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.model.get_output_embeddings()(hidden)
        if self._softcap is None:
            return logits
        return torch.tanh(logits / self._softcap) * self._softcap


def _max_batch_tokens(config: Any, device: torch.device, dtype: torch.dtype) -> int:
    """Return how many tokens of prompts and tries a batch may hold."""
    if device.type == "cpu":
        return MAX_BATCH_TOKENS
    width = getattr(config, "hidden_size", 1_024) + getattr(config, "intermediate_size", 4_096)
    # Per token: keys and values of every layer, and a few activations of one layer.
    layers = getattr(config, "num_hidden_layers", 24)
    size = dtype.itemsize * (2 * layers * getattr(config, "hidden_size", 1_024) + 8 * width)
    return max(MAX_BATCH_TOKENS, int(MEMORY_SHARE * free_memory(device)) // size)

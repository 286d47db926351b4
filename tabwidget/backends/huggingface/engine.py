"""HFEngine: a causal language model that scores tries over a cached prompt."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import log_softmax

from tabwidget.backends.devices import free_memory
from tabwidget.backends.huggingface.loading import Loaded
from tabwidget.textlm import Trie
from tabwidget.textlm.rows import Ids

__all__ = ["HFEngine"]

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]

MOST_TOKENS = 4_096  # of a batch on a CPU, where more are no faster
MEMORY_SHARE = 0.25  # of what is free elsewhere, for the tokens of a batch
LOGITS = 2**24  # held at once


@dataclass
class Cache:
    """Prompts, and once the first trie has been run with them what their tokens left."""

    prompts: Sequence[Ids]
    lengths: Tensor
    past: Any = None
    hidden: Tensor | None = None  # of each prompt's last token


class HFEngine:
    """Runs a model for `tabwidget.textlm`.

    The prompt is run once, all nodes of a trie after it at once: each sees its prompt and the nodes
    on its path, at the position that its depth says. A model that this does not suit, as two
    prompts tried at the start tell, is run anew for each sequence.

    Parameters
    ----------
    loaded : Loaded
        The model.
    """

    def __init__(self, loaded: Loaded) -> None:
        self.model, self.device, self.dtype = loaded.model, loaded.device, loaded.dtype
        config = self.model.config.get_text_config()
        self._cap = getattr(config, "final_logit_softcapping", None)
        self.most_length: int | None = getattr(config, "max_position_embeddings", None)
        self.most_tokens = _most_tokens(config, self.device, self.dtype)
        self.by_tree = True
        self.by_tree = self._tree_is_right()
        if not self.by_tree:
            warnings.warn(
                f"{type(self.model).__name__} cannot read a trie at once: each value is scored by "
                "a run of its own, which is slower",
                UserWarning,
                stacklevel=2,
            )

    def prefill(self, prompts: Sequence[Ids]) -> Cache:
        """Take prompts; they are run together with the first trie, which costs one pass less."""
        lengths = [len(prompt) for prompt in prompts]
        return Cache(prompts, torch.tensor(lengths, device=self.device))

    def tree(self, cache: Cache, trie: Trie) -> Floats:
        """Return the log-probability of each node's token after its prompt and path."""
        if not self.by_tree:
            return self._sequences(cache.prompts, trie)
        from transformers import DynamicCache

        inner = trie.inner[1:]
        n, n_nodes = len(cache.prompts), len(inner)
        first = cache.past is None
        if not first and not n_nodes:
            assert cache.hidden is not None
            return self._read(cache.hidden, trie)
        ids = torch.from_numpy(trie.tokens[inner]).to(self.device).expand(n, -1)
        depths = torch.from_numpy(trie.depths[inner] - 1).to(self.device)
        positions = cache.lengths[:, None] + depths
        width = int(cache.lengths.max())
        place = torch.arange(width, device=self.device)
        # A node sees its prompt, without the padding at its right, and the nodes on its path.
        prompt = (place < cache.lengths[:, None])[:, None].expand(n, n_nodes, width)
        path = torch.from_numpy(trie.above).to(self.device).expand(n, n_nodes, n_nodes)
        seen = torch.cat((prompt, path), dim=2)
        if first:
            cache.past = DynamicCache()
            ids = torch.cat((self._padded(cache.prompts), ids), dim=1)
            positions = torch.cat((place.expand(n, width), positions), dim=1)
            causal = torch.ones(width, width + n_nodes, dtype=torch.bool, device=self.device)
            seen = torch.cat((causal.tril().expand(n, -1, -1), seen), dim=1)
        dtype = self.model.get_input_embeddings().weight.dtype
        mask = torch.zeros(seen.shape, dtype=dtype, device=self.device)
        mask = mask.masked_fill(~seen, torch.finfo(dtype).min)[:, None]
        with self.computing():
            hidden = self.model.base_model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache.past,
            ).last_hidden_state
        if n_nodes:
            cache.past.crop(-n_nodes)
        if first:
            cache.hidden = hidden[torch.arange(n), cache.lengths - 1][:, None]
        assert cache.hidden is not None
        nodes = hidden[:, hidden.shape[1] - n_nodes :]
        return self._read(torch.cat((cache.hidden, nodes), dim=1), trie)

    def logits_at(self, ids: Tensor, at: Tensor) -> Tensor:
        """Return the logits of what follows some places of a batch, given flat; no others."""
        if not self.by_tree:
            logits: Tensor = self.model(input_ids=ids).logits.flatten(0, 1)[at]
            return logits
        hidden = self.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        return self._logits(hidden.flatten(0, 1)[at])

    @contextlib.contextmanager
    def computing(self) -> Iterator[None]:
        """Compute answers: no gradients, no dropout, in the precision asked for."""
        self.model.eval()
        mixed = torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)
        with torch.no_grad(), mixed:
            yield

    def _logits(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.model.get_output_embeddings()(hidden)
        return logits if self._cap is None else torch.tanh(logits / self._cap) * self._cap

    def _read(self, hidden: Tensor, trie: Trie) -> Floats:
        """Return the nodes' log-probabilities, from the hidden states of the inner ones."""
        out = np.zeros((len(hidden), len(trie)))
        inner = trie.inner
        if not len(inner):
            return out
        parent = np.searchsorted(inner, trie.parents[1:])
        vocabulary = self.model.config.get_text_config().vocab_size
        step = max(1, LOGITS // (vocabulary * len(hidden)))
        for start in range(0, len(inner), step):
            mine = np.flatnonzero((parent >= start) & (parent < start + step))
            with self.computing():
                logits = self._logits(hidden[:, start : start + step]).float()
            told = logits[:, parent[mine] - start, trie.tokens[mine + 1]]
            total = logits.logsumexp(dim=2)[:, parent[mine] - start]
            out[:, mine + 1] = (told - total).double().cpu().numpy()
        return out

    def _sequences(self, prompts: Sequence[Ids], trie: Trie) -> Floats:
        """Return what `tree` does, by one forward for each prompt and leaf."""
        out = np.zeros((len(prompts), len(trie)))
        paths: list[list[int]] = [[]]
        for node in range(1, len(trie)):
            paths.append([*paths[trie.parents[node]], node])
        leaves = np.setdiff1d(np.arange(1, len(trie)), trie.inner).tolist()
        work = [(row, paths[leaf]) for row in range(len(prompts)) for leaf in leaves]
        longest = max(map(len, prompts)) + max(map(len, paths))
        vocabulary = self.model.config.get_text_config().vocab_size
        size = max(1, min(self.most_tokens, LOGITS // vocabulary) // longest)
        for start in range(0, len(work), size):
            batch = work[start : start + size]
            texts = [(*prompts[row], *trie.tokens[path].tolist()) for row, path in batch]
            with self.computing():
                logits = self.model(input_ids=self._padded(texts)).logits.float()
            for (row, path), text, found in zip(batch, texts, logits, strict=True):
                end = len(text) - 1
                told = log_softmax(found[end - len(path) : end], dim=1)
                tokens = torch.tensor(text[-len(path) :], device=told.device)
                out[row, path] = told.gather(1, tokens[:, None])[:, 0].double().cpu().numpy()
        return out

    def _padded(self, texts: Sequence[Ids]) -> Tensor:
        ids = np.zeros((len(texts), max(map(len, texts))), dtype=np.int64)
        for row, text in enumerate(texts):
            ids[row, : len(text)] = text
        return torch.from_numpy(ids).to(self.device)

    def _tree_is_right(self) -> bool:
        """Try a trie after two prompts both ways."""
        vocabulary = self.model.config.get_text_config().vocab_size
        some = (np.arange(1, 13) * 7919 % vocabulary).tolist()
        prompts = [tuple(some[:5]), tuple(some[4:7])]
        trie = Trie.of([some[7:10], [*some[7:9], some[11]], some[10:12]])
        expected = self._sequences(prompts, trie)
        try:
            cache = self.prefill(prompts)
            found = self.tree(cache, trie)
            again = self.tree(cache, trie)
        except Exception as error:  # whatever a model raises that does not know these arguments
            logger.info("the trie cannot be read at once", exc_info=error)
            return False
        most = 1e-3 if self.dtype == torch.float32 else 0.3
        return bool(np.abs([found - expected, again - expected]).max() < most)


def _most_tokens(config: Any, device: torch.device, dtype: torch.dtype) -> int:
    """Return how many tokens of prompts and tries a batch may hold."""
    if device.type == "cpu":
        return MOST_TOKENS
    width = getattr(config, "hidden_size", 1_024) + getattr(config, "intermediate_size", 4_096)
    # Two states a layer stay in the cache, and a few of one layer are in use.
    layers = getattr(config, "num_hidden_layers", 24)
    size = dtype.itemsize * (2 * layers * getattr(config, "hidden_size", 1_024) + 8 * width)
    return max(MOST_TOKENS, int(MEMORY_SHARE * free_memory(device)) // size)

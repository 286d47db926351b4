"""MLXScoringModel: a model of mlx-lm as a scoring model.

Shapes: P prompts, L tokens of a text, W width, V vocabulary.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten, tree_unflatten
from numpy.typing import NDArray

from tabwidget._typing import Bools, Floats, Ints
from tabwidget.backends.mlx.loading import LoadedModel
from tabwidget.backends.text.pretrained import PretrainedTokenizer
from tabwidget.backends.text.scoring_model import ScoringModel, check_weights
from tabwidget.errors import require

__all__ = ["MLXScoringModel"]

SUM_BLOCK = 256  # numbers summed at a time


class MLXScoringModel(ScoringModel):
    """A model of mlx-lm as text backends use it.

    Parameters
    ----------
    loaded : LoadedModel
        The model; weights that are not frozen are trained.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self.model, self.device = loaded.model, loaded.device
        self.config, self.folder = loaded.config, loaded.folder
        # mlx-lm generates with a wrapper of the tokenizer of transformers.
        self.mlx_tokenizer = loaded.tokenizer
        self.tokenizer = PretrainedTokenizer(loaded.tokenizer._tokenizer)
        # Vision-language models have the language model as a part.
        self._text = getattr(self.model, "language_model", self.model)
        args = getattr(self._text, "args", None)
        self._softcap = getattr(args, "final_logit_softcapping", None)
        self.max_length = getattr(args, "max_position_embeddings", None)
        with mx.stream(self.device):
            logits = self.model(mx.zeros((1, 1), dtype=mx.int32))
        self.vocab_size = logits.shape[-1]
        self.adapters = any(hasattr(module, "lora_a") for module in self.model.modules())
        utils = require("mlx_lm.utils", "mlx")
        # This counts quantized weights before packing, and adapters not at all.
        self.n_parameters = utils.get_total_parameters(self.model)
        if self.adapters:
            self.n_parameters += sum(weight.size for weight in self._trained().values())
        _rotate_by_token(self.model)
        self.check_tree_attention(1e-3 if logits.dtype == mx.float32 else 0.3)

    def token_log_probabilities(self, ids: Ints, at: Ints, tokens: Ints) -> Floats:
        """Return the log-probability of each token after a position in plain texts."""
        with self.evaluating():
            logits = self.logits_at(mx.array(ids), mx.array(at)).astype(mx.float32)
            chosen = mx.take_along_axis(logits, mx.array(tokens)[:, None], axis=1)[:, 0]
            return _to_numpy(chosen - _logsumexp(logits))

    def trained_weights(self) -> dict[str, NDArray[np.float32]]:
        """Return copies of the weights that are trained."""
        with self.evaluating():
            return {
                name: np.array(weight.astype(mx.float32))
                for name, weight in self._trained().items()
            }

    def load_weights(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Load weights that `trained_weights` returned."""
        own = self._trained()
        check_weights({name: tuple(weight.shape) for name, weight in own.items()}, weights)
        with self.evaluating():
            new = [(name, mx.array(w).astype(own[name].dtype)) for name, w in weights.items()]
            mx.eval([weight for _, weight in new])
        self.model.update(tree_unflatten(new))

    def logits_at(self, ids: mx.array, at: mx.array) -> mx.array:
        """Return the next-token logits, shape (n, V), at indices into the flattened `ids`."""
        if not self.tree_attention:
            return self.model(ids).flatten(0, 1)[at]
        return self._logits(self._text.model(ids).flatten(0, 1)[at])

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """Compute on the device, without dropout."""
        self.model.eval()
        with mx.stream(self.device):
            yield

    def _hidden_states(
        self, ids: Ints, positions: Ints, mask: Bools, past: Any, read: Ints
    ) -> tuple[mx.array, Any]:
        past = _TreeCache(len(self.model.layers)) if past is None else past
        with self.evaluating():
            past.prepare(mx.array(positions), mx.array(mask))
            hidden = self._text.model(mx.array(ids), cache=past.layers)
            states = hidden[mx.arange(len(read))[:, None], mx.array(read)]
            mx.eval(states, [(layer.keys, layer.values) for layer in past.layers])
        return states, past

    def _drop_last(self, past: Any, n: int) -> Any:
        with self.evaluating():
            past.drop_last(n)
        return past

    def _log_probabilities(self, states: mx.array, at: Ints, tokens: Ints) -> Floats:
        with self.evaluating():
            logits = self._logits(states).astype(mx.float32)
            index = mx.array(at)
            chosen = logits[:, index, mx.array(tokens)]
            return _to_numpy(chosen - _logsumexp(logits)[:, index])

    def _logits(self, hidden: mx.array) -> mx.array:
        head = getattr(self._text, "lm_head", None) or self._text.model.embed_tokens.as_linear
        logits: mx.array = head(hidden)
        return logits if self._softcap is None else mx.tanh(logits / self._softcap) * self._softcap

    def _trained(self) -> dict[str, mx.array]:
        return dict(tree_flatten(self.model.trainable_parameters()))


class _TreeCache:
    """The key-value caches of all layers, and the positions and mask of the tokens being run."""

    def __init__(self, n_layers: int) -> None:
        self.layers = [_LayerCache(self) for _ in range(n_layers)]
        self.all_positions: mx.array | None = None  # of cached tokens and those being run
        self.positions: mx.array
        self.mask: mx.array

    def prepare(self, positions: mx.array, mask: mx.array) -> None:
        """Set the positions and the attention mask of the tokens that run next."""
        known = [positions] if self.all_positions is None else [self.all_positions, positions]
        self.positions, self.all_positions = positions, mx.concatenate(known, axis=1)
        self.mask = mask[:, None]

    def drop_last(self, n: int) -> None:
        """Drop the last `n` tokens."""
        assert self.all_positions is not None
        self.all_positions = self.all_positions[:, :-n]
        for layer in self.layers:
            layer.keys, layer.values = layer.keys[..., :-n, :], layer.values[..., :-n, :]


class _LayerCache:
    """The cache of one layer, with the interface that models of mlx-lm expect."""

    keys: Any = None
    values: Any = None

    def __init__(self, cache: _TreeCache) -> None:
        self._cache = cache

    @property
    def offset(self) -> mx.array:
        """The position of each token; see `_rotate_by_token`."""
        return self._cache.positions

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        if self.keys is not None:
            keys = mx.concatenate([self.keys, keys], axis=2)
            values = mx.concatenate([self.values, values], axis=2)
        self.keys, self.values = keys, values
        return keys, values

    def make_mask(
        self, n: int, return_array: bool = False, window_size: int | None = None
    ) -> mx.array:
        cache = self._cache
        if window_size is None:
            return cache.mask
        assert cache.all_positions is not None
        in_window = cache.positions[:, :, None] < cache.all_positions[:, None] + window_size
        return cache.mask & in_window[:, None]


class _RopeByToken:
    """Mixin for rotary embeddings: an offset of shape (P, L) gives each token's position."""

    def __call__(self, x: mx.array, offset: Any = 0, *args: Any, **kwargs: Any) -> mx.array:
        inner: Any = super()
        if not isinstance(offset, mx.array) or offset.ndim != 2:
            return inner.__call__(x, offset, *args, **kwargs)
        n, heads, length, width = x.shape
        # As a batch of texts of one token: within a text, positions would be consecutive.
        x = x.transpose(0, 2, 1, 3).reshape(n * length, heads, 1, width)
        x = inner.__call__(x, offset.flatten(), *args, **kwargs)
        return x.reshape(n, length, heads, width).transpose(0, 2, 1, 3)


def _rotate_by_token(model: Any) -> None:
    """Add `_RopeByToken` to a model's rotary embeddings, in place."""
    extended: dict[Any, Any] = {}
    for module in model.modules():
        kind = type(module)
        if "rope" in kind.__name__.lower() and not issubclass(kind, _RopeByToken):
            if kind not in extended:
                extended[kind] = type(kind.__name__, (_RopeByToken, kind), {})
            module.__class__ = extended[kind]


def _logsumexp(logits: mx.array) -> mx.array:
    """Return logsumexp over the last axis, in two stages.

    On a CPU, MLX sums sequentially, which for 50,000 numbers is off by about 1e-4.
    """
    rest = -logits.shape[-1] % SUM_BLOCK
    if rest:
        wide = [(0, 0)] * (logits.ndim - 1) + [(0, rest)]
        logits = mx.pad(logits, wide, constant_values=-mx.inf)
    return logits.reshape(*logits.shape[:-1], -1, SUM_BLOCK).logsumexp(axis=-1).logsumexp(axis=-1)


def _to_numpy(array: mx.array) -> Floats:
    return np.array(array, dtype=np.float64)

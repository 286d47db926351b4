"""MLXScoringModel: a model of mlx-lm that scores tries over a cached prompt."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten, tree_unflatten
from numpy.typing import NDArray

from tabwidget._typing import Bools, Floats, Ints
from tabwidget.backends.mlx.loading import Loaded
from tabwidget.backends.text.pretrained import PretrainedTokenizer
from tabwidget.backends.text.scoring_model import ScoringModel, check_weights
from tabwidget.errors import require

__all__ = ["MLXScoringModel"]

STAGE = 256  # numbers added up at a time


class MLXScoringModel(ScoringModel):
    """Runs a model for `tabwidget.backends.text`.

    Parameters
    ----------
    loaded : Loaded
        The model; its weights that are not frozen are trained.
    """

    def __init__(self, loaded: Loaded) -> None:
        self.model, self.device = loaded.model, loaded.device
        self.config, self.folder = loaded.config, loaded.folder
        # mlx-lm generates with its own, which holds the one of transformers.
        self.mlx_tokenizer = loaded.tokenizer
        self.tokenizer = PretrainedTokenizer(loaded.tokenizer._tokenizer)
        # Those that see, too, hold the model of texts apart.
        self._text = getattr(self.model, "language_model", self.model)
        args = getattr(self._text, "args", None)
        self._cap = getattr(args, "final_logit_softcapping", None)
        self.most_length = getattr(args, "max_position_embeddings", None)
        with mx.stream(self.device):
            logits = self.model(mx.zeros((1, 1), dtype=mx.int32))
        self.vocabulary = logits.shape[-1]
        self.adapters = any(hasattr(module, "lora_a") for module in self.model.modules())
        utils = require("mlx_lm.utils", "mlx")
        # It counts a weight of few bits as one, and adapters not at all.
        self.n_parameters = utils.get_total_parameters(self.model)
        if self.adapters:
            self.n_parameters += sum(weight.size for weight in self._trained().values())
        _place_by_token(self.model)
        self.try_out(1e-3 if logits.dtype == mx.float32 else 0.3)

    def told(self, ids: Ints, at: Ints, tokens: Ints) -> Floats:
        """Return the log-probability of some tokens, each after a place in plain texts."""
        with self.computing():
            logits = self.logits_at(mx.array(ids), mx.array(at)).astype(mx.float32)
            told = mx.take_along_axis(logits, mx.array(tokens)[:, None], axis=1)[:, 0]
            return _numbers(told - _log_total(logits))

    def trained(self) -> dict[str, NDArray[np.float32]]:
        """Return copies of the weights that are trained."""
        with self.computing():
            return {
                name: np.array(weight.astype(mx.float32))
                for name, weight in self._trained().items()
            }

    def take(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Put weights, as `trained` returns them, into the model."""
        own = self._trained()
        check_weights({name: tuple(weight.shape) for name, weight in own.items()}, weights)
        with self.computing():
            new = [(name, mx.array(w).astype(own[name].dtype)) for name, w in weights.items()]
            mx.eval([weight for _, weight in new])
        self.model.update(tree_unflatten(new))

    def logits_at(self, ids: mx.array, at: mx.array) -> mx.array:
        """Return the logits of what follows some places of a batch, given flat; no others."""
        if not self.by_tree:
            return self.model(ids).flatten(0, 1)[at]
        return self._logits(self._text.model(ids).flatten(0, 1)[at])

    @contextlib.contextmanager
    def computing(self) -> Iterator[None]:
        """Compute answers: on the device, without dropout."""
        self.model.eval()
        with mx.stream(self.device):
            yield

    def _states(
        self, ids: Ints, positions: Ints, seen: Bools, past: Any, read: Ints
    ) -> tuple[mx.array, Any]:
        past = _Past(len(self.model.layers)) if past is None else past
        with self.computing():
            past.look(mx.array(positions), mx.array(seen))
            hidden = self._text.model(mx.array(ids), cache=past.layers)
            states = hidden[mx.arange(len(read))[:, None], mx.array(read)]
            mx.eval(states, [(layer.keys, layer.values) for layer in past.layers])
        return states, past

    def _cropped(self, past: Any, n: int) -> Any:
        with self.computing():
            past.crop(n)
        return past

    def _read(self, states: mx.array, places: Ints, tokens: Ints) -> Floats:
        with self.computing():
            logits = self._logits(states).astype(mx.float32)
            at = mx.array(places)
            told = logits[:, at, mx.array(tokens)]
            return _numbers(told - _log_total(logits)[:, at])

    def _logits(self, hidden: mx.array) -> mx.array:
        head = getattr(self._text, "lm_head", None) or self._text.model.embed_tokens.as_linear
        logits: mx.array = head(hidden)
        return logits if self._cap is None else mx.tanh(logits / self._cap) * self._cap

    def _trained(self) -> dict[str, mx.array]:
        return dict(tree_flatten(self.model.trainable_parameters()))


class _Past:
    """What tokens left in every layer, and what those that are run now look at."""

    def __init__(self, n_layers: int) -> None:
        self.layers = [_Layer(self) for _ in range(n_layers)]
        self.held: mx.array | None = None  # positions of all tokens, those run now included
        self.now: mx.array
        self.seen: mx.array

    def look(self, positions: mx.array, seen: mx.array) -> None:
        """Say where the tokens stand that are run next, and what each of them looks at."""
        held = [positions] if self.held is None else [self.held, positions]
        self.now, self.held = positions, mx.concatenate(held, axis=1)
        self.seen = seen[:, None]

    def crop(self, n: int) -> None:
        """Forget the last `n` tokens."""
        assert self.held is not None
        self.held = self.held[:, :-n]
        for layer in self.layers:
            layer.keys, layer.values = layer.keys[..., :-n, :], layer.values[..., :-n, :]


class _Layer:
    """One layer's cache, as models of mlx-lm take it."""

    keys: Any = None
    values: Any = None

    def __init__(self, past: _Past) -> None:
        self._past = past

    @property
    def offset(self) -> mx.array:
        """The position of each token; see `_place_by_token`."""
        return self._past.now

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        if self.keys is not None:
            keys = mx.concatenate([self.keys, keys], axis=2)
            values = mx.concatenate([self.values, values], axis=2)
        self.keys, self.values = keys, values
        return keys, values

    def make_mask(
        self, n: int, return_array: bool = False, window_size: int | None = None
    ) -> mx.array:
        past = self._past
        if window_size is None:
            return past.seen
        assert past.held is not None
        near = past.now[:, :, None] < past.held[:, None] + window_size
        return past.seen & near[:, None]


class _ByToken:
    """Rotary positions of which each token of a batch has its own."""

    def __call__(self, x: mx.array, offset: Any = 0, *rest: Any, **more: Any) -> mx.array:
        inner: Any = super()
        if not isinstance(offset, mx.array) or offset.ndim != 2:
            return inner.__call__(x, offset, *rest, **more)
        n, heads, length, width = x.shape
        # As many texts of one token: of a text each token's position follows the one before.
        x = x.transpose(0, 2, 1, 3).reshape(n * length, heads, 1, width)
        x = inner.__call__(x, offset.flatten(), *rest, **more)
        return x.reshape(n, length, heads, width).transpose(0, 2, 1, 3)


def _place_by_token(model: Any) -> None:
    """Let a model's rotary positions take an offset of shape (n_rows, length)."""
    placed: dict[Any, Any] = {}
    for module in model.modules():
        kind = type(module)
        if "rope" in kind.__name__.lower() and not issubclass(kind, _ByToken):
            if kind not in placed:
                placed[kind] = type(kind.__name__, (_ByToken, kind), {})
            module.__class__ = placed[kind]


def _log_total(logits: mx.array) -> mx.array:
    """Return the logarithm of the sum over the last axis, in two stages.

    On a CPU MLX adds up one number after another, and of 50,000 that is off by some 1e-4.
    """
    rest = -logits.shape[-1] % STAGE
    if rest:
        wide = [(0, 0)] * (logits.ndim - 1) + [(0, rest)]
        logits = mx.pad(logits, wide, constant_values=-mx.inf)
    return logits.reshape(*logits.shape[:-1], -1, STAGE).logsumexp(axis=-1).logsumexp(axis=-1)


def _numbers(found: mx.array) -> Floats:
    return np.array(found, dtype=np.float64)

"""The transformer of every minilm model: embeddings in, hidden states out.

Shapes: B batch, T tokens, W width, H heads. A block is pre-norm, with residual connections::

    x = x + Attention(Norm(x))       Attention = softmax(Q K^T / sqrt(W / H)) V
    x = x + W_2 relu(W_1 Norm(x) + b_1)^2 + b_2
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Block", "KeyValueCache", "Transformer", "relu_squared"]


class KeyValueCache:
    """The keys and values of past tokens, so that none is computed twice.

    Parameters
    ----------
    capacity : int
        Number of tokens to allocate at first; it grows by copying.

    Attributes
    ----------
    length : int
        Tokens cached so far.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity, self.length = capacity, 0
        self._stored: dict[int, tuple[Tensor, Tensor]] = {}

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Append the keys and values of new tokens to a layer, and return all of them.

        Parameters
        ----------
        layer : int
            Index of the block.
        key, value : Tensor of shape (B, H, new tokens, W / H)
            Keys and values of the new tokens.
        """
        end = self.length + key.shape[2]
        keys, values = self._stored.get(layer, (key[:, :, :0], value[:, :, :0]))
        if keys.shape[2] < max(end, self.capacity):
            self.capacity = max(end, self.capacity)
            shape = (*key.shape[:2], self.capacity, key.shape[3])
            grown = (key.new_empty(shape), value.new_empty(shape))
            for new, old in zip(grown, (keys, values), strict=True):
                new[:, :, : self.length] = old[:, :, : self.length]
            keys, values = self._stored[layer] = grown
        keys[:, :, self.length : end], values[:, :, self.length : end] = key, value
        return keys[:, :, :end], values[:, :, :end]

    def reorder(self, rows: Tensor) -> None:
        """Replace row i by row ``rows[i]``, as beam search needs."""
        self._stored = {
            layer: (keys[rows], values[rows]) for layer, (keys, values) in self._stored.items()
        }


class Block(nn.Module):
    """Pre-norm causal self-attention and a feed-forward layer.

    Parameters
    ----------
    width : int
        Size of a hidden state.
    hidden : int
        Size of the feed-forward layer.
    heads : int
        Attention heads; divides `width`.
    dropout : float
        Share of activations dropped in training.
    """

    def __init__(self, width: int, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.attention_norm = nn.LayerNorm(width, bias=False)
        self.attention_in = nn.Linear(width, 3 * width, bias=False)
        self.attention_out = nn.Linear(width, width, bias=False)
        self.forward_norm = nn.LayerNorm(width, bias=False)
        self.forward_in = nn.Linear(width, hidden)
        self.forward_out = nn.Linear(hidden, width)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        cache: KeyValueCache | None = None,
        layer: int = 0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return the block's output, of the shape ``(B, T, W)`` of `x`."""
        query, key, value = self._by_head(self.attention_in(self.attention_norm(x)), 3)
        if cache is not None:
            key, value = cache.extend(layer, key, value)
        return self._after_attention(x, query, key, value, mask, generator)

    def forward_queries(
        self,
        x: Tensor,
        mask: Tensor,
        n_context: int,
        generator: torch.Generator | None,
        *,
        last: bool,
    ) -> Tensor:
        """Return the output where tokens attend to the first `n_context` tokens only.

        The last block leaves those out of its output: only the query tokens are needed.
        """
        normed, width = self.attention_norm(x), x.shape[-1]
        if last:
            x, attending, mask = x[:, n_context:], normed[:, n_context:], mask[..., n_context:, :]
        else:
            attending = normed
        (query,) = self._by_head(functional.linear(attending, self.attention_in.weight[:width]), 1)
        context = functional.linear(normed[:, :n_context], self.attention_in.weight[width:])
        key, value = self._by_head(context, 2)
        return self._after_attention(x, query, key, value, mask, generator)

    def _by_head(self, x: Tensor, parts: int) -> tuple[Tensor, ...]:
        """Return the parts of a projection, each of shape ``(B, H, T, W / H)``."""
        batch, length, width = x.shape
        split = x.view(batch, length, parts, self.heads, width // parts // self.heads)
        return split.permute(2, 0, 3, 1, 4).unbind(0)

    def _after_attention(
        self,
        x: Tensor,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        generator: torch.Generator | None,
    ) -> Tensor:
        # A single token attends to everything before it: no causal mask is needed.
        causal = mask is None and x.shape[1] > 1
        attended = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, is_causal=causal
        )
        attended = attended.transpose(1, 2).reshape(x.shape)
        x = x + self._drop(self.attention_out(attended), generator)
        inner = relu_squared(self.forward_in(self.forward_norm(x)))
        return x + self._drop(self.forward_out(inner), generator)

    def _drop(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Drop the same features at all tokens of a row: as good, and far fewer random draws."""
        if not (self.dropout and self.training):
            return x
        kept = x.new_empty(len(x), 1, x.shape[-1])
        kept.bernoulli_(1 - self.dropout, generator=generator)
        return x * kept.div_(1 - self.dropout)


def relu_squared(x: Tensor) -> Tensor:
    """Return ``relu(x) ** 2`` (So et al. 2021, Primer).

    Examples
    --------
    >>> relu_squared(torch.tensor([-1.0, 3.0])).tolist()
    [0.0, 9.0]
    """
    squared: Tensor = _ReLUSquared.apply(x)  # type: ignore[no-untyped-call]
    return squared


class _ReLUSquared(torch.autograd.Function):
    """One pass over memory each way; autograd's relu and square take two."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return ``relu(x) ** 2``."""
        positive = x.clamp_min(0)
        ctx.save_for_backward(positive)
        return positive * positive

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Return the gradient at `x`."""
        (positive,) = ctx.saved_tensors
        return torch.addcmul(positive.new_zeros(()), gradients[0], positive, value=2)


class Transformer(nn.Module):
    """A stack of causal blocks with a final norm.

    Parameters
    ----------
    width, hidden, layers, heads : int
        Size of a hidden state and of the feed-forward layers, number of blocks and of heads.
    dropout : float, default 0.1
        Share of activations dropped in training.
    generator : torch.Generator, optional
        Generator of the initial weights; torch's global one by default.

    Examples
    --------
    >>> Transformer(8, 16, layers=1, heads=2)(torch.zeros(1, 3, 8)).shape
    torch.Size([1, 3, 8])
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        layers: int,
        heads: int,
        dropout: float = 0.1,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        # On the meta device: torch's layers would initialize from the global generator.
        with torch.device("meta"):
            self.blocks = nn.ModuleList(Block(width, hidden, heads, dropout) for _ in range(layers))
            self.norm = nn.LayerNorm(width, bias=False)
        self.to_empty(device="cpu")
        for layer in self.modules():
            if isinstance(layer, nn.LayerNorm):
                nn.init.ones_(layer.weight)
            if isinstance(layer, nn.Linear):
                scale = layer.in_features**-0.5
                nn.init.uniform_(layer.weight, -scale, scale, generator)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        for block in self.blocks:
            # Residual branches start near zero, so a deep stack starts as a shallow one.
            for branch in (block.attention_out, block.forward_out):
                assert isinstance(branch, nn.Linear)
                nn.init.normal_(branch.weight, 0, 0.02 / (2 * layers) ** 0.5, generator)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        cache: KeyValueCache | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return hidden states.

        Parameters
        ----------
        x : Tensor of shape (B, T, W)
            Embeddings.
        mask : bool Tensor, optional
            True where a token may attend, of shape ``(T, T)`` or with batch and head dimensions
            before; causal by default.
        cache : KeyValueCache, optional
            Tokens before `x`; `x` is appended to it.
        generator : torch.Generator, optional
            Generator of the dropout; torch's global one by default.
        """
        for layer, block in enumerate(self.blocks):
            x = block(x, mask, cache, layer, generator)
        if cache is not None:
            cache.length += x.shape[1]
        return self.norm(x)

    def forward_queries(
        self, x: Tensor, mask: Tensor, n_context: int, generator: torch.Generator | None = None
    ) -> Tensor:
        """Return the hidden states of query tokens, which no other token attends to.

        Parameters
        ----------
        x : Tensor of shape (B, T, W)
            Embeddings: context tokens first, then query tokens.
        mask : bool Tensor of shape (B or 1, 1, T, n_context)
            True where a token may attend.
        n_context : int
            Number of context tokens.
        generator : torch.Generator, optional
            Generator of the dropout; torch's global one by default.

        Returns
        -------
        Tensor of shape (B, T - n_context, W)
        """
        for block in self.blocks:
            assert isinstance(block, Block)
            last = block is self.blocks[-1]
            x = block.forward_queries(x, mask, n_context, generator, last=last)
        return self.norm(x)

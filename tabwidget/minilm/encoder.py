"""The transformer under every minilm model: causal blocks from embeddings to hidden states."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Block", "Transformer", "relu_squared"]


class Block(nn.Module):
    """Pre-norm causal self-attention and a feed-forward layer.

    Parameters
    ----------
    width : int
        Size of a hidden state.
    hidden : int
        Size inside the feed-forward layer.
    heads : int
        Attention heads; divides `width`.
    dropout : float
        Share of activations dropped while training.
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

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the block's output, shape ``(batch, length, width)`` as its input."""
        batch, length, width = x.shape
        parts = self.attention_in(self.attention_norm(x))
        parts = parts.view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        attended = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, is_causal=mask is None
        )
        attended = attended.transpose(1, 2).reshape(batch, length, width)
        x = x + self._drop(self.attention_out(attended))
        inner = relu_squared(self.forward_in(self.forward_norm(x)))
        return x + self._drop(self.forward_out(inner))

    def _drop(self, x: Tensor) -> Tensor:
        """Drop the same features at all positions of a row: as good, and far fewer draws."""
        if not (self.dropout and self.training):
            return x
        kept = x.new_empty(len(x), 1, x.shape[-1]).bernoulli_(1 - self.dropout)
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
    """The layer is bound by memory; autograd's own relu and square go over it twice as often."""

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
        Size of a hidden state, of the feed-forward layer, and how many blocks and heads.
    dropout : float, default 0.1
        Share of activations dropped while training.

    Examples
    --------
    >>> Transformer(8, 16, layers=1, heads=2)(torch.zeros(1, 3, 8)).shape
    torch.Size([1, 3, 8])
    """

    def __init__(
        self, width: int, hidden: int, layers: int, heads: int, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, hidden, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width, bias=False)
        for block in self.blocks:
            # Residual branches start near zero, so a deep stack starts as a shallow one.
            for layer in (block.attention_out, block.forward_out):
                assert isinstance(layer, nn.Linear)
                nn.init.normal_(layer.weight, std=0.02 / (2 * layers) ** 0.5)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return hidden states.

        Parameters
        ----------
        x : Tensor of shape (batch, length, width)
            Embeddings.
        mask : bool Tensor of shape (length, length), optional
            True where a position may look; a causal mask if None.
        """
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)

"""The transformer under every minilm model: causal blocks from embeddings to hidden states."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Block", "Transformer"]


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
        self.attention_norm = nn.RMSNorm(width)
        self.attention_in = nn.Linear(width, 3 * width, bias=False)
        self.attention_out = nn.Linear(width, width, bias=False)
        self.forward_norm = nn.RMSNorm(width)
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
        inner = functional.relu(self.forward_in(self.forward_norm(x))).square()
        return x + self._drop(self.forward_out(inner))

    def _drop(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training) if self.dropout else x


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
        self.norm = nn.RMSNorm(width)
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

"""A minimal GPT and training loop in the style of nanoGPT, as the reference for speed.

Written after Karpathy's nanoGPT: pre-norm blocks, learned positions, GELU, tied head, AdamW with
weight decay on matrices only, gradients clipped at 1, and a cosine schedule.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["PlainGPT", "train_plain"]


class PlainBlock(nn.Module):
    """Causal self-attention and a feed-forward layer."""

    def __init__(self, width: int, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm_1, self.norm_2 = (nn.LayerNorm(width, bias=False) for _ in range(2))
        self.attention_in = nn.Linear(width, 3 * width, bias=False)
        self.attention_out = nn.Linear(width, width, bias=False)
        self.forward_in = nn.Linear(width, hidden, bias=False)
        self.forward_out = nn.Linear(hidden, width, bias=False)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return the output, of the shape of the input."""
        batch, length, width = x.shape
        parts = self.attention_in(self.norm_1(x)).split(width, dim=2)
        query, key, value = (
            part.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for part in parts
        )
        attended = functional.scaled_dot_product_attention(
            query, key, value, dropout_p=self.dropout if self.training else 0.0, is_causal=True
        )
        attended = attended.transpose(1, 2).contiguous().view(batch, length, width)
        x = x + self.drop(self.attention_out(attended))
        inner = functional.gelu(self.forward_in(self.norm_2(x)))
        out: Tensor = x + self.drop(self.forward_out(inner))
        return out


class PlainGPT(nn.Module):
    """A causal language model: token ids to next-token logits."""

    def __init__(
        self,
        vocab_size: int,
        width: int,
        hidden: int,
        layers: int,
        heads: int,
        length: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, width)
        self.positions = nn.Embedding(length, width)
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            PlainBlock(width, hidden, heads, dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width, bias=False)
        self.head = nn.Linear(width, vocab_size, bias=False)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                std = 0.02 / math.sqrt(2 * layers) if "_out" in name else 0.02
                nn.init.normal_(weight, std=std)
        self.head.weight = self.tokens.weight

    def forward(self, ids: Tensor) -> Tensor:
        """Return logits of the shape (batch, length, vocabulary)."""
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1], device=ids.device))
        x = self.drop(x)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.norm(x))
        return logits


def train_plain(model: PlainGPT, rows: Tensor, batch_size: int, epochs: int, rate: float) -> float:
    """Train on rows of token ids, one batch per step; return the last loss.

    Parameters
    ----------
    model : PlainGPT
        Trained in place.
    rows : int Tensor of shape (n, length)
        Token ids; `n` is a multiple of `batch_size`.
    batch_size, epochs : int
        Rows per step, and passes over all rows.
    rate : float
        Peak learning rate.
    """
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": weights, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}],
        lr=rate,
    )
    steps = epochs * len(rows) // batch_size
    generator = torch.Generator().manual_seed(0)
    model.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 + math.cos(math.pi * step / steps)) / 2
        batch = rows[torch.randint(len(rows), (batch_size,), generator=generator)]
        logits = model(batch[:, :-1])
        loss = functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())

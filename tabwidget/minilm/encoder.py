"""The encoder: token ids to contextual hidden states.

Shapes: B batch, T tokens, W width (``embedding_dim``), V vocabulary::

    h = Transformer(token_embedding[ids] + position_embedding[0 .. T - 1])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tabwidget.minilm.tokenizer import Tokenizer
from tabwidget.minilm.transformer import KeyValueCache, Transformer

__all__ = ["Encoder"]


class Encoder(nn.Module):
    """A causal transformer from token ids to contextual hidden states.

    Parameters
    ----------
    vocab_size : int
        Size of the vocabulary.
    embedding_dim : int, default 128
        Size of embeddings and hidden states; a multiple of `num_heads`.
    hidden_dim : int, default 256
        Size of the feed-forward layers.
    num_layers, num_heads : int, default 4
        Number of blocks, and of attention heads in each.
    dropout : float, default 0.1
        Share of activations dropped in training, in [0, 1).
    max_seq_length : int, default 512
        Longest sequence.

    Raises
    ------
    ValueError
        If a size is out of range.

    Examples
    --------
    >>> encoder = Encoder(vocab_size=9, embedding_dim=8, num_layers=1, num_heads=2)
    >>> encoder(torch.tensor([[1, 2, 3]])).shape
    torch.Size([1, 3, 8])
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_dim: int = 128,
        hidden_dim: int = 256,
        num_layers: int = 4,
        num_heads: int = 4,
        dropout: float = 0.1,
        max_seq_length: int = 512,
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "vocab_size": vocab_size,
            "embedding_dim": embedding_dim,
            "hidden_dim": hidden_dim,
            "num_layers": num_layers,
            "num_heads": num_heads,
            "dropout": dropout,
            "max_seq_length": max_seq_length,
        }
        for name, size in self.config.items():
            if name != "dropout" and (not isinstance(size, int) or size <= 0):
                raise ValueError(f"{name} must be an integer above 0, not {size!r}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, not {dropout!r}")
        if embedding_dim % num_heads:
            raise ValueError(
                f"embedding_dim={embedding_dim} is not a multiple of num_heads={num_heads}"
            )
        self.vocab_size, self.embedding_dim = vocab_size, embedding_dim
        self.max_seq_length = max_seq_length
        self.tokenizer: Tokenizer | None = None
        self.token_embedding = nn.Embedding(vocab_size, embedding_dim)
        self.position_embedding = nn.Embedding(max_seq_length, embedding_dim)
        self.dropout = nn.Dropout(dropout)
        self.transformer = Transformer(embedding_dim, hidden_dim, num_layers, num_heads, dropout)
        # The output layer is tied to the embeddings: at this scale, logits start at unit scale.
        nn.init.normal_(self.token_embedding.weight, std=embedding_dim**-0.5)
        nn.init.normal_(self.position_embedding.weight, std=embedding_dim**-0.5)

    def forward(
        self,
        token_ids: Tensor,
        attention_mask: Tensor | None = None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """Return hidden states.

        Parameters
        ----------
        token_ids : int Tensor of shape (B, T) or (T,)
            Below the size of the vocabulary.
        attention_mask : Tensor of the same shape, optional
            1 for a token, 0 for padding, which no token attends to; 1 by default.
        cache : KeyValueCache, optional
            The tokens before `token_ids`.

        Returns
        -------
        Tensor of shape (B, T, W)
        """
        token_ids = self._checked(token_ids)
        start = 0 if cache is None else cache.length
        length = token_ids.shape[1]
        if start + length > self.max_seq_length:
            raise ValueError(
                f"{start + length} tokens are more than max_seq_length={self.max_seq_length}"
            )
        mask = None
        if attention_mask is None and start and length > 1:
            attention_mask = torch.ones_like(token_ids)
        if attention_mask is not None:
            mask = _attention_mask(attention_mask.reshape(token_ids.shape), start)
        positions = torch.arange(start, start + length, device=token_ids.device)
        x = self.token_embedding(token_ids) + self.position_embedding(positions)
        return self.transformer(self.dropout(x), mask, cache)

    @torch.no_grad()
    def encode(
        self,
        text: str | None = None,
        token_ids: Sequence[int] | Tensor | None = None,
        return_embeddings: bool = True,
        attention_mask: Sequence[int] | Tensor | None = None,
        device: torch.device | None = None,
    ) -> Tensor:
        """Return contextual embeddings of one text or one sequence of ids, without dropout.

        Parameters
        ----------
        text : str, optional
            A text; needs `tokenizer`, which `LanguageModel` sets.
        token_ids : sequence of int, optional
            Instead of `text`.
        return_embeddings : bool, default True
            No effect: embeddings are always returned.
        attention_mask : sequence of int, optional
            1 for a token, 0 for padding.
        device : torch.device, optional
            Device of the result.

        Returns
        -------
        Tensor of shape (1, T, W)
        """
        if (text is None) == (token_ids is None):
            raise ValueError("give either text or token_ids, and not both")
        if text is not None:
            if self.tokenizer is None:
                raise ValueError("to encode a text, set encoder.tokenizer first")
            token_ids = self.tokenizer.encode(text)
        ids = torch.as_tensor(token_ids, device=self.token_embedding.weight.device)
        if ids.numel() == 0:
            raise ValueError("token_ids is empty: give at least one id")
        mask = (
            None if attention_mask is None else torch.as_tensor(attention_mask, device=ids.device)
        )
        if mask is not None and mask.numel() != ids.numel():
            raise ValueError(f"attention_mask has {mask.numel()} entries for {ids.numel()} tokens")
        training = self.training
        self.eval()
        try:
            hidden = self(ids, mask)
        finally:
            self.train(training)
        return hidden if device is None else hidden.to(device)

    @torch.no_grad()
    def get_embeddings(
        self, token_ids: Sequence[int] | Tensor, device: torch.device | None = None
    ) -> Tensor:
        """Return the token embeddings, without context, of shape ``(T, W)``."""
        ids = self._checked(torch.as_tensor(token_ids, device=self.token_embedding.weight.device))
        vectors: Tensor = self.token_embedding(ids[0])
        return vectors if device is None else vectors.to(device)

    def _checked(self, token_ids: Tensor) -> Tensor:
        """Return the ids as an int64 batch, all of them in the vocabulary."""
        if token_ids.ndim == 1:
            token_ids = token_ids[None]
        if token_ids.ndim != 2 or token_ids.numel() == 0:
            raise ValueError(f"token_ids has the shape {[*token_ids.shape]}, not (batch, length)")
        token_ids = token_ids.long()
        low, high = int(token_ids.min()), int(token_ids.max())
        if low < 0 or high >= self.vocab_size:
            wrong = low if low < 0 else high
            raise ValueError(f"token id {wrong} is not in the vocabulary of {self.vocab_size}")
        return token_ids


def _attention_mask(attention_mask: Tensor, start: int) -> Tensor:
    """Return the mask of each token: itself, and the tokens before it that are not padding."""
    length = attention_mask.shape[1]
    device = attention_mask.device
    causal = torch.ones(length, length, dtype=torch.bool, device=device).tril()
    # Padding attends to itself: a softmax over nothing would be NaN.
    within = causal & attention_mask[:, None].bool() | torch.eye(
        length, dtype=torch.bool, device=device
    )
    before = torch.ones(len(within), length, start, dtype=torch.bool, device=device)
    return torch.cat((before, within), dim=2)[:, None]

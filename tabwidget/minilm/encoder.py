"""The transformer under every minilm model, and the encoder that feeds it token ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tabwidget.minilm.tokenizer import Tokenizer

__all__ = ["Block", "Encoder", "KeyValueCache", "Transformer", "relu_squared"]


class KeyValueCache:
    """The keys and values of tokens that were read, so that none is read twice.

    Parameters
    ----------
    capacity : int
        Tokens that there is room for at first; of more a copy is made.

    Attributes
    ----------
    length : int
        Tokens read so far.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity, self.length = capacity, 0
        self._stored: dict[int, tuple[Tensor, Tensor]] = {}

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store the keys and values of new tokens in a layer, and return those of all so far.

        Parameters
        ----------
        layer : int
            Number of the block.
        key, value : Tensor of shape (batch, heads, new tokens, width of a head)
            What the block made of the new tokens.
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
        """Let row i be what row ``rows[i]`` was, as a beam search needs."""
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

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        cache: KeyValueCache | None = None,
        layer: int = 0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return the block's output, shape ``(batch, length, width)`` as its input."""
        query, key, value = self._by_head(self.attention_in(self.attention_norm(x)), 3)
        if cache is not None:
            key, value = cache.extend(layer, key, value)
        return self._after_attention(x, query, key, value, mask, generator)

    def ask(
        self,
        x: Tensor,
        mask: Tensor,
        seen: int,
        generator: torch.Generator | None,
        *,
        last: bool,
    ) -> Tensor:
        """Return the output where only the first `seen` positions are looked at.

        Of the last block that is all positions but these: nobody asks what became of them.
        """
        normed, width = self.attention_norm(x), x.shape[-1]
        if last:
            x, asking, mask = x[:, seen:], normed[:, seen:], mask[..., seen:, :]
        else:
            asking = normed
        (query,) = self._by_head(functional.linear(asking, self.attention_in.weight[:width]), 1)
        known = functional.linear(normed[:, :seen], self.attention_in.weight[width:])
        key, value = self._by_head(known, 2)
        return self._after_attention(x, query, key, value, mask, generator)

    def _by_head(self, x: Tensor, parts: int) -> tuple[Tensor, ...]:
        """Return the parts of a projection, each ``(batch, heads, length, width of a head)``."""
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
        # One new token sees everything before it: there is nothing to hide from it.
        causal = mask is None and x.shape[1] > 1
        attended = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, is_causal=causal
        )
        attended = attended.transpose(1, 2).reshape(x.shape)
        x = x + self._drop(self.attention_out(attended), generator)
        inner = relu_squared(self.forward_in(self.forward_norm(x)))
        return x + self._drop(self.forward_out(inner), generator)

    def _drop(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Drop the same features at all positions of a row: as good, and far fewer draws."""
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
    """A stack of causal blocks with a final norm: embeddings in, hidden states out.

    Parameters
    ----------
    width, hidden, layers, heads : int
        Size of a hidden state, of the feed-forward layer, and how many blocks and heads.
    dropout : float, default 0.1
        Share of activations dropped while training.
    generator : torch.Generator, optional
        Source of chance of the first weights; torch's own by default.

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
        # Made without weights: torch's layers would draw theirs from its own generator.
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
        x : Tensor of shape (batch, length, width)
            Embeddings.
        mask : bool Tensor, optional
            True where a position may look, shape ``(length, length)`` or with a batch and a head
            dimension before; a causal mask if None.
        cache : KeyValueCache, optional
            What was read before `x`; it takes in `x` as well.
        generator : torch.Generator, optional
            Source of chance of the dropout; torch's own by default.
        """
        for layer, block in enumerate(self.blocks):
            x = block(x, mask, cache, layer, generator)
        if cache is not None:
            cache.length += x.shape[1]
        return self.norm(x)

    def ask(
        self, x: Tensor, mask: Tensor, seen: int, generator: torch.Generator | None = None
    ) -> Tensor:
        """Return the hidden states of questions, which no other position looks at.

        Parameters
        ----------
        x : Tensor of shape (batch, length, width)
            Embeddings: what is read first, then the questions.
        mask : bool Tensor of shape (batch or 1, 1, length, seen)
            True where a position may look.
        seen : int
            How many positions are read; the others are questions.
        generator : torch.Generator, optional
            Source of chance of the dropout; torch's own by default.

        Returns
        -------
        Tensor of shape (batch, length - seen, width)
        """
        for block in self.blocks:
            assert isinstance(block, Block)
            x = block.ask(x, mask, seen, generator, last=block is self.blocks[-1])
        return self.norm(x)


class Encoder(nn.Module):
    """Token ids to contextual hidden states, each of its own token and those before it.

    Parameters
    ----------
    vocab_size : int
        Tokens in the vocabulary.
    embedding_dim : int, default 128
        Size of embeddings and hidden states; a multiple of `num_heads`.
    hidden_dim : int, default 256
        Size inside the feed-forward layers.
    num_layers, num_heads : int, default 4
        Blocks, and attention heads in each.
    dropout : float, default 0.1
        Share of activations dropped in training, in [0, 1).
    max_seq_length : int, default 512
        Longest sequence.

    Raises
    ------
    ValueError
        For a size out of range.

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
                raise ValueError(f"{name} must be a whole number above 0, not {size!r}")
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
        # The output layer is tied to the embeddings: so the logits begin at unit scale.
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
        token_ids : int Tensor of shape (batch, length) or (length,)
            Below the size of the vocabulary.
        attention_mask : Tensor of the same shape, optional
            1 for a token, 0 for padding, which nothing looks at; all tokens by default.
        cache : KeyValueCache, optional
            What was read before; `token_ids` are the tokens that follow.

        Returns
        -------
        Tensor of shape (batch, length, embedding_dim)
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
            mask = _visible(attention_mask.reshape(token_ids.shape), start)
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
        """Return contextual embeddings of one text or one sequence of ids, dropout off.

        Parameters
        ----------
        text : str, optional
            Needs `tokenizer`, which a `LanguageModel` sets.
        token_ids : sequence of int, optional
            Instead of `text`.
        return_embeddings : bool, default True
            For the sake of the documented signature; embeddings are always returned.
        attention_mask : sequence of int, optional
            1 for a token, 0 for padding.
        device : torch.device, optional
            Of the result.

        Returns
        -------
        Tensor of shape (1, length, embedding_dim)
        """
        if (text is None) == (token_ids is None):
            raise ValueError("give either text or token_ids, and not both")
        if text is not None:
            if self.tokenizer is None:
                raise ValueError("to encode a text, set encoder.tokenizer first")
            token_ids = self.tokenizer.encode(text)
        ids = torch.as_tensor(token_ids, device=self.token_embedding.weight.device)
        if ids.numel() == 0:
            raise ValueError("there are no token ids to encode")
        mask = (
            None if attention_mask is None else torch.as_tensor(attention_mask, device=ids.device)
        )
        if mask is not None and mask.numel() != ids.numel():
            raise ValueError(f"the mask has {mask.numel()} places for {ids.numel()} tokens")
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
        """Return the tokens' own vectors, without context, shape ``(length, embedding_dim)``."""
        ids = self._checked(torch.as_tensor(token_ids, device=self.token_embedding.weight.device))
        vectors: Tensor = self.token_embedding(ids[0])
        return vectors if device is None else vectors.to(device)

    def _checked(self, token_ids: Tensor) -> Tensor:
        """Return the ids as a batch of whole numbers, all of them in the vocabulary."""
        if token_ids.ndim == 1:
            token_ids = token_ids[None]
        if token_ids.ndim != 2 or token_ids.numel() == 0:
            raise ValueError(f"token ids have the shape (batch, length), not {[*token_ids.shape]}")
        token_ids = token_ids.long()
        low, high = int(token_ids.min()), int(token_ids.max())
        if low < 0 or high >= self.vocab_size:
            wrong = low if low < 0 else high
            raise ValueError(f"token id {wrong} is not in the vocabulary of {self.vocab_size}")
        return token_ids


def _visible(attention_mask: Tensor, start: int) -> Tensor:
    """Return what a position sees: itself, and the tokens before it that are no padding."""
    length = attention_mask.shape[1]
    device = attention_mask.device
    causal = torch.ones(length, length, dtype=torch.bool, device=device).tril()
    # Padding sees itself: a position that sees nothing has no average.
    seen = causal & attention_mask[:, None].bool() | torch.eye(
        length, dtype=torch.bool, device=device
    )
    before = torch.ones(len(seen), length, start, dtype=torch.bool, device=device)
    return torch.cat((before, seen), dim=2)[:, None]

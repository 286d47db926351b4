"""LanguageModel: next-token logits, losses, generation and checkpoints.

Shapes: B batch, T tokens, W width, V vocabulary. With the encoder's hidden state h::

    logits = E h + b        E the token embeddings, shape (V, W)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tabwidget.minilm.encoder import Encoder
from tabwidget.minilm.files import read_tensors, write_tensors
from tabwidget.minilm.tokenizer import Tokenizer
from tabwidget.minilm.transformer import KeyValueCache

__all__ = ["LanguageModel"]

VERSION = 1


class LanguageModel(nn.Module):
    """A decoder-only language model: an `Encoder` and an output layer tied to its embeddings.

    Parameters
    ----------
    encoder : Encoder
        The transformer.
    tokenizer : Tokenizer
        Its vocabulary must not be larger than the encoder's.
    model_type : {"decoder-only"}
        The only supported type.

    Attributes
    ----------
    is_trained : bool
        Whether `generate` may be called; set by `Trainer.train`.
    training_history : list of dict
        One entry per epoch, see `Trainer.train`.

    Raises
    ------
    ValueError
        If `model_type` is not supported, or the vocabulary is larger than the encoder's.

    Examples
    --------
    >>> tokenizer = Tokenizer(vocab_size=16)
    >>> tokenizer.fit(["to be or not to be"])
    >>> encoder = Encoder(16, embedding_dim=8, hidden_dim=16, num_layers=1, num_heads=2)
    >>> model = LanguageModel(encoder, tokenizer)
    >>> model(torch.tensor([tokenizer.encode("to be")])).shape
    torch.Size([1, 4, 16])
    """

    def __init__(
        self, encoder: Encoder, tokenizer: Tokenizer, model_type: str = "decoder-only"
    ) -> None:
        super().__init__()
        if model_type != "decoder-only":
            raise ValueError(f"model_type={model_type!r}: only 'decoder-only' is supported")
        needed = len(tokenizer) if tokenizer.is_fitted else tokenizer.vocab_size
        if needed > encoder.vocab_size:
            raise ValueError(
                f"the tokenizer has {needed} tokens, the encoder only {encoder.vocab_size}: "
                "create the encoder with vocab_size=tokenizer.vocab_size"
            )
        self.encoder, self.tokenizer, self.model_type = encoder, tokenizer, model_type
        encoder.tokenizer = tokenizer
        self.bias = nn.Parameter(torch.zeros(encoder.vocab_size))
        self.is_trained = False
        self.training_history: list[dict[str, Any]] = []

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """Return next-token logits.

        Parameters
        ----------
        input_ids : int Tensor of shape (B, T) or (T,)
            Token ids.
        attention_mask : Tensor of the same shape, optional
            1 for a token, 0 for padding.
        cache : KeyValueCache, optional
            The tokens before `input_ids`.

        Returns
        -------
        Tensor of shape (B, T, V)
        """
        return self._logits(self.encoder(input_ids, attention_mask, cache))

    def compute_loss(
        self,
        input_ids: Tensor | Sequence[int],
        target_ids: Tensor | Sequence[int],
        attention_mask: Tensor | Sequence[int] | None = None,
    ) -> Tensor:
        """Return the mean cross-entropy in nats per target token; padding is never a target.

        Parameters
        ----------
        input_ids, target_ids : int Tensor of shape (B, T), or a sequence
            Tokens, and the next token of each.
        attention_mask : Tensor or sequence of the same shape, optional
            1 where the input is a token.
        """
        device = self.bias.device
        inputs = torch.as_tensor(input_ids, device=device)
        targets = torch.as_tensor(target_ids, device=device).long().reshape(inputs.shape)
        mask = None if attention_mask is None else torch.as_tensor(attention_mask, device=device)
        # Padding on the right needs no mask: no token comes after it.
        hidden = self.encoder(inputs, mask if _padded_before(mask) else None)
        counted = (targets != self.tokenizer.pad_id).reshape(-1)
        if mask is not None:
            counted &= mask.reshape(-1).bool()
        hidden, targets, count = hidden.flatten(0, -2), targets.reshape(-1), int(counted.sum())
        if count < len(targets):  # indexing costs a copy
            hidden, targets = hidden[counted], targets[counted]
        total = functional.cross_entropy(self._logits(hidden), targets, reduction="sum")
        return total / max(1, count)

    def generate(
        self,
        prompt: str,
        max_length: int = 100,
        temperature: float = 1.0,
        top_k: int = 50,
        top_p: float = 0.95,
        do_sample: bool = True,
        num_beams: int = 1,
        device: torch.device | None = None,
        use_cache: bool = True,
    ) -> str:
        """Return a continuation of a prompt.

        Parameters
        ----------
        prompt : str
            Not empty.
        max_length : int, default 100
            Maximum number of tokens, prompt included.
        temperature : float, default 1.0
            Softmax temperature, above 0.
        top_k : int, default 50
            Sample among the k likeliest tokens.
        top_p : float, default 0.95
            Sample among the fewest tokens with this total probability, in (0, 1].
        do_sample : bool, default True
            False decodes greedily.
        num_beams : int, default 1
            Above 1: beam search with so many beams.
        device : torch.device, optional
            Device to move the model to; its present one by default.
        use_cache : bool, default True
            Cache keys and values.

        Returns
        -------
        str
            The prompt and its continuation.

        Raises
        ------
        RuntimeError
            If the model is not trained.
        ValueError
            If a setting is out of range.
        """
        if device is not None:
            self.to(device)
        ids = self._prompt_ids(prompt, max_length, temperature, top_k, top_p, num_beams)
        if num_beams > 1:
            ids += self._beam_search(ids, max_length, num_beams)
        else:
            sampling = (temperature, top_k, top_p) if do_sample else None
            ids += self._continuation(ids, max_length, sampling, use_cache)
        return self.tokenizer.decode(ids)

    def stream(
        self,
        prompt: str,
        max_length: int = 100,
        temperature: float = 1.0,
        top_k: int = 50,
        top_p: float = 0.95,
        do_sample: bool = True,
    ) -> Iterator[str]:
        """Yield the continuation that `generate` returns, piece by piece.

        Pieces are text: a character of several bytes is yielded once it is complete.
        """
        ids = self._prompt_ids(prompt, max_length, temperature, top_k, top_p)
        shown = self.tokenizer.decode(ids)
        sampling = (temperature, top_k, top_p) if do_sample else None
        for token in self._continuation(ids, max_length, sampling, use_cache=True):
            ids.append(token)
            text = self.tokenizer.decode(ids)
            if text.startswith(shown) and not text.endswith("\N{REPLACEMENT CHARACTER}"):
                yield text[len(shown) :]
                shown = text

    def save(self, path: str | Path) -> None:
        """Write weights, configuration, tokenizer and history to one safetensors file.

        Parameters
        ----------
        path : str or Path
            File name; folders are created. The format is safetensors whatever the suffix.
        """
        about = {
            "version": VERSION,
            "model_type": self.model_type,
            "encoder": self.encoder.config,
            "tokenizer": self.tokenizer.state(),
            "is_trained": self.is_trained,
            "training_history": self.training_history,
        }
        write_tensors(Path(path), self.state_dict(), {"minilm": about})

    @classmethod
    def load(cls, path: str | Path) -> LanguageModel:
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged or of another format.
        """
        weights, metadata = read_tensors(Path(path))
        about = metadata.get("minilm", {})
        if about.get("version", 0) > VERSION:
            raise ValueError(f"{str(path)!r} was written by a newer version: upgrade tabwidget")
        try:
            encoder = Encoder(**about["encoder"])
            model = cls(encoder, Tokenizer.from_state(about["tokenizer"]), about["model_type"])
            model.load_state_dict(weights)
        except (KeyError, TypeError, RuntimeError) as error:
            raise ValueError(f"{str(path)!r} is not a minilm model ({error})") from error
        model.is_trained = about["is_trained"]
        model.training_history = about["training_history"]
        return model.eval()

    def _logits(self, hidden: Tensor) -> Tensor:
        return functional.linear(hidden, self.encoder.token_embedding.weight, self.bias)

    def _prompt_ids(
        self,
        prompt: str,
        max_length: int,
        temperature: float,
        top_k: int,
        top_p: float,
        num_beams: int = 1,
    ) -> list[int]:
        """Check the settings, and return the ids of the prompt with BOS and without EOS."""
        if not self.is_trained:
            raise RuntimeError("the model is not trained: train it, or set is_trained = True")
        if not isinstance(prompt, str) or not prompt:
            raise ValueError(f"prompt must have at least one character, not {prompt!r}")
        for name, value in {
            "max_length": max_length,
            "top_k": top_k,
            "num_beams": num_beams,
        }.items():
            if not isinstance(value, int) or value <= 0:
                raise ValueError(f"{name} must be an integer above 0, not {value!r}")
        if temperature <= 0:
            raise ValueError(f"temperature must be above 0, not {temperature!r}")
        if not 0 < top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, not {top_p!r}")
        ids = [self.tokenizer.bos_id, *self.tokenizer.encode(prompt, add_special_tokens=False)]
        if len(ids) > min(max_length, self.encoder.max_seq_length):
            raise ValueError(
                f"the prompt has {len(ids)} tokens, more than max_length={max_length} or "
                f"max_seq_length={self.encoder.max_seq_length} allow"
            )
        return ids

    @torch.no_grad()
    def _continuation(
        self,
        ids: list[int],
        max_length: int,
        sampling: tuple[float, int, float] | None,
        use_cache: bool,
    ) -> Iterator[int]:
        """Yield token after token until EOS or the maximum length."""
        ids_read = list(ids)
        limit = min(max_length, self.encoder.max_seq_length)
        cache = KeyValueCache(limit) if use_cache else None
        fresh = ids_read
        while len(ids_read) < limit:
            with _evaluation_mode(self):
                logits = self(torch.tensor([fresh], device=self.bias.device), cache=cache)[0, -1]
            token = self._choose(logits, sampling)
            if token == self.tokenizer.eos_id:
                return
            yield token
            ids_read.append(token)
            fresh = ids_read[-1:] if use_cache else ids_read

    def _choose(self, logits: Tensor, sampling: tuple[float, int, float] | None) -> int:
        logits = self._allowed(logits)
        if sampling is None:
            return int(logits.argmax())
        temperature, top_k, top_p = sampling
        best, tokens = (logits / temperature).topk(min(top_k, len(logits)))
        p = best.softmax(-1)
        # The fewest that reach top_p: those with less than top_p before them.
        p = torch.where(p.cumsum(-1) - p < top_p, p, 0)
        return int(tokens[torch.multinomial(p, 1)])

    def _allowed(self, logits: Tensor) -> Tensor:
        """Mask the logits of tokens that no text contains."""
        size = len(self.tokenizer)
        out = logits.clone()
        out[..., size:] = -torch.inf
        out[..., [self.tokenizer.pad_id, self.tokenizer.bos_id, self.tokenizer.unk_id]] = -torch.inf
        return out

    @torch.no_grad()
    def _beam_search(self, ids: list[int], max_length: int, beams: int) -> list[int]:
        """Return the finished continuation with the highest mean log-probability per token."""
        limit = min(max_length, self.encoder.max_seq_length)
        cache = KeyValueCache(limit)
        fresh = torch.tensor([ids], device=self.bias.device)
        scores = torch.zeros(1, device=self.bias.device)
        finished: list[tuple[float, list[int]]] = []
        paths: list[list[int]] = [[]]
        while len(ids) + len(paths[0]) < limit:
            with _evaluation_mode(self):
                steps = self._allowed(self(fresh, cache=cache)[:, -1]).log_softmax(-1)
            total = (scores[:, None] + steps).flatten()
            # Twice as many as needed, since up to half of them may end here.
            best, at = total.topk(min(2 * beams, len(total)))
            kept: list[tuple[float, int, int]] = []
            for rank, (score, index) in enumerate(zip(best.tolist(), at.tolist(), strict=True)):
                row, token = divmod(index, steps.shape[1])
                if token != self.tokenizer.eos_id:
                    kept.append((score, row, token))
                elif rank < beams:
                    finished.append((score / (len(paths[row]) + 1), paths[row]))
            kept = [one for one in kept[:beams] if one[0] > -torch.inf]
            finished = sorted(finished, key=lambda pair: -pair[0])[:beams]
            length = len(paths[0]) + 1
            # Stop once no open beam can beat the worst finished one.
            if not kept or (len(finished) == beams and kept[0][0] / length <= finished[-1][0]):
                break
            rows = torch.tensor([row for _, row, _ in kept], device=self.bias.device)
            cache.reorder(rows)
            paths = [[*paths[row], token] for _, row, token in kept]
            scores = torch.tensor([score for score, _, _ in kept], device=self.bias.device)
            fresh = torch.tensor([[token] for _, _, token in kept], device=self.bias.device)
        else:
            # At the maximum length, open beams count as finished.
            open_ = zip(scores.tolist(), paths, strict=True)
            finished += [(score / max(1, len(path)), path) for score, path in open_]
        return max(finished, key=lambda pair: pair[0], default=(0.0, []))[1]


class _evaluation_mode:
    """Evaluation mode within a ``with`` block."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def __enter__(self) -> None:
        self.training = self.model.training
        self.model.eval()

    def __exit__(self, *error: object) -> None:
        self.model.train(self.training)


def _padded_before(mask: Tensor | None) -> bool:
    """Return whether padding comes before a token."""
    if mask is None:
        return False
    present = mask.reshape(-1, mask.shape[-1]).bool()
    return bool((present[:, 1:] & ~present[:, :-1]).any())

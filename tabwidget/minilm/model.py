"""LanguageModel: next-token logits, losses, generation and checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tabwidget.minilm.encoder import Encoder, KeyValueCache
from tabwidget.minilm.files import read_tensors, write_tensors
from tabwidget.minilm.tokenizer import Tokenizer

__all__ = ["LanguageModel"]

VERSION = 1


class LanguageModel(nn.Module):
    """An `Encoder` with an output layer, tied to its embeddings, over a `Tokenizer`'s vocabulary.

    Parameters
    ----------
    encoder : Encoder
        What reads the tokens.
    tokenizer : Tokenizer
        What makes them. Its vocabulary must fit the encoder's.
    model_type : {"decoder-only"}
        The only kind there is.

    Attributes
    ----------
    is_trained : bool
        Whether `generate` may be called; set by `Trainer.train`.
    training_history : list of dict
        One entry an epoch, see `Trainer.train`.

    Raises
    ------
    ValueError
        For another `model_type`, or a vocabulary that does not fit.

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
                "make the encoder with vocab_size=tokenizer.vocab_size"
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
        input_ids : int Tensor of shape (batch, length) or (length,)
            Token ids.
        attention_mask : Tensor of the same shape, optional
            1 for a token, 0 for padding.
        cache : KeyValueCache, optional
            What was read before.

        Returns
        -------
        Tensor of shape (batch, length, vocab_size)
        """
        return self._logits(self.encoder(input_ids, attention_mask, cache))

    def compute_loss(
        self,
        input_ids: Tensor | Sequence[int],
        target_ids: Tensor | Sequence[int],
        attention_mask: Tensor | Sequence[int] | None = None,
    ) -> Tensor:
        """Return the mean cross-entropy in nats a target token; padding is never a target.

        Parameters
        ----------
        input_ids, target_ids : int Tensor of shape (batch, length), or a sequence
            Tokens, and the token that follows each.
        attention_mask : Tensor or sequence of the same shape, optional
            1 where the input is a token.
        """
        device = self.bias.device
        inputs = torch.as_tensor(input_ids, device=device)
        targets = torch.as_tensor(target_ids, device=device).long().reshape(inputs.shape)
        mask = None if attention_mask is None else torch.as_tensor(attention_mask, device=device)
        # After padding on the right there is nothing to hide: no token stands behind it.
        hidden = self.encoder(inputs, mask if _padded_before(mask) else None)
        counted = (targets != self.tokenizer.pad_id).reshape(-1)
        if mask is not None:
            counted &= mask.reshape(-1).bool()
        hidden, targets, count = hidden.flatten(0, -2), targets.reshape(-1), int(counted.sum())
        if count < len(targets):  # picking rows costs a copy there and back
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
        """Go on with a text.

        Parameters
        ----------
        prompt : str
            Not empty.
        max_length : int, default 100
            Most tokens, those of the prompt included.
        temperature : float, default 1.0
            Above 0; below 1 the likely tokens are drawn more often.
        top_k : int, default 50
            Draw among so many of the likeliest tokens.
        top_p : float, default 0.95
            Draw among the fewest tokens that hold this much probability, in (0, 1].
        do_sample : bool, default True
            False takes the likeliest token each time.
        num_beams : int, default 1
            Above 1 the likeliest whole continuation is searched for, so many at a time.
        device : torch.device, optional
            Where to compute; where the model is by default.
        use_cache : bool, default True
            Keep keys and values, so that no token is read twice.

        Returns
        -------
        str
            The prompt and what follows it.

        Raises
        ------
        RuntimeError
            If the model was not trained.
        ValueError
            For a setting out of range.
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
        """Yield what `generate` appends to the prompt, piece by piece as it comes.

        Pieces are text: of a letter of several bytes nothing is yielded before its last.
        """
        ids = self._prompt_ids(prompt, max_length, temperature, top_k, top_p)
        told = self.tokenizer.decode(ids)
        sampling = (temperature, top_k, top_p) if do_sample else None
        for token in self._continuation(ids, max_length, sampling, use_cache=True):
            ids.append(token)
            text = self.tokenizer.decode(ids)
            if text.startswith(told) and not text.endswith("\N{REPLACEMENT CHARACTER}"):
                yield text[len(told) :]
                told = text

    def save(self, path: str | Path) -> None:
        """Write weights, sizes, tokenizer and history as one safetensors file.

        Parameters
        ----------
        path : str or Path
            Any name; folders are made. The file is safetensors whatever its ending.
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
            If it holds something else, or a part of it only.
        """
        weights, metadata = read_tensors(Path(path))
        about = metadata.get("minilm", {})
        if about.get("version", 0) > VERSION:
            raise ValueError(f"{str(path)!r} was written by a newer version")
        try:
            encoder = Encoder(**about["encoder"])
            model = cls(encoder, Tokenizer.from_state(about["tokenizer"]), about["model_type"])
            model.load_state_dict(weights)
        except (KeyError, TypeError, RuntimeError) as error:
            raise ValueError(f"{str(path)!r} does not hold a minilm model ({error})") from error
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
        """Return the prompt with a beginning and no end, or the model would have to start anew.

        All settings are checked first.
        """
        if not self.is_trained:
            raise RuntimeError("the model was not trained: train it, or set is_trained = True")
        if not isinstance(prompt, str) or not prompt:
            raise ValueError(f"the prompt is a text of at least one character, not {prompt!r}")
        for name, value in {
            "max_length": max_length,
            "top_k": top_k,
            "num_beams": num_beams,
        }.items():
            if not isinstance(value, int) or value <= 0:
                raise ValueError(f"{name} must be a whole number above 0, not {value!r}")
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
        """Yield one token after the other until the end token or the longest length."""
        read = list(ids)
        limit = min(max_length, self.encoder.max_seq_length)
        cache = KeyValueCache(limit) if use_cache else None
        fresh = read
        while len(read) < limit:
            with _evaluating(self):
                logits = self(torch.tensor([fresh], device=self.bias.device), cache=cache)[0, -1]
            token = self._choose(logits, sampling)
            if token == self.tokenizer.eos_id:
                return
            yield token
            read.append(token)
            fresh = read[-1:] if use_cache else read

    def _choose(self, logits: Tensor, sampling: tuple[float, int, float] | None) -> int:
        logits = self._allowed(logits)
        if sampling is None:
            return int(logits.argmax())
        temperature, top_k, top_p = sampling
        best, tokens = (logits / temperature).topk(min(top_k, len(logits)))
        p = best.softmax(-1)
        # As many as hold top_p: those before which less than that was found.
        p = torch.where(p.cumsum(-1) - p < top_p, p, 0)
        return int(tokens[torch.multinomial(p, 1)])

    def _allowed(self, logits: Tensor) -> Tensor:
        """Return the logits without tokens that no text holds."""
        known = len(self.tokenizer)
        out = logits.clone()
        out[..., known:] = -torch.inf
        out[..., [self.tokenizer.pad_id, self.tokenizer.bos_id, self.tokenizer.unk_id]] = -torch.inf
        return out

    @torch.no_grad()
    def _beam_search(self, ids: list[int], max_length: int, beams: int) -> list[int]:
        """Return the continuation with the highest mean log-probability a token that was found."""
        limit = min(max_length, self.encoder.max_seq_length)
        cache = KeyValueCache(limit)
        fresh = torch.tensor([ids], device=self.bias.device)
        scores = torch.zeros(1, device=self.bias.device)
        found: list[tuple[float, list[int]]] = []
        paths: list[list[int]] = [[]]
        while len(ids) + len(paths[0]) < limit:
            with _evaluating(self):
                steps = self._allowed(self(fresh, cache=cache)[:, -1]).log_softmax(-1)
            total = (scores[:, None] + steps).flatten()
            # Twice as many as needed, since up to half of them end here.
            best, at = total.topk(min(2 * beams, len(total)))
            kept: list[tuple[float, int, int]] = []
            for rank, (score, index) in enumerate(zip(best.tolist(), at.tolist(), strict=True)):
                row, token = divmod(index, steps.shape[1])
                if token != self.tokenizer.eos_id:
                    kept.append((score, row, token))
                elif rank < beams:
                    found.append((score / (len(paths[row]) + 1), paths[row]))
            kept = [one for one in kept[:beams] if one[0] > -torch.inf]
            found = sorted(found, key=lambda pair: -pair[0])[:beams]
            length = len(paths[0]) + 1
            # What is open must be able to beat the worst that was found.
            if not kept or (len(found) == beams and kept[0][0] / length <= found[-1][0]):
                break
            rows = torch.tensor([row for _, row, _ in kept], device=self.bias.device)
            cache.reorder(rows)
            paths = [[*paths[row], token] for _, row, token in kept]
            scores = torch.tensor([score for score, _, _ in kept], device=self.bias.device)
            fresh = torch.tensor([[token] for _, _, token in kept], device=self.bias.device)
        else:
            # At the longest length what is open is as good as ended.
            open_ = zip(scores.tolist(), paths, strict=True)
            found += [(score / max(1, len(path)), path) for score, path in open_]
        return max(found, key=lambda pair: pair[0], default=(0.0, []))[1]


class _evaluating:
    """Turns dropout off meanwhile."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def __enter__(self) -> None:
        self.training = self.model.training
        self.model.eval()

    def __exit__(self, *error: object) -> None:
        self.model.train(self.training)


def _padded_before(mask: Tensor | None) -> bool:
    """Return whether some padding stands before a token."""
    if mask is None:
        return False
    present = mask.reshape(-1, mask.shape[-1]).bool()
    return bool((present[:, 1:] & ~present[:, :-1]).any())

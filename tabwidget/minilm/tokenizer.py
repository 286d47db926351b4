"""Tokenizer: text to token ids and back, by words or by bytes."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

__all__ = ["Tokenizer"]

Pair = tuple[int, int]

N_BYTES = 256


class Tokenizer:
    """A vocabulary fitted to texts, and the encoding by it.

    Words are separated by whitespace; a word outside the vocabulary becomes the unknown token. The
    byte level is byte-pair encoding (Sennrich et al. 2016): any text is encoded without loss by the
    256 bytes and the most frequent merges.

    Parameters
    ----------
    vocab_size : int, default 10000
        Maximum vocabulary size, special tokens included.
    pad_token, unk_token, bos_token, eos_token : str
        Special tokens, all different; ids 0 to 3.
    level : {"word", "byte"}, default "word"
        Words, or byte-pair encoding.

    Attributes
    ----------
    word_to_id : dict of str to int
        The vocabulary. A byte token is written as its Latin-1 characters.
    id_to_word : dict of int to str
        Its inverse.

    Raises
    ------
    ValueError
        If `vocab_size` is too small, or special tokens are empty or equal.

    Examples
    --------
    >>> tokenizer = Tokenizer(vocab_size=64)
    >>> tokenizer.fit(["a small step", "a giant leap"])
    >>> tokenizer.decode(tokenizer.encode("a small leap"))
    'a small leap'
    >>> tokenizer.decode(tokenizer.encode("a great leap"))
    'a <UNK> leap'
    """

    def __init__(
        self,
        vocab_size: int = 10000,
        pad_token: str = "<PAD>",
        unk_token: str = "<UNK>",
        bos_token: str = "<BOS>",
        eos_token: str = "<EOS>",
        level: Literal["word", "byte"] = "word",
    ) -> None:
        special = [pad_token, unk_token, bos_token, eos_token]
        if level not in ("word", "byte"):
            raise ValueError(f"level={level!r} must be 'word' or 'byte'")
        for token in special:
            if not isinstance(token, str) or not token:
                raise ValueError(f"a special token must have at least one character, not {token!r}")
        if len(set(special)) < len(special):
            raise ValueError(f"special tokens must differ: {special}")
        min_size = len(special) + (N_BYTES if level == "byte" else 1)
        if isinstance(vocab_size, bool) or not isinstance(vocab_size, int) or vocab_size <= 0:
            raise ValueError(f"vocab_size must be an integer above 0, not {vocab_size!r}")
        if vocab_size < min_size:
            raise ValueError(f"vocab_size={vocab_size} is too small: {level}s need {min_size}")
        self.vocab_size = vocab_size
        self.pad_token, self.unk_token = pad_token, unk_token
        self.bos_token, self.eos_token = bos_token, eos_token
        self.level = level
        self.pad_id, self.unk_id, self.bos_id, self.eos_id = range(4)
        self.word_to_id: dict[str, int] = {}
        self.id_to_word: dict[int, str] = {}
        self._merges: dict[Pair, int] = {}

    @property
    def special_tokens(self) -> list[str]:
        """PAD, UNK, BOS and EOS, in the order of their ids."""
        return [self.pad_token, self.unk_token, self.bos_token, self.eos_token]

    @property
    def is_fitted(self) -> bool:
        """Whether the vocabulary is fitted."""
        return bool(self.word_to_id)

    def __len__(self) -> int:
        return len(self.id_to_word)

    def fit(self, texts: Sequence[str], min_frequency: int = 2) -> None:
        """Fit the vocabulary.

        Parameters
        ----------
        texts : sequence of str
            At least one, none of them blank.
        min_frequency : int, default 2
            Minimum frequency of a pair to be merged, at the byte level.

        Raises
        ------
        ValueError
            If there are no texts, or one is blank.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        if not texts:
            raise ValueError("texts is empty: give at least one text")
        for place, text in enumerate(texts):
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"text {place} must be a text that is not blank, not {text!r}")
        if self.level == "byte":
            self._fit_bytes(texts, min_frequency)
            return
        counts = Counter(word for text in texts for word in text.split())
        for token in self.special_tokens:
            counts.pop(token, None)
        # Ties are broken alphabetically, so that the vocabulary is deterministic.
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        self._set_vocabulary(ranked[: self.vocab_size - len(self.special_tokens)])

    def tokenize(self, text: str) -> list[str]:
        """Return the tokens of a text as strings.

        Examples
        --------
        >>> Tokenizer().tokenize("tokenize  this")
        ['tokenize', 'this']
        """
        self._check_text(text)
        if self.level == "word":
            return text.split()
        self._check_fitted()
        return [self.id_to_word[i] for i in self._byte_ids(text)]

    def encode(
        self,
        text: str,
        add_special_tokens: bool = True,
        max_length: int | None = None,
        padding: bool = False,
        truncation: bool = False,
    ) -> list[int]:
        """Return the token ids of a text.

        Parameters
        ----------
        text : str
            Not empty.
        add_special_tokens : bool, default True
            Add BOS before and EOS after the text.
        max_length : int, optional
            Maximum number of ids.
        padding : bool, default False
            Pad up to `max_length`.
        truncation : bool, default False
            Truncate at `max_length`, keeping EOS; otherwise a longer text is an error.

        Raises
        ------
        ValueError
            If the text is empty or too long, or before `fit`.
        """
        self._check_text(text)
        self._check_fitted()
        if max_length is not None and max_length <= 0:
            raise ValueError(f"max_length must be above 0, not {max_length}")
        if self.level == "byte":
            ids = self._byte_ids(text)
        else:
            # A word that looks like a special token is not one: texts are untrusted.
            known = (self.word_to_id.get(word, self.unk_id) for word in text.split())
            ids = [i if i > self.eos_id else self.unk_id for i in known]
        if add_special_tokens:
            ids = [self.bos_id, *ids, self.eos_id]
        if max_length is not None and len(ids) > max_length:
            if not truncation:
                raise ValueError(
                    f"the text has {len(ids)} tokens, more than max_length={max_length}: "
                    "set truncation=True, or raise max_length"
                )
            end = [self.eos_id] if add_special_tokens and max_length > 1 else []
            ids = ids[: max_length - len(end)] + end
        if padding and max_length is not None:
            ids = ids + [self.pad_id] * (max_length - len(ids))
        return ids

    def decode(self, token_ids: Iterable[int], skip_special_tokens: bool = True) -> str:
        """Return the text of token ids.

        Parameters
        ----------
        token_ids : iterable of int
            At least one, none negative. Ids beyond the vocabulary are unknown tokens.
        skip_special_tokens : bool, default True
            Leave out PAD, BOS and EOS.
        """
        self._check_fitted()
        ids = [int(i) for i in token_ids]
        if not ids:
            raise ValueError("token_ids is empty: give at least one id")
        if min(ids) < 0:
            raise ValueError(f"token ids must not be negative: {min(ids)}")
        if skip_special_tokens:
            ids = [i for i in ids if i not in (self.pad_id, self.bos_id, self.eos_id)]
        words = [self.id_to_word.get(i, self.unk_token) for i in ids]
        if self.level == "word":
            return " ".join(words)
        special = len(self.special_tokens)
        parts = (
            word.encode() if i < special or i not in self.id_to_word else word.encode("latin-1")
            for i, word in zip(ids, words, strict=True)
        )
        return b"".join(parts).decode("utf-8", errors="replace")

    def state(self) -> dict[str, Any]:
        """Return the tokenizer as a JSON object."""
        pairs = [[*pair, new] for pair, new in self._merges.items()]
        words = [self.id_to_word[i] for i in range(len(self))][len(self.special_tokens) :]
        return {
            "vocab_size": self.vocab_size,
            "special_tokens": self.special_tokens,
            "level": self.level,
            "words": words if self.level == "word" else [],
            "merges": pairs,
            "fitted": self.is_fitted,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Tokenizer:
        """Return the tokenizer that `state` returned."""
        pad, unk, bos, eos = state["special_tokens"]
        tokenizer = cls(state["vocab_size"], pad, unk, bos, eos, state["level"])
        if not state["fitted"]:
            return tokenizer
        tokenizer._merges = {(left, right): new for left, right, new in state["merges"]}
        if tokenizer.level == "byte":
            tokenizer._set_vocabulary(tokenizer._byte_words())
        else:
            tokenizer._set_vocabulary(state["words"])
        return tokenizer

    def save(self, path: str | Path) -> None:
        """Write the tokenizer as JSON."""
        Path(path).write_text(json.dumps(self.state(), ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """Read what `save` wrote."""
        state = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(state, dict) or not {"vocab_size", "words", "merges"} <= set(state):
            raise ValueError(f"{str(path)!r} does not hold a tokenizer")
        return cls.from_state(state)

    def _set_vocabulary(self, words: Sequence[str]) -> None:
        self.id_to_word = dict(enumerate([*self.special_tokens, *words]))
        self.word_to_id = {word: i for i, word in self.id_to_word.items()}

    def _check_fitted(self) -> None:
        if not self.is_fitted:
            raise ValueError("the tokenizer has no vocabulary yet: call fit(texts) first")

    def _check_text(self, text: str) -> None:
        if not isinstance(text, str) or not text:
            raise ValueError(f"the text must have at least one character, not {text!r}")

    def _fit_bytes(self, texts: Sequence[str], min_frequency: int) -> None:
        """Merge the most frequent pair of tokens until the vocabulary is full."""
        counts = Counter(tuple(self._plain_bytes(part)) for text in texts for part in _parts(text))
        words, weights = [list(word) for word in counts], list(counts.values())
        pairs: Counter[Pair] = Counter()
        users: defaultdict[Pair, set[int]] = defaultdict(set)

        def count(place: int, sign: int) -> None:
            for pair in pairwise(words[place]):
                pairs[pair] += sign * weights[place]
                users[pair].add(place)

        for place in range(len(words)):
            count(place, 1)
        self._merges = {}
        for new in range(len(self.special_tokens) + N_BYTES, self.vocab_size):
            best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
            if best is None or pairs[best] < min_frequency:
                break
            self._merges[best] = new
            # Only the words with this pair change, so only their pairs are recounted.
            for place in users.pop(best):
                count(place, -1)
                words[place] = _merged(words[place], best, new)
                count(place, 1)
            del pairs[best]
        self._set_vocabulary(self._byte_words())

    def _byte_words(self) -> list[str]:
        """Return all byte tokens, as Latin-1 characters, in the order of their ids."""
        special = len(self.special_tokens)
        words = [bytes([value]).decode("latin-1") for value in range(N_BYTES)]
        for left, right in self._merges:
            words.append(words[left - special] + words[right - special])
        return words

    def _plain_bytes(self, text: str) -> list[int]:
        # Lone surrogates cannot be encoded and are replaced.
        return [len(self.special_tokens) + b for b in text.encode("utf-8", errors="replace")]

    def _byte_ids(self, text: str) -> list[int]:
        return [i for part in _parts(text) for i in self._merged_ids(part)]

    def _merged_ids(self, part: str) -> list[int]:
        ids = self._plain_bytes(part)
        while len(ids) > 1:
            # Merges apply in the order in which they were fitted.
            best = min(pairwise(ids), key=lambda pair: self._merges.get(pair, self.vocab_size))
            if best not in self._merges:
                break
            ids = _merged(ids, best, self._merges[best])
        return ids


def _parts(text: str) -> list[str]:
    """Split a text before each run of whitespace: merges do not cross words."""
    parts, start = [], 0
    for i in range(1, len(text)):
        if text[i].isspace() and not text[i - 1].isspace():
            parts.append(text[start:i])
            start = i
    return [*parts, text[start:]]


def _merged(ids: list[int], pair: Pair, new: int) -> list[int]:
    """Return the ids with every occurrence of a pair replaced."""
    out, i = [], 0
    while i < len(ids):
        if i + 1 < len(ids) and (ids[i], ids[i + 1]) == pair:
            out.append(new)
            i += 2
        else:
            out.append(ids[i])
            i += 1
    return out

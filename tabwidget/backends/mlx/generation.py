"""Convert prompts and sampling options to the arguments of mlx-lm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tabwidget.errors import ConfigError, require

__all__ = ["Prompt", "prompt_ids", "sampling"]

Prompt = str | Sequence[int] | Sequence[Mapping[str, str]]


def prompt_ids(tokenizer: Any, prompt: Prompt, chat: bool) -> list[int]:
    """Return the token ids of a prompt.

    Parameters
    ----------
    tokenizer : mlx_lm.tokenizer_utils.TokenizerWrapper
        The model's tokenizer.
    prompt : str, list of dict or list of int
        A text, messages with ``role`` and ``content``, or token ids.
    chat : bool
        Whether to apply the chat template to a text, if there is one.
    """
    if isinstance(prompt, str):
        if not (chat and tokenizer.has_chat_template):
            # As mlx-lm does: special tokens are added unless the text has them.
            has_bos = tokenizer.bos_token is not None and prompt.startswith(tokenizer.bos_token)
            return list(tokenizer.encode(prompt, add_special_tokens=not has_bos))
        prompt = [{"role": "user", "content": prompt}]
    if not any(isinstance(part, Mapping) for part in prompt):
        return list(prompt)  # type: ignore[arg-type]
    if not tokenizer.has_chat_template:
        raise ConfigError(
            "the model has no chat template: give the prompt as a text, not as messages"
        )
    return list(tokenizer.apply_chat_template(list(prompt), add_generation_prompt=True))


def sampling(
    *,
    temperature: float = 0.0,
    top_p: float = 1.0,
    top_k: int = 0,
    min_p: float = 0.0,
    repetition_penalty: float | None = None,
    sampler: Callable[[Any], Any] | None = None,
    logits_processors: Sequence[Callable[[Any, Any], Any]] | None = None,
    **others: Any,
) -> dict[str, Any]:
    """Return a sampler, logits processors and all other options as mlx-lm takes them."""
    utils = require("mlx_lm.sample_utils", "mlx")
    default = utils.make_sampler(temp=temperature, top_p=top_p, top_k=top_k, min_p=min_p)
    processors = utils.make_logits_processors(repetition_penalty=repetition_penalty)
    return {
        "sampler": sampler or default,
        "logits_processors": [*processors, *(logits_processors or ())],
        **others,
    }

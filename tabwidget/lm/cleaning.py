"""Cleaning: language models that write what the recursive data cleaner asks for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Gt, Le

from tabwidget.config import ModelConfig, NonNegative, Positive, PositiveInt
from tabwidget.errors import ConfigError, require
from tabwidget.params import Config

if TYPE_CHECKING:
    from tabwidget.backends.mlx import MLXBackend

__all__ = ["Sampling", "TextBackend", "create_hf_backend", "create_mlx_backend"]

LOOK_BACK = 20  # tokens, as mlx-lm does


class TextBackend:
    """What writes a text after a prompt, as the cleaner's protocol ``LLMBackend`` has it.

    Parameters
    ----------
    completer : callable
        ``(prompt) -> text``. Where its text begins with the prompt, the prompt is taken off.

    Examples
    --------
    >>> backend = TextBackend(lambda prompt: prompt + " Paris.")
    >>> backend.generate("The capital of France is")
    ' Paris.'

    It goes where the cleaner takes a backend::

        from recursive_cleaner import DataCleaner

        DataCleaner(llm_backend=backend, file_path="data.jsonl").run()
    """

    def __init__(self, completer: Callable[[str], str]) -> None:
        self.completer = completer

    def generate(self, prompt: str) -> str:
        """Return what is written after a prompt."""
        return self.completer(prompt).removeprefix(prompt)


class Sampling(Config):
    """How a language model writes.

    Parameters
    ----------
    max_tokens : int, default 2048
        Most tokens to write; it ends earlier where the model ends its text.
    temperature : float, default 0.7
        Below 1 the likely tokens are drawn more often, above 1 less; 0 takes the likeliest.
    top_p : float, default 0.9
        Draw among the fewest tokens that hold this much probability, in (0, 1].
    repetition_penalty : float, default 1.1
        Above 1 a token that is among the last 20 is less likely, those of the prompt counted too;
        1 does not look.
    use_chat_template : bool, default True
        Put the prompt into the model's chat template, if it has one.

    Examples
    --------
    >>> Sampling(temperature=0)
    Sampling(temperature=0)
    """

    def __init__(
        self,
        max_tokens: PositiveInt = 2048,
        temperature: NonNegative = 0.7,
        top_p: Annotated[float, Gt(0), Le(1)] = 0.9,
        repetition_penalty: Positive = 1.1,
        use_chat_template: bool = True,
    ) -> None:
        self.max_tokens = max_tokens
        self.temperature = temperature
        self.top_p = top_p
        self.repetition_penalty = repetition_penalty
        self.use_chat_template = use_chat_template


def create_mlx_backend(
    model: str | Path = "mlx-community/Mistral-7B-Instruct-v0.3-4bit", **kwargs: Any
) -> TextBackend:
    """Return a backend of a language model that mlx-lm loads; it is loaded now.

    Parameters
    ----------
    model : str or Path
        Its name or folder.
    **kwargs
        Fields of `Sampling`.

    Raises
    ------
    ConfigError
        If there is no such model, or a field is out of range.
    MissingExtraError
        If a package is not installed. Names the pip command.

    Examples
    --------
    ::

        backend = create_mlx_backend("mlx-community/Qwen2.5-7B-Instruct-4bit", temperature=0)
    """
    from tabwidget.backends.mlx import MLXBackend

    sampling = _sampling(kwargs)
    backend = MLXBackend(ModelConfig(model=model))
    # The cleaner tries thrice: an error in loading is better told before.
    backend.make_prompt_cache()
    return TextBackend(partial(_written_by_mlx, backend, sampling))


def create_hf_backend(model: str | Path = "Qwen/Qwen2.5-7B-Instruct", **kwargs: Any) -> TextBackend:
    """Return a backend of a language model that transformers loads; it is loaded now.

    Parameters
    ----------
    model : str or Path
        Its name or folder.
    **kwargs
        Fields of `Sampling`.

    Raises
    ------
    ConfigError
        If there is no such model, or a field is out of range.
    MissingExtraError
        If a package is not installed. Names the pip command.

    Examples
    --------
    ::

        backend = create_hf_backend("HuggingFaceTB/SmolLM2-1.7B-Instruct", max_tokens=512)
    """
    from tabwidget.backends.huggingface.loading import load

    sampling = _sampling(kwargs)
    loaded = load(ModelConfig(model=model), tuned=False)
    return TextBackend(partial(_written, loaded.model, loaded.tokenizer, sampling))


def _sampling(fields: dict[str, Any]) -> Sampling:
    sampling = Sampling(**fields)
    sampling.validate()
    return sampling


def _written_by_mlx(backend: MLXBackend, sampling: Sampling, prompt: str) -> str:
    """Return what a model of mlx-lm writes after a prompt."""
    try:
        return backend.generate(
            prompt,
            max_tokens=sampling.max_tokens,
            chat=sampling.use_chat_template,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            repetition_penalty=sampling.repetition_penalty,
        )
    except ValueError as error:
        if prompt:
            raise
        raise _nothing_to_read(prompt) from error


def _nothing_to_read(prompt: str) -> ConfigError:
    return ConfigError(
        f"the model reads no token of the prompt {prompt!r}: give a text, or a model with a chat "
        "template and use_chat_template=True"
    )


def _written(model: Any, tokenizer: Any, sampling: Sampling, prompt: str) -> str:
    """Return what a model of transformers writes after a prompt."""
    transformers = require("transformers", "hf")
    if sampling.use_chat_template and tokenizer.chat_template:
        inputs = tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}],
            add_generation_prompt=True,
            return_dict=True,
            return_tensors="pt",
        )
    else:
        inputs = tokenizer(prompt, return_tensors="pt")
    ids = inputs["input_ids"].to(model.device)
    if not ids.shape[1]:
        raise _nothing_to_read(prompt)
    penalty = transformers.RepetitionPenaltyLogitsProcessor(float(sampling.repetition_penalty))
    drawn = sampling.temperature > 0
    # All is said here, or what the model's own settings say would be added.
    found = model.generate(
        ids,
        attention_mask=inputs["attention_mask"].to(model.device),
        max_new_tokens=sampling.max_tokens,
        do_sample=drawn,
        temperature=float(sampling.temperature) if drawn else None,
        top_p=float(sampling.top_p) if drawn else None,
        top_k=0 if drawn else None,
        # Looking at the whole prompt, as its own does, it would not repeat the form asked for.
        logits_processor=[lambda ids, scores: penalty(ids[:, -LOOK_BACK:], scores)],
        repetition_penalty=1.0,
        pad_token_id=tokenizer.eos_token_id,
    )
    return str(tokenizer.decode(found[0, ids.shape[1] :], skip_special_tokens=True))

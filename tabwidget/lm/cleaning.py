"""Language models as backends of the recursive data cleaner."""

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

PENALTY_WINDOW = 20  # tokens, as in mlx-lm


class TextBackend:
    """A completion function as the cleaner's protocol ``LLMBackend``.

    Parameters
    ----------
    completer : callable
        ``(prompt) -> text``. If the text begins with the prompt, the prompt is removed.

    Examples
    --------
    >>> backend = TextBackend(lambda prompt: prompt + " Paris.")
    >>> backend.generate("The capital of France is")
    ' Paris.'

    Pass it to the cleaner::

        from recursive_cleaner import DataCleaner

        DataCleaner(llm_backend=backend, file_path="data.jsonl").run()
    """

    def __init__(self, completer: Callable[[str], str]) -> None:
        self.completer = completer

    def generate(self, prompt: str) -> str:
        """Return the text generated after a prompt."""
        return self.completer(prompt).removeprefix(prompt)


class Sampling(Config):
    """How a language model generates text.

    Parameters
    ----------
    max_tokens : int, default 2048
        Maximum number of tokens; the model may end its text earlier.
    temperature : float, default 0.7
        Below 1 probable tokens are drawn more often, above 1 less; 0 takes the most probable.
    top_p : float, default 0.9
        Draw among the fewest tokens that have this probability together, in (0, 1].
    repetition_penalty : float, default 1.1
        Above 1 makes the last 20 tokens, including those of the prompt, less probable; 1 is off.
    use_chat_template : bool, default True
        Apply the model's chat template to the prompt, if it has one.

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
    """Load a language model by mlx-lm, and return its backend.

    Parameters
    ----------
    model : str or Path
        Hub name or folder.
    **kwargs
        Fields of `Sampling`.

    Raises
    ------
    ConfigError
        If there is no such model, or a field is out of range.
    MissingExtraError
        If a package is not installed.

    Examples
    --------
    ::

        backend = create_mlx_backend("mlx-community/Qwen2.5-7B-Instruct-4bit", temperature=0)
    """
    from tabwidget.backends.mlx import MLXBackend

    sampling = _sampling(kwargs)
    backend = MLXBackend(ModelConfig(model=model))
    # Load now: the cleaner would retry an error of loading three times.
    backend.make_prompt_cache()
    return TextBackend(partial(_generate_by_mlx, backend, sampling))


def create_hf_backend(model: str | Path = "Qwen/Qwen2.5-7B-Instruct", **kwargs: Any) -> TextBackend:
    """Load a language model by transformers, and return its backend.

    Parameters
    ----------
    model : str or Path
        Hub name or folder.
    **kwargs
        Fields of `Sampling`.

    Raises
    ------
    ConfigError
        If there is no such model, or a field is out of range.
    MissingExtraError
        If a package is not installed.

    Examples
    --------
    ::

        backend = create_hf_backend("HuggingFaceTB/SmolLM2-1.7B-Instruct", max_tokens=512)
    """
    from tabwidget.backends.huggingface.loading import load

    sampling = _sampling(kwargs)
    loaded = load(ModelConfig(model=model), trainable=False)
    return TextBackend(partial(_generate_by_transformers, loaded.model, loaded.tokenizer, sampling))


def _sampling(fields: dict[str, Any]) -> Sampling:
    sampling = Sampling(**fields)
    sampling.validate()
    return sampling


def _generate_by_mlx(backend: MLXBackend, sampling: Sampling, prompt: str) -> str:
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
        raise _empty_prompt_error(prompt) from error


def _empty_prompt_error(prompt: str) -> ConfigError:
    return ConfigError(
        f"the prompt {prompt!r} has no tokens: give a text, or a model with a chat template and "
        "use_chat_template=True"
    )


def _generate_by_transformers(model: Any, tokenizer: Any, sampling: Sampling, prompt: str) -> str:
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
        raise _empty_prompt_error(prompt)
    penalty = transformers.RepetitionPenaltyLogitsProcessor(float(sampling.repetition_penalty))
    drawn = sampling.temperature > 0
    # Every setting is given, or else those of the model's generation config would apply.
    found = model.generate(
        ids,
        attention_mask=inputs["attention_mask"].to(model.device),
        max_new_tokens=sampling.max_tokens,
        do_sample=drawn,
        temperature=float(sampling.temperature) if drawn else None,
        top_p=float(sampling.top_p) if drawn else None,
        top_k=0 if drawn else None,
        # Penalizing the whole prompt, as `generate` does, would suppress the requested format.
        logits_processor=[lambda ids, scores: penalty(ids[:, -PENALTY_WINDOW:], scores)],
        repetition_penalty=1.0,
        pad_token_id=tokenizer.eos_token_id,
    )
    return str(tokenizer.decode(found[0, ids.shape[1] :], skip_special_tokens=True))

"""MLXBackend: a pretrained model of mlx-lm, fine-tuned on a table's rows as text."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabwidget.backends.base import FitRequest
from tabwidget.backends.cost import MATRIX, ModelSize, product_rate
from tabwidget.backends.devices import device_of
from tabwidget.backends.mlx.generation import Prompt, prompt_ids, sampling
from tabwidget.backends.text import RowTokens, ScoringModel
from tabwidget.backends.text.fit import TextFit
from tabwidget.backends.text.pretrained import FROM_SCRATCH, PretrainedBackend, pretrained_size
from tabwidget.backends.text.tokens import TextTokenizer
from tabwidget.config import TrainingConfig
from tabwidget.errors import require

if TYPE_CHECKING:
    from mlx_lm.generate import GenerationResponse

    from tabwidget.backends.mlx.scoring_model import MLXScoringModel

__all__ = ["MLXBackend"]

# Config fields without effect here: of a model trained from scratch, or unsupported by MLX.
UNUSED = {*FROM_SCRATCH, "attn_implementation", "neftune_noise_alpha"}


class MLXBackend(PretrainedBackend):
    """Any causal language model that mlx-lm loads.

    It encodes rows as text, so its pretraining covers the names of columns and levels. Answers are
    exact: the probabilities of all values of the column, each with the delimiter after it; for a
    number with too many values to list, of all prefixes of its digits.

    It also generates free text as mlx-lm does, by `generate`, `stream_generate` and
    `batch_generate`, before or after it is fitted to a table.

    Parameters
    ----------
    model_config : ModelConfig, optional
        ``model``: a hub name, a folder, or ``(model, tokenizer)`` as `mlx_lm.load` returns them;
        "mlx-community/SmolLM2-135M-Instruct" by default. ``lora`` trains adapters, also on
        quantized weights; without it all weights are trained, in fp32.

    Examples
    --------
    >>> from tabwidget import LoRAConfig, ModelConfig, TabularLanguageModel
    >>> model = ModelConfig(model="mlx-community/SmolLM2-135M-Instruct", lora=LoRAConfig(rank=8))
    >>> lm = TabularLanguageModel(backend=MLXBackend(model))

    ``lm.fit(frame)`` then loads the model; one that is not on this machine is downloaded.
    """

    name = "mlx"

    def generate(
        self, prompt: Prompt, *, max_tokens: int = 256, chat: bool = True, **options: Any
    ) -> str:
        """Return the text that the model generates after a prompt.

        Parameters
        ----------
        prompt : str, list of dict or list of int
            A text, messages with ``role`` and ``content``, or token ids.
        max_tokens : int, default 256
            Maximum number of tokens; the model may end its text earlier.
        chat : bool, default True
            Apply the model's chat template to a text, if it has one.
        **options
            ``temperature`` (0 by default, which takes the most probable token), ``top_p``,
            ``top_k``, ``min_p`` and ``repetition_penalty``; ``sampler``, a function that replaces
            them, and ``logits_processors``, functions applied after the penalty; ``seed``;
            ``prompt_cache``, as `make_prompt_cache` returns it; and all other arguments of mlx-lm.

        Returns
        -------
        str
            The text without the prompt.
        """
        parts = self.stream_generate(prompt, max_tokens=max_tokens, chat=chat, **options)
        return "".join(part.text for part in parts)

    def stream_generate(
        self, prompt: Prompt, *, max_tokens: int = 256, chat: bool = True, **options: Any
    ) -> Iterator[GenerationResponse]:
        """Yield the text that the model generates after a prompt, token by token.

        Parameters
        ----------
        prompt : str, list of dict or list of int
            As in `generate`.
        max_tokens : int, default 256
            Maximum number of tokens.
        chat : bool, default True
            Apply the model's chat template to a text, if it has one.
        **options
            As in `generate`.

        Yields
        ------
        mlx_lm.generate.GenerationResponse
            With the new ``text``, its ``token``, ``logprobs``, ``finish_reason`` and more.
        """
        lm, scorer = require("mlx_lm", "mlx"), self._generator()
        ids = prompt_ids(scorer.mlx_tokenizer, prompt, chat)
        options, seed = self._options(scorer, options)
        parts = lm.stream_generate(
            scorer.model, scorer.mlx_tokenizer, ids, max_tokens=max_tokens, **options
        )
        number = 0
        while True:
            # The lock is released between tokens, so that training continues meanwhile.
            with self._generating(scorer, seed, number):
                part = next(parts, None)
            if part is None:
                return
            yield part
            number += 1

    def batch_generate(
        self,
        prompts: Sequence[Prompt],
        *,
        max_tokens: int = 256,
        chat: bool = True,
        **options: Any,
    ) -> list[str]:
        """Return the texts that the model generates after several prompts, as one batch.

        Parameters
        ----------
        prompts : sequence
            Prompts as in `generate`.
        max_tokens : int, default 256
            Maximum number of tokens of each text.
        chat : bool, default True
            Apply the model's chat template to texts, if it has one.
        **options
            As in `generate`, without ``prompt_cache``.
        """
        lm, scorer = require("mlx_lm", "mlx"), self._generator()
        ids = [prompt_ids(scorer.mlx_tokenizer, prompt, chat) for prompt in prompts]
        options, seed = self._options(scorer, options)
        with self._generating(scorer, seed, 0):
            found = lm.batch_generate(
                scorer.model,
                scorer.mlx_tokenizer,
                ids,
                max_tokens=max_tokens,
                **options,
            )
        return list(found.texts)

    def make_prompt_cache(self, max_kv_size: int | None = None) -> list[Any]:
        """Return an empty key-value cache; `generate` continues the text that it holds.

        ``mlx_lm.models.cache`` can save, load and trim it.

        Parameters
        ----------
        max_kv_size : int or None, default None
            Maximum number of tokens in the cache; None for no limit.
        """
        cache = require("mlx_lm.models.cache", "mlx")
        return list(cache.make_prompt_cache(self._generator().model, max_kv_size))

    def save_adapters(self, folder: str | os.PathLike[str]) -> None:
        """Save the trained weights for ``mlx_lm.load(model, adapter_path=folder)``.

        Parameters
        ----------
        folder : path
            Created if it does not exist.
        """
        from tabwidget.backends.mlx.saving import save_adapters

        scorer, lora = self._fitted_scorer(), self.model_config.lora
        with self._lock.hold():
            save_adapters(
                scorer, Path(folder), lora.dropout if lora else 0.0, bool(lora and lora.dora)
            )

    def fuse(self, folder: str | os.PathLike[str], *, dequantize: bool = False) -> None:
        """Save the model with its adapters merged into the weights, for `mlx_lm.load`.

        Parameters
        ----------
        folder : path
            Created if it does not exist.
        dequantize : bool, default False
            Save quantized weights in full precision; else the merged weights are quantized again.
        """
        from tabwidget.backends.mlx.saving import fuse

        scorer = self._fitted_scorer()
        with self._lock.hold():
            fuse(scorer, Path(folder), dequantize)

    def _unused(self, training: TrainingConfig) -> set[str]:
        from tabwidget.backends.mlx.training import OPTIMIZERS

        unused = set(UNUSED)
        if training.optimizer not in OPTIMIZERS:
            unused.add("optimizer")
        if self.model_config.lora is None and self.model_config.precision != "fp32":
            unused.add("precision")
        return unused

    def _transformers_tokenizer(self) -> Any:
        found, model = super()._transformers_tokenizer(), self.model_config.model
        if found is None and isinstance(model, Sequence):
            found = model[1]
        # mlx-lm wraps the tokenizer of transformers.
        return found._tokenizer if hasattr(found, "detokenizer") else found

    def _size(
        self, tokenizer: TextTokenizer, tokens_per_row: float, rows_per_step: int
    ) -> ModelSize:
        require("mlx_lm", "mlx")
        import mlx.core as mx

        from tabwidget.backends.mlx.loading import device_of as mlx_device_of

        config = self.model_config
        on_cpu = mlx_device_of(config.device) == mx.cpu
        fp32 = config.lora is None or config.precision == "fp32"
        size = pretrained_size(
            config,
            self._default_model,
            weight_bytes=4 if fp32 or (on_cpu and config.precision == "auto") else 2,
            tokens_per_row=tokens_per_row,
            rows_per_step=rows_per_step,
            device="cpu" if on_cpu else device_of("auto").type,
        )
        width = MATRIX[on_cpu]
        with mx.stream(mx.cpu if on_cpu else mx.gpu):
            a = mx.ones((width, width))
            return replace(size, rate=product_rate(width, lambda: mx.eval(a @ a)))

    def _new_fit(self, request: FitRequest, scorer: ScoringModel, tokens: RowTokens) -> TextFit:
        from tabwidget.backends.mlx.scoring_model import MLXScoringModel
        from tabwidget.backends.mlx.training import MLXFit

        assert isinstance(scorer, MLXScoringModel)
        return MLXFit(request, scorer, tokens, self._lock)

    def _load_scorer(self, seed: int) -> MLXScoringModel:
        require("mlx_lm", "mlx")
        from tabwidget.backends.mlx.loading import add_adapters, load
        from tabwidget.backends.mlx.scoring_model import MLXScoringModel

        loaded = load(self.model_config)
        if self.model_config.lora is not None:
            add_adapters(loaded.model, self.model_config.lora, seed, loaded.device)
        return MLXScoringModel(loaded)

    def _generator(self) -> MLXScoringModel:
        """Return the model, loaded if it is neither fitted nor loaded yet."""
        if self._scorer is None:
            require("mlx_lm", "mlx")
            from tabwidget.backends.mlx.loading import load
            from tabwidget.backends.mlx.scoring_model import MLXScoringModel

            self._scorer = MLXScoringModel(load(self.model_config, trainable=False))
        return self._scorer  # type: ignore[return-value]

    def _fitted_scorer(self) -> MLXScoringModel:
        self._fitted_answers()
        return self._scorer  # type: ignore[return-value]

    def _options(
        self, scorer: MLXScoringModel, options: Mapping[str, Any]
    ) -> tuple[dict[str, Any], int | None]:
        """Return the options as mlx-lm takes them, and the seed."""
        mx = require("mlx.core", "mlx")
        found = sampling(**options)
        seed = found.pop("seed", None)
        if scorer.device != mx.default_device().type:
            found.setdefault("stream", mx.new_thread_local_stream(scorer.device))
        return found, seed

    @contextlib.contextmanager
    def _generating(self, scorer: MLXScoringModel, seed: int | None, number: int) -> Iterator[None]:
        """Hold the lock, with the random state of a seed and the number of a token."""
        from tabwidget.backends.mlx.rng import preserved_rng

        rng = contextlib.nullcontext() if seed is None else preserved_rng(seed, number)
        with self._lock.hold(), scorer.evaluating(), rng:
            yield

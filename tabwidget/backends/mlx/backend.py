"""MLXBackend: a pretrained model of mlx-lm, tuned on the rows of a table as text."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabwidget.backends.base import FitRequest
from tabwidget.backends.cost import MATRIX, ModelSize, fastest
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

# Fields of the configs that have no effect here: those of a model from scratch, and what mlx lacks.
UNUSED = {*FROM_SCRATCH, "attn_implementation", "neftune_noise_alpha"}


class MLXBackend(PretrainedBackend):
    """Any causal language model that mlx-lm loads.

    It reads and writes rows as text, so it knows what the names of columns and levels mean. The
    answer to a question is exact: the probabilities of all values of the column, each through its
    closing mark, or for a number with too many values to list, of all beginnings of its digits.

    Beside this it writes free text, as mlx-lm does: `generate`, `stream_generate` and
    `batch_generate`, with what it has learned of a table or without.

    Parameters
    ----------
    model_config : ModelConfig, optional
        ``model``: the name of a model, a folder that holds one, or ``(model, tokenizer)`` as
        `mlx_lm.load` returns them; "mlx-community/SmolLM2-135M-Instruct" by default. ``lora``
        trains adapters, on weights in few bits too; else all weights are trained, in fp32.

    Examples
    --------
    >>> from tabwidget import LoRAConfig, ModelConfig, TabularLanguageModel
    >>> model = ModelConfig(model="mlx-community/SmolLM2-135M-Instruct", lora=LoRAConfig(rank=8))
    >>> lm = TabularLanguageModel(backend=MLXBackend(model))

    ``lm.fit(frame)`` then loads the model, from the hub where it is not here already.
    """

    name = "mlx"

    def generate(
        self, prompt: Prompt, *, max_tokens: int = 256, chat: bool = True, **options: Any
    ) -> str:
        """Return what the model writes after a prompt.

        Parameters
        ----------
        prompt : str, list of dict or list of int
            A text, messages with ``role`` and ``content``, or token ids.
        max_tokens : int, default 256
            Most tokens to write; it ends earlier where the model ends its text.
        chat : bool, default True
            Put a text into the model's chat template, if it has one.
        **options
            ``temperature`` (0 by default, which takes the likeliest token), ``top_p``, ``top_k``,
            ``min_p`` and ``repetition_penalty``; ``sampler``, a function that is used in place of
            them, and ``logits_processors``, functions that are used after the penalty; ``seed`` of
            what is drawn; ``prompt_cache``, as `make_prompt_cache` returns it; and all other
            arguments that mlx-lm takes.

        Returns
        -------
        str
            The text after the prompt.
        """
        parts = self.stream_generate(prompt, max_tokens=max_tokens, chat=chat, **options)
        return "".join(part.text for part in parts)

    def stream_generate(
        self, prompt: Prompt, *, max_tokens: int = 256, chat: bool = True, **options: Any
    ) -> Iterator[GenerationResponse]:
        """Yield what the model writes after a prompt, token by token.

        Parameters
        ----------
        prompt : str, list of dict or list of int
            See `generate`, also for the others.
        max_tokens : int, default 256
            Most tokens to write.
        chat : bool, default True
            Put a text into the model's chat template, if it has one.
        **options
            How to draw.

        Yields
        ------
        mlx_lm.generate.GenerationResponse
            ``text`` is what is new; ``token``, ``logprobs``, ``finish_reason`` and others are told
            too.
        """
        lm, scorer = require("mlx_lm", "mlx"), self._writer()
        ids = prompt_ids(scorer.mlx_tokenizer, prompt, chat)
        options, seed = self._options(scorer, options)
        parts = lm.stream_generate(
            scorer.model, scorer.mlx_tokenizer, ids, max_tokens=max_tokens, **options
        )
        number = 0
        while True:
            # A turn a token, so that whoever trains need not wait for all of them.
            with self._writing(scorer, seed, number):
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
        """Return what the model writes after each of several prompts, at once.

        Parameters
        ----------
        prompts : sequence
            See `generate`, also for the others; there is no ``prompt_cache``.
        max_tokens : int, default 256
            Most tokens to write for each.
        chat : bool, default True
            Put texts into the model's chat template, if it has one.
        **options
            How to draw.
        """
        lm, scorer = require("mlx_lm", "mlx"), self._writer()
        ids = [prompt_ids(scorer.mlx_tokenizer, prompt, chat) for prompt in prompts]
        options, seed = self._options(scorer, options)
        with self._writing(scorer, seed, 0):
            found = lm.batch_generate(
                scorer.model,
                scorer.mlx_tokenizer,
                ids,
                max_tokens=max_tokens,
                **options,
            )
        return list(found.texts)

    def make_prompt_cache(self, max_kv_size: int | None = None) -> list[Any]:
        """Return an empty cache: what is generated with it goes on where the last text ended.

        It is mlx-lm's own, which ``mlx_lm.models.cache`` can save, load and trim.

        Parameters
        ----------
        max_kv_size : int or None, default None
            Most tokens that it holds; None is all of them.
        """
        cache = require("mlx_lm.models.cache", "mlx")
        return list(cache.make_prompt_cache(self._writer().model, max_kv_size))

    def save_adapters(self, folder: str | os.PathLike[str]) -> None:
        """Save what was trained so that ``mlx_lm.load(model, adapter_path=folder)`` reads it.

        Parameters
        ----------
        folder : path
            Made if it is not there.
        """
        from tabwidget.backends.mlx.saving import save_adapters

        scorer, lora = self._fitted(), self.model_config.lora
        with self._lock.hold():
            save_adapters(
                scorer, Path(folder), lora.dropout if lora else 0.0, bool(lora and lora.dora)
            )

    def fuse(self, folder: str | os.PathLike[str], *, dequantize: bool = False) -> None:
        """Save a model that has what was trained in its weights, for `mlx_lm.load`.

        Parameters
        ----------
        folder : path
            Made if it is not there.
        dequantize : bool, default False
            Hold all weights in full; else those in few bits stay so, which rounds what was trained.
        """
        from tabwidget.backends.mlx.saving import fuse

        scorer = self._fitted()
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

    def _tokenizer(self) -> Any:
        found, model = super()._tokenizer(), self.model_config.model
        if found is None and isinstance(model, Sequence):
            found = model[1]
        # mlx-lm's own holds the one of transformers.
        return found._tokenizer if hasattr(found, "detokenizer") else found

    def _size(
        self, tokenizer: TextTokenizer, tokens_per_row: float, rows_per_step: int
    ) -> ModelSize:
        require("mlx_lm", "mlx")
        import mlx.core as mx

        from tabwidget.backends.mlx.loading import device_of as mlx_device_of

        config = self.model_config
        on_cpu = mlx_device_of(config.device) == mx.cpu
        in_full = config.lora is None or config.precision == "fp32"
        size = pretrained_size(
            config,
            self._standard,
            weight_bytes=4 if in_full or (on_cpu and config.precision == "auto") else 2,
            tokens_per_row=tokens_per_row,
            rows_per_step=rows_per_step,
            device="cpu" if on_cpu else device_of("auto").type,
        )
        width = MATRIX[on_cpu]
        with mx.stream(mx.cpu if on_cpu else mx.gpu):
            a = mx.ones((width, width))
            return replace(size, rate=fastest(width, lambda: mx.eval(a @ a)))

    def _new_fit(self, request: FitRequest, scorer: ScoringModel, tokens: RowTokens) -> TextFit:
        from tabwidget.backends.mlx.scoring_model import MLXScoringModel
        from tabwidget.backends.mlx.training import MLXFit

        assert isinstance(scorer, MLXScoringModel)
        return MLXFit(request, scorer, tokens, self._lock)

    def _model(self, seed: int) -> MLXScoringModel:
        require("mlx_lm", "mlx")
        from tabwidget.backends.mlx.loading import adapted, load
        from tabwidget.backends.mlx.scoring_model import MLXScoringModel

        loaded = load(self.model_config)
        if self.model_config.lora is not None:
            adapted(loaded.model, self.model_config.lora, seed, loaded.device)
        return MLXScoringModel(loaded)

    def _writer(self) -> MLXScoringModel:
        """Return the model, which need not have learned a table to write."""
        if self._scorer is None:
            require("mlx_lm", "mlx")
            from tabwidget.backends.mlx.loading import load
            from tabwidget.backends.mlx.scoring_model import MLXScoringModel

            self._scorer = MLXScoringModel(load(self.model_config, tuned=False))
        return self._scorer  # type: ignore[return-value]

    def _fitted(self) -> MLXScoringModel:
        self._ready_answers()
        return self._scorer  # type: ignore[return-value]

    def _options(
        self, scorer: MLXScoringModel, options: Mapping[str, Any]
    ) -> tuple[dict[str, Any], int | None]:
        mx = require("mlx.core", "mlx")
        made = sampling(**options)
        seed = made.pop("seed", None)
        if scorer.device != mx.default_device().type:
            made.setdefault("stream", mx.new_thread_local_stream(scorer.device))
        return made, seed

    @contextlib.contextmanager
    def _writing(self, scorer: MLXScoringModel, seed: int | None, number: int) -> Iterator[None]:
        from tabwidget.backends.mlx.rng import preserved_rng

        chance = contextlib.nullcontext() if seed is None else preserved_rng(seed, number)
        with self._lock.hold(), scorer.computing(), chance:
            yield

"""The config objects: training, generation, discretization, and the model to load."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from annotated_types import Ge, Gt, Le, Lt

from tabwidget.errors import ConfigError
from tabwidget.params import Config

__all__ = [
    "DiscretizationConfig",
    "GenerationConfig",
    "LoRAConfig",
    "ModelConfig",
    "NonNegative",
    "Positive",
    "PositiveInt",
    "QuantizationConfig",
    "Share",
    "TrainingConfig",
    "aggregate_default",
]

PositiveInt: TypeAlias = Annotated[int, Ge(1)]
NonNegativeInt: TypeAlias = Annotated[int, Ge(0)]
Positive: TypeAlias = Annotated[float, Gt(0)]
NonNegative: TypeAlias = Annotated[float, Ge(0)]
Share: TypeAlias = Annotated[float, Ge(0), Lt(1)]
Auto: TypeAlias = Literal["auto"]

WARMUP_STEPS = 20


class TrainingConfig(Config):
    """How a model is trained, and for how long.

    Training ends at the first limit reached of `epochs`, `max_steps` and `max_seconds`. With the
    scheduler "auto" it also ends once the validation loss no longer falls. A fit warns about the
    fields that its backend does not support.

    Parameters
    ----------
    epochs : int or None, default None
        Passes over the rows.
    max_steps : int or None, default None
        Optimizer steps.
    max_seconds : float or None, default None
        Wall-clock seconds; with 0, a pretrained model of tables answers without any training.
    batch_size : int or "auto", default "auto"
        Rows per batch.
    learning_rate : float or "auto", default "auto"
        Peak learning rate; "auto" is the backend's default.
    lr_scheduler : {"auto", "constant", "linear", "cosine"}, default "auto"
        "auto" keeps the rate constant until the validation loss no longer falls, then starts a
        cooldown from the best weights. The others depend on the fraction of the limit used.
    warmup_steps : int, default 20
        Steps of linear warmup.
    weight_decay : float, default 0.1
        Decoupled weight decay.
    validation_fraction : float, default 0.1
        Share of the rows used for validation, in (0, 0.5].
    augmentation_factor : int, default 1
        Column orders drawn per row in an epoch.
    loss_on_target_only : bool, default False
        Compute the loss on the target columns only.
    grad_accumulation_steps : int, default 1
        Batches per optimizer step.
    warmup_ratio : float or None, default None
        Warmup as a share of the limit, in [0, 1), instead of `warmup_steps`. It needs `epochs`,
        `max_steps` or `max_seconds`.
    max_grad_norm : float, None or "auto", default "auto"
        Maximum gradient norm; None disables clipping, "auto" is the backend's default.
    optimizer : str, default "auto"
        "adamw", "adamw_8bit", "paged_adamw_8bit", "adafactor", "lion", "muon" (on matrices;
        AdamW on the rest) or "sgd"; "auto" is the backend's default.
    label_smoothing : float, default 0.0
        Label smoothing, in [0, 1).
    neftune_noise_alpha : float or None, default None
        Scale of the noise added to embeddings in training [1]_; 5 is usual. None adds none.
    gradient_checkpointing : bool, default False
        Recompute activations in the backward pass: less memory, more time.
    max_seq_length : int or None, default None
        Maximum tokens per row; a longer row is an error. None is the length of the longest row.

    References
    ----------
    .. [1] Jain et al., "NEFTune: Noisy Embeddings Improve Instruction Finetuning", ICLR 2024.

    Examples
    --------
    >>> TrainingConfig(max_seconds=12).max_seconds
    12
    >>> TrainingConfig(max_steps=40, optimizer="adamw")
    TrainingConfig(max_steps=40, optimizer='adamw')
    """

    def __init__(
        self,
        epochs: PositiveInt | None = None,
        max_steps: PositiveInt | None = None,
        max_seconds: NonNegative | None = None,
        batch_size: PositiveInt | Auto = "auto",
        learning_rate: Positive | Auto = "auto",
        lr_scheduler: Literal["auto", "constant", "linear", "cosine"] = "auto",
        warmup_steps: NonNegativeInt = WARMUP_STEPS,
        weight_decay: NonNegative = 0.1,
        validation_fraction: Annotated[float, Gt(0), Le(0.5)] = 0.1,
        *,
        augmentation_factor: PositiveInt = 1,
        loss_on_target_only: bool = False,
        grad_accumulation_steps: PositiveInt = 1,
        warmup_ratio: Share | None = None,
        max_grad_norm: Positive | Auto | None = "auto",
        optimizer: Literal[
            "auto",
            "adamw",
            "adamw_8bit",
            "paged_adamw_8bit",
            "adafactor",
            "lion",
            "muon",
            "sgd",
        ] = "auto",
        label_smoothing: Share = 0.0,
        neftune_noise_alpha: NonNegative | None = None,
        gradient_checkpointing: bool = False,
        max_seq_length: PositiveInt | None = None,
    ) -> None:
        self.epochs = epochs
        self.max_steps = max_steps
        self.max_seconds = max_seconds
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.lr_scheduler = lr_scheduler
        self.warmup_steps = warmup_steps
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.augmentation_factor = augmentation_factor
        self.loss_on_target_only = loss_on_target_only
        self.grad_accumulation_steps = grad_accumulation_steps
        self.warmup_ratio = warmup_ratio
        self.max_grad_norm = max_grad_norm
        self.optimizer = optimizer
        self.label_smoothing = label_smoothing
        self.neftune_noise_alpha = neftune_noise_alpha
        self.gradient_checkpointing = gradient_checkpointing
        self.max_seq_length = max_seq_length

    def validate(self) -> None:
        """Raise `ConfigError` for an invalid parameter, or parameters that exclude each other."""
        super().validate()
        if self.warmup_ratio is not None and self.warmup_steps != WARMUP_STEPS:
            raise ConfigError(
                f"warmup_ratio={self.warmup_ratio!r} and warmup_steps={self.warmup_steps!r} "
                "exclude each other: give one of them"
            )
        if (self.epochs, self.max_steps, self.max_seconds) != (None, None, None):
            return
        if self.lr_scheduler != "auto":
            raise ConfigError(
                f"lr_scheduler={self.lr_scheduler!r} depends on the limit of training: "
                "give epochs, max_steps or max_seconds"
            )
        if self.warmup_ratio is not None:
            raise ConfigError(
                f"warmup_ratio={self.warmup_ratio!r} is a share of the limit of training: "
                "give epochs, max_steps or max_seconds, or warmup_steps instead"
            )


def aggregate_default(draws: Sequence[Any], numeric: bool) -> Any:
    """Return the mean of the draws of a number, or the most frequent draw of a category.

    Parameters
    ----------
    draws : sequence
        At least one value.
    numeric : bool
        Whether they are numbers. The mean is a float; of equally frequent values, the first
        drawn is returned.

    Raises
    ------
    ValueError
        Without any draw.

    Examples
    --------
    >>> aggregate_default([1, 2, 6], numeric=True)
    3.0
    >>> aggregate_default(["b", "a", "a", "b"], numeric=False)
    'b'
    """
    return statistics.fmean(draws) if numeric else statistics.mode(draws)


class GenerationConfig(Config):
    """How values are sampled, and how several draws become one answer.

    `max_new_tokens`, `repetition_penalty`, `inference_batch_size`, `permute_order`, `score_pool`
    and `max_retries` have no effect: every backend computes exact probabilities, so nothing is
    generated as text. They are here because scikit-lm has them; an estimator warns about a
    changed one.

    Parameters
    ----------
    temperature : float, default 0.7
        Below 1 likely values are sampled more often, above 1 less often; at 0 or below, the
        most likely value is taken.
    top_k : int, default 0
        Sample from the `top_k` most likely values; 0 disables.
    top_p : float, default 1.0
        Sample from the smallest set of values with this probability, in (0, 1]; 1.0 disables.
    max_new_tokens : int or None, default None
        Maximum tokens per generated value.
    repetition_penalty : float or None, default None
        Penalty on tokens generated before.
    inference_batch_size : int or None, default None
        Rows per request to the backend.
    n_samples : int, default 1
        Draws per cell, in `LanguageModelImputer` alone.
    permute_order : bool, default True
        Permute the evidence columns for each of the `n_samples`.
    aggregate : callable, default `aggregate_default`
        ``(draws, numeric) -> value`` reduces the draws of a cell.
    score_pool : callable or None, default None
        ``(log_probabilities) -> probabilities`` pools the log-probabilities of several column
        orders.
    max_retries : int, default 15
        Further attempts at a value that cannot be parsed.

    Examples
    --------
    >>> GenerationConfig(temperature=0).temperature
    0
    """

    def __init__(
        self,
        temperature: float = 0.7,
        top_k: NonNegativeInt = 0,
        top_p: Annotated[float, Gt(0), Le(1)] = 1.0,
        *,
        max_new_tokens: PositiveInt | None = None,
        repetition_penalty: Positive | None = None,
        inference_batch_size: PositiveInt | None = None,
        n_samples: PositiveInt = 1,
        permute_order: bool = True,
        aggregate: Callable[[Sequence[Any], bool], Any] = aggregate_default,
        score_pool: Callable[[Sequence[Sequence[float]]], Sequence[float]] | None = None,
        max_retries: NonNegativeInt = 15,
    ) -> None:
        self.temperature = temperature
        self.top_k = top_k
        self.top_p = top_p
        self.max_new_tokens = max_new_tokens
        self.repetition_penalty = repetition_penalty
        self.inference_batch_size = inference_batch_size
        self.n_samples = n_samples
        self.permute_order = permute_order
        self.aggregate = aggregate
        self.score_pool = score_pool
        self.max_retries = max_retries


class DiscretizationConfig(Config):
    """Answer a number from a few observed values, the candidates.

    The distinct values are partitioned, one observed value represents each part, and the
    probabilities of these candidates are reduced to one number.

    Parameters
    ----------
    bins : int or float, default 0
        0 is off. An int is the number of candidates, at most the number of distinct values. A
        float in (0, 1] is a share of the distinct values; 1.0 is all of them.
    strategy : {"quantile", "uniform"}, default "quantile"
        Parts with about equally many observed cells, or parts of equal width.
    representative : {"median", "mode", "mean"}, default "median"
        The candidate of a part: the lower median of its cells, its most frequent value (the
        smallest of several), or the observed value nearest to the mean of its cells.
    estimate : {"mean", "mode"}, default "mean"
        The mean of the candidates under the model, or the most likely candidate.

    Examples
    --------
    >>> DiscretizationConfig(bins=0.3).bins
    0.3
    """

    def __init__(
        self,
        *,
        bins: NonNegativeInt | Annotated[float, Ge(0), Le(1)] = 0,
        strategy: Literal["quantile", "uniform"] = "quantile",
        representative: Literal["median", "mode", "mean"] = "median",
        estimate: Literal["mean", "mode"] = "mean",
    ) -> None:
        self.bins = bins
        self.strategy = strategy
        self.representative = representative
        self.estimate = estimate


class LoRAConfig(Config):
    """Low-rank adapters [1]_, trained instead of all weights of a pretrained model.

    Parameters
    ----------
    rank : int, default 16
        Rank of the adapters.
    alpha : float, default 32
        The output of an adapter is scaled by ``alpha / rank``.
    dropout : float, default 0.0
        Dropout on the input of the adapters, in [0, 1).
    target_modules : str, list of str or None, default None
        Modules with an adapter: names as in the backend, or "all-linear". None is the backend's
        default; it and "all-linear" mean the same in every backend.
    rank_pattern, alpha_pattern : dict or None, default None
        `rank` or `alpha` by the end of a module's name, where they differ.
    rslora : bool, default False
        Scale by ``alpha / sqrt(rank)`` instead [2]_.
    dora : bool, default False
        Learn the magnitude of the weights apart from their direction [3]_.

    References
    ----------
    .. [1] Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022.
    .. [2] Kalajdzievski, "A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA", 2023.
    .. [3] Liu et al., "DoRA: Weight-Decomposed Low-Rank Adaptation", ICML 2024.

    Examples
    --------
    >>> LoRAConfig(rank=8).rank
    8
    """

    def __init__(
        self,
        *,
        rank: PositiveInt = 16,
        alpha: Positive = 32,
        dropout: Share = 0.0,
        target_modules: str | Sequence[str] | None = None,
        rank_pattern: Mapping[str, PositiveInt] | None = None,
        alpha_pattern: Mapping[str, Positive] | None = None,
        rslora: bool = False,
        dora: bool = False,
    ) -> None:
        self.rank = rank
        self.alpha = alpha
        self.dropout = dropout
        self.target_modules = target_modules
        self.rank_pattern = rank_pattern
        self.alpha_pattern = alpha_pattern
        self.rslora = rslora
        self.dora = dora


# The bits that each library supports.
_SUPPORTED_BITS = {
    "auto": (2, 3, 4, 6, 8),
    "bitsandbytes": (4, 8),
    "hqq": (2, 3, 4, 8),
    "mlx": (2, 3, 4, 6, 8),
}
_BITS = {f"{bits}bit": bits for bits in _SUPPORTED_BITS["auto"]}


class QuantizationConfig(Config):
    """How a pretrained model's weights are quantized.

    Parameters
    ----------
    bits : {2, 3, 4, 6, 8}, default 4
        Bits per weight.
    method : {"auto", "bitsandbytes", "hqq", "mlx"}, default "auto"
        The library: bitsandbytes supports 4 and 8 bits, hqq 2, 3, 4 and 8, mlx all of them.
        "auto" is the backend's choice.
    group_size : int or None, default None
        Weights that share a scale; None is the library's default, the only one of bitsandbytes.

    Examples
    --------
    >>> QuantizationConfig(bits=8).bits
    8
    """

    def __init__(
        self,
        *,
        bits: PositiveInt = 4,
        method: Literal["auto", "bitsandbytes", "hqq", "mlx"] = "auto",
        group_size: PositiveInt | None = None,
    ) -> None:
        self.bits = bits
        self.method = method
        self.group_size = group_size

    @classmethod
    def _of(cls, value: object) -> Self:
        if isinstance(value, str) and value in _BITS:
            return cls(bits=_BITS[value])
        return super()._of(value)

    def validate(self) -> None:
        """Raise `ConfigError` for an invalid parameter, or bits that the method lacks."""
        super().validate()
        *others, last = _SUPPORTED_BITS[self.method]
        if self.bits not in (*others, last):
            raise ConfigError(
                f"QuantizationConfig.bits must be {', '.join(map(str, others))} or {last} with "
                f"method={self.method!r}, not {self.bits}"
            )


class ModelConfig(Config):
    """The model: the size of the default one, or which pretrained one is loaded, and how.

    Parameters
    ----------
    width : int, default 64
        Size of a hidden state; a multiple of `heads`.
    layers, heads : int, default 2 and 4
        Transformer blocks, and attention heads per block.
    dropout : float or "auto", default "auto"
        Dropout in training, in [0, 1); "auto" depends on the number of rows.
    members : int or "auto", default "auto"
        Size of the ensemble. Each member has its own validation rows, and their answers are
        averaged; "auto" is several for a small table and one for a large one.
    model : str, object, callable or None, default None
        A pretrained model: its name or folder, the loaded model, or a function that returns one
        and is called at each fit. None is the backend's default.
    lora : LoRAConfig or None, default None
        Train LoRA adapters; None trains all weights.
    quantization : str, QuantizationConfig or None, default None
        Quantize the pretrained weights: "2bit", "3bit", "4bit", "6bit", "8bit", or a config.
        None keeps them in `precision`.
    precision : {"auto", "fp32", "bf16", "fp16"}, default "auto"
        Precision of the computation; "auto" is what is fast on the device.
    device : {"auto", "cuda", "mps", "cpu"}, default "auto"
        Device of the computation; "auto" is the fastest available.
    tokenizer : str, object, callable or None, default None
        As `model`; None is the model's own.
    trust_remote_code : bool, default False
        Run code that comes with a pretrained model.
    attn_implementation : str or None, default None
        Attention implementation, such as "flash_attention_2"; None is the model's default.

    Examples
    --------
    >>> ModelConfig(width=32).get_params()["width"]
    32
    >>> ModelConfig().set_params(lora__rank=8).lora
    LoRAConfig(rank=8)
    """

    _nested: ClassVar[dict[str, type[Config]]] = {
        "lora": LoRAConfig,
        "quantization": QuantizationConfig,
    }

    def __init__(
        self,
        width: PositiveInt = 64,
        layers: PositiveInt = 2,
        heads: PositiveInt = 4,
        dropout: Share | Auto = "auto",
        members: PositiveInt | Auto = "auto",
        *,
        model: Any = None,  # only the backend knows what it can load
        lora: LoRAConfig | None = None,
        quantization: str | QuantizationConfig | None = None,
        precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto",
        device: Literal["auto", "cuda", "mps", "cpu"] = "auto",
        tokenizer: Any = None,
        trust_remote_code: bool = False,
        attn_implementation: str | None = None,
    ) -> None:
        self.width = width
        self.layers = layers
        self.heads = heads
        self.dropout = dropout
        self.members = members
        self.model = model
        self.lora = lora
        self.quantization = quantization
        self.precision = precision
        self.device = device
        self.tokenizer = tokenizer
        self.trust_remote_code = trust_remote_code
        self.attn_implementation = attn_implementation

    def validate(self) -> None:
        """Raise `ConfigError` for an invalid parameter, or a `width` not divisible by `heads`."""
        super().validate()
        if isinstance(self.quantization, str) and self.quantization not in _BITS:
            raise ConfigError(
                f"ModelConfig.quantization must be {', '.join(map(repr, _BITS))}, "
                f"a QuantizationConfig or None, not {self.quantization!r}"
            )
        if self.width % self.heads:
            raise ConfigError(f"width={self.width} is not a multiple of heads={self.heads}")

"""The config objects: how to train, generate, discretize, and which model to load."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

from sklearn.utils._param_validation import Interval, Options, StrOptions

from tabwidget.errors import ConfigError
from tabwidget.params import Config

__all__ = [
    "DiscretizationConfig",
    "GenerationConfig",
    "LoRAConfig",
    "ModelConfig",
    "QuantizationConfig",
    "TrainingConfig",
    "aggregate_default",
]

_POSITIVE_INT = Interval(Integral, 1, None, closed="left")
_NOT_NEGATIVE_INT = Interval(Integral, 0, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_SHARE = Interval(Real, 0, 1, closed="left")
_AUTO = StrOptions({"auto"})

WARMUP_STEPS = 20


class TrainingConfig(Config):
    """How a model is trained, and for how long.

    Training ends at the first limit reached of `epochs`, `max_steps` and `max_seconds`. With the
    scheduler "auto" it also ends, limit or not, once the validation loss no longer falls.
    A backend that cannot honor a field says so at the fit, by name.

    Parameters
    ----------
    epochs : int or None, default None
        Passes over the rows.
    max_steps : int or None, default None
        Gradient steps.
    max_seconds : float or None, default None
        Wall-clock seconds.
    batch_size : int or "auto", default "auto"
        Rows a step.
    learning_rate : float or "auto", default "auto"
        Highest learning rate; "auto" is the backend's own.
    lr_scheduler : {"auto", "constant", "linear", "cosine"}, default "auto"
        "auto" holds the rate until the validation loss no longer falls, then cools down from the
        best weights. The others follow the share of the limit used.
    warmup_steps : int, default 20
        Steps over which the rate rises from zero.
    weight_decay : float, default 0.1
        Decoupled weight decay.
    validation_fraction : float, default 0.1
        Share of the validation rows to choose the best weights by, in (0, 0.5].
    augmentation_factor : int, default 1
        Column orders drawn for each row in an epoch.
    loss_on_target_only : bool, default False
        Learn to predict the target columns alone, from the others.
    grad_accumulation_steps : int, default 1
        Batches whose gradients are added up to one step.
    warmup_ratio : float or None, default None
        Share of the limit, in [0, 1), over which the rate rises from zero, in place of
        `warmup_steps`: one of the two is given. It needs `epochs`, `max_steps` or `max_seconds`.
    max_grad_norm : float, None or "auto", default "auto"
        Gradients longer than this are cut to it; None cuts none, "auto" is the backend's own.
    optimizer : str, default "auto"
        "adamw", "adamw_8bit", "paged_adamw_8bit", "adafactor", "lion", "muon" (on the matrices;
        AdamW on the rest) or "sgd"; "auto" is the backend's own.
    label_smoothing : float, default 0.0
        Probability taken from the right answer and spread over all in the loss, in [0, 1).
    neftune_noise_alpha : float or None, default None
        Size of the noise on the embeddings in training [1]_; 5 is usual. None adds none.
    gradient_checkpointing : bool, default False
        Compute activations twice instead of keeping them: less memory, more time.
    max_seq_length : int or None, default None
        Most tokens of a row; a longer one is an error of the backend's. None is as many as the
        longest row has.

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

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "epochs": [_POSITIVE_INT, None],
        "max_steps": [_POSITIVE_INT, None],
        "max_seconds": [_POSITIVE, None],
        "batch_size": [_POSITIVE_INT, _AUTO],
        "learning_rate": [_POSITIVE, _AUTO],
        "lr_scheduler": [StrOptions({"auto", "constant", "linear", "cosine"})],
        "warmup_steps": [_NOT_NEGATIVE_INT],
        "weight_decay": [_NOT_NEGATIVE],
        "validation_fraction": [Interval(Real, 0, 0.5, closed="right")],
        "augmentation_factor": [_POSITIVE_INT],
        "loss_on_target_only": ["boolean"],
        "grad_accumulation_steps": [_POSITIVE_INT],
        "warmup_ratio": [_SHARE, None],
        "max_grad_norm": [_POSITIVE, None, _AUTO],
        "optimizer": [
            StrOptions(
                {
                    "auto",
                    "adamw",
                    "adamw_8bit",
                    "paged_adamw_8bit",
                    "adafactor",
                    "lion",
                    "muon",
                    "sgd",
                }
            )
        ],
        "label_smoothing": [_SHARE],
        "neftune_noise_alpha": [_NOT_NEGATIVE, None],
        "gradient_checkpointing": ["boolean"],
        "max_seq_length": [_POSITIVE_INT, None],
    }

    def __init__(
        self,
        epochs: int | None = None,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: float | Literal["auto"] = "auto",
        lr_scheduler: Literal["auto", "constant", "linear", "cosine"] = "auto",
        warmup_steps: int = WARMUP_STEPS,
        weight_decay: float = 0.1,
        validation_fraction: float = 0.1,
        *,
        augmentation_factor: int = 1,
        loss_on_target_only: bool = False,
        grad_accumulation_steps: int = 1,
        warmup_ratio: float | None = None,
        max_grad_norm: float | Literal["auto"] | None = "auto",
        optimizer: str = "auto",
        label_smoothing: float = 0.0,
        neftune_noise_alpha: float | None = None,
        gradient_checkpointing: bool = False,
        max_seq_length: int | None = None,
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
        """Raise `ConfigError` if a parameter is out of range or they do not fit each other."""
        super().validate()
        if self.warmup_ratio is not None and self.warmup_steps != WARMUP_STEPS:
            raise ConfigError(
                f"warmup_ratio={self.warmup_ratio!r} and warmup_steps={self.warmup_steps!r} say "
                "the same thing twice: give one of them"
            )
        if (self.epochs, self.max_steps, self.max_seconds) != (None, None, None):
            return
        if self.lr_scheduler != "auto":
            raise ConfigError(
                f"lr_scheduler={self.lr_scheduler!r} runs to its limit: "
                "give epochs, max_steps or max_seconds"
            )
        if self.warmup_ratio is not None:
            raise ConfigError(
                f"warmup_ratio={self.warmup_ratio!r} is a share of a limit: "
                "give epochs, max_steps or max_seconds, or warmup_steps instead"
            )


def aggregate_default(draws: Sequence[Any], numeric: bool) -> Any:
    """Return one value for several draws of a cell: their mean, or the most frequent one.

    Parameters
    ----------
    draws : sequence
        At least one value.
    numeric : bool
        Whether they are numbers. Then the mean is returned, a float; otherwise the value drawn
        most often, the first of those drawn equally often.

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
    """How values are drawn, and how several draws become one answer.

    A backend that answers with exact probabilities needs no tokens, retries or batches, and
    says by name what has no effect.

    Parameters
    ----------
    temperature : float, default 0.7
        Below 1 the likely values are drawn more often, above 1 less; 0 and less take the
        likeliest.
    top_k : int, default 0
        Draw among the `top_k` likeliest values only; 0 among all.
    top_p : float, default 1.0
        Draw among the fewest values that hold this much probability, in (0, 1].
    max_new_tokens : int or None, default None
        Most tokens of a generated value; None is as many as a row may have.
    repetition_penalty : float or None, default None
        Above 1 a token that was drawn before is less likely; None does not look.
    inference_batch_size : int or None, default None
        Rows asked of the backend at once; None is the batch size of training. It changes the
        speed, never the answer.
    n_samples : int, default 1
        Draws a cell (regressor, imputer), or column orders that are averaged (classifier).
    permute_order : bool, default True
        Draw the order of the known columns anew for each of the `n_samples`.
    aggregate : callable, default `aggregate_default`
        ``(draws, numeric) -> value`` makes one value of a cell's draws.
    score_pool : callable or None, default None
        ``(log_probabilities) -> probabilities`` makes one distribution over the candidates from
        one vector of log-probabilities for each column order; None is their mean.
    max_retries : int, default 15
        Further attempts at a value that cannot be read.

    Examples
    --------
    >>> GenerationConfig(temperature=0).temperature
    0
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "temperature": [Interval(Real, None, None, closed="neither")],
        "top_k": [_NOT_NEGATIVE_INT],
        "top_p": [Interval(Real, 0, 1, closed="right")],
        "max_new_tokens": [_POSITIVE_INT, None],
        "repetition_penalty": [_POSITIVE, None],
        "inference_batch_size": [_POSITIVE_INT, None],
        "n_samples": [_POSITIVE_INT],
        "permute_order": ["boolean"],
        "aggregate": [callable],
        "score_pool": [callable, None],
        "max_retries": [_NOT_NEGATIVE_INT],
    }

    def __init__(
        self,
        temperature: float = 0.7,
        top_k: int = 0,
        top_p: float = 1.0,
        *,
        max_new_tokens: int | None = None,
        repetition_penalty: float | None = None,
        inference_batch_size: int | None = None,
        n_samples: int = 1,
        permute_order: bool = True,
        aggregate: Callable[[Sequence[Any], bool], Any] = aggregate_default,
        score_pool: Callable[[Sequence[Sequence[float]]], Sequence[float]] | None = None,
        max_retries: int = 15,
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
    """Answer a number on a few of its observed values instead of drawing it.

    The distinct values are parted, each part is stood for by one observed value, and the
    probabilities of these candidates become one number.

    Parameters
    ----------
    bins : int or float, default 0
        0 is off. An int is the number of candidates, at most as many as there are distinct
        values. A float in (0, 1] is the share of the distinct values; 1.0 is all of them.
    strategy : {"quantile", "uniform"}, default "quantile"
        Parts that hold about equally many observed cells, or parts equally wide.
    representative : {"median", "mode", "mean"}, default "median"
        Which observed value stands for a part: the lower median of its cells, the most frequent
        one (the smallest of several), or the one nearest to their mean.
    estimate : {"mean", "mode"}, default "mean"
        The candidates' mean under the model, or the likeliest of them.

    Examples
    --------
    >>> DiscretizationConfig(bins=0.3).bins
    0.3
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "bins": [_NOT_NEGATIVE_INT, Interval(Real, 0, 1, closed="both")],
        "strategy": [StrOptions({"quantile", "uniform"})],
        "representative": [StrOptions({"median", "mode", "mean"})],
        "estimate": [StrOptions({"mean", "mode"})],
    }

    def __init__(
        self,
        *,
        bins: float = 0,
        strategy: Literal["quantile", "uniform"] = "quantile",
        representative: Literal["median", "mode", "mean"] = "median",
        estimate: Literal["mean", "mode"] = "mean",
    ) -> None:
        self.bins = bins
        self.strategy = strategy
        self.representative = representative
        self.estimate = estimate


class LoRAConfig(Config):
    """Low-rank adapters [1]_, trained in place of all of a pretrained model's weights.

    Parameters
    ----------
    rank : int, default 16
        Rank of an adapter.
    alpha : float, default 32
        An adapter counts ``alpha / rank``.
    dropout : float, default 0.0
        Share of an adapter's inputs dropped in training, in [0, 1).
    target_modules : str, list of str or None, default None
        Modules that get an adapter: names as the backend has them, or "all-linear". None leaves
        it to the backend; it and "all-linear" mean the same with every backend.
    rank_pattern, alpha_pattern : dict or None, default None
        Another `rank` or `alpha` for the modules whose name ends so.
    rslora : bool, default False
        Count an adapter ``alpha / sqrt(rank)`` instead [2]_.
    dora : bool, default False
        Learn the lengths of the weights apart from their directions [3]_.

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

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "rank": [_POSITIVE_INT],
        "alpha": [_POSITIVE],
        "dropout": [_SHARE],
        "target_modules": [str, list, tuple, None],
        "rank_pattern": [dict, None],
        "alpha_pattern": [dict, None],
        "rslora": ["boolean"],
        "dora": ["boolean"],
    }

    def __init__(
        self,
        *,
        rank: int = 16,
        alpha: float = 32,
        dropout: float = 0.0,
        target_modules: str | Sequence[str] | None = None,
        rank_pattern: Mapping[str, int] | None = None,
        alpha_pattern: Mapping[str, float] | None = None,
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

    def validate(self) -> None:
        """Raise `ConfigError` if a parameter is out of range, also one of a single module."""
        super().validate()
        for name, valid in (("rank_pattern", _POSITIVE_INT), ("alpha_pattern", _POSITIVE)):
            for module, value in (getattr(self, name) or {}).items():
                if not valid.is_satisfied_by(value):
                    raise ConfigError(
                        f"The {name!r} parameter of LoRAConfig must be {valid} for each module. "
                        f"Got {value!r} for {module!r} instead."
                    )


# What each library can do.
_QUANTIZED_BITS = {
    "auto": (2, 3, 4, 6, 8),
    "bitsandbytes": (4, 8),
    "hqq": (2, 3, 4, 8),
    "mlx": (2, 3, 4, 6, 8),
}
_QUANTIZED_NAMES = {f"{bits}bit" for bits in _QUANTIZED_BITS["auto"]}


class QuantizationConfig(Config):
    """How few bits a pretrained model's weights are held in.

    Parameters
    ----------
    bits : {2, 3, 4, 6, 8}, default 4
        Bits a weight.
    method : {"auto", "bitsandbytes", "hqq", "mlx"}, default "auto"
        The library: bitsandbytes has 4 and 8 bits, hqq 2, 3, 4 and 8, mlx all of them. "auto"
        leaves it to the backend.
    group_size : int or None, default None
        Weights that share a scale; None is the library's own, and bitsandbytes has no other.

    Examples
    --------
    >>> QuantizationConfig(bits=8).bits
    8
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "bits": [Options(Integral, set(_QUANTIZED_BITS["auto"]))],
        "method": [StrOptions(set(_QUANTIZED_BITS))],
        "group_size": [_POSITIVE_INT, None],
    }

    def __init__(
        self,
        *,
        bits: int = 4,
        method: Literal["auto", "bitsandbytes", "hqq", "mlx"] = "auto",
        group_size: int | None = None,
    ) -> None:
        self.bits = bits
        self.method = method
        self.group_size = group_size

    @classmethod
    def _of(cls, value: object) -> Self:
        if isinstance(value, str) and value in _QUANTIZED_NAMES:
            return cls(bits=int(value.removesuffix("bit")))
        return super()._of(value)

    def validate(self) -> None:
        """Raise `ConfigError` if a parameter is out of range or they do not fit each other."""
        super().validate()
        able = _QUANTIZED_BITS[self.method]
        if self.bits not in able:
            raise ConfigError(
                f"the method {self.method!r} has no {self.bits} bits, only "
                f"{', '.join(map(str, able))}: give one of these, or another method"
            )


class ModelConfig(Config):
    """The model: the size of the default backend's, or which pretrained one, loaded how.

    Parameters
    ----------
    width : int, default 64
        Size of a hidden state; a multiple of `heads`.
    layers, heads : int, default 2 and 4
        Blocks, and attention heads in each.
    dropout : float or "auto", default "auto"
        Share of activations dropped in training; "auto" goes by the number of rows.
    members : int or "auto", default "auto"
        Models trained side by side, each with other validation rows, whose answers are averaged;
        "auto" is several for a small table and one for a large one.
    model : str, object, callable or None, default None
        A pretrained model: its name or folder, the loaded one, or a function that returns one,
        which each fit calls. None is the backend's own choice.
    lora : LoRAConfig or None, default None
        Train adapters; None trains all weights.
    quantization : str, QuantizationConfig or None, default None
        Hold the pretrained weights in few bits: "2bit", "3bit", "4bit", "6bit", "8bit", or more
        about it. None holds them in `precision`.
    precision : {"auto", "fp32", "bf16", "fp16"}, default "auto"
        What is computed in; "auto" is what the device is fast in.
    device : {"auto", "cuda", "mps", "cpu"}, default "auto"
        What it is computed on; "auto" is the fastest there is.
    tokenizer : str, object, callable or None, default None
        As `model`; None is the one that belongs to the model.
    trust_remote_code : bool, default False
        Run code that comes with a pretrained model.
    attn_implementation : str or None, default None
        How attention is computed, such as "flash_attention_2"; None is the model's own.

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
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "width": [_POSITIVE_INT],
        "layers": [_POSITIVE_INT],
        "heads": [_POSITIVE_INT],
        "dropout": [_SHARE, _AUTO],
        "members": [_POSITIVE_INT, _AUTO],
        "model": "no_validation",  # only the backend knows what it can load
        "lora": [LoRAConfig, None],
        "quantization": [StrOptions(_QUANTIZED_NAMES), QuantizationConfig, None],
        "precision": [StrOptions({"auto", "fp32", "bf16", "fp16"})],
        "device": [StrOptions({"auto", "cuda", "mps", "cpu"})],
        "tokenizer": "no_validation",
        "trust_remote_code": ["boolean"],
        "attn_implementation": [str, None],
    }

    def __init__(
        self,
        width: int = 64,
        layers: int = 2,
        heads: int = 4,
        dropout: float | Literal["auto"] = "auto",
        members: int | Literal["auto"] = "auto",
        *,
        model: Any = None,
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
        """Raise `ConfigError` if a parameter is out of range or they do not fit each other."""
        super().validate()
        if self.width % self.heads:
            raise ConfigError(f"width={self.width} is not a multiple of heads={self.heads}")

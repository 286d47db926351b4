"""The config objects: scikit-learn parameters (``clone``, ``set_params``, ``a__b``), validated."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Literal

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)

from tabwidget.errors import ConfigError

__all__ = ["GenerationConfig", "ModelConfig", "TrainingConfig"]

_POSITIVE_INT = Interval(Integral, 1, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_AUTO = StrOptions({"auto"})


class _Config(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Parameters that are checked when they are used, as scikit-learn does."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and repr(vars(self)) == repr(vars(other))

    __hash__ = None  # type: ignore[assignment]  # it can be changed

    def validate(self) -> None:
        """Raise `ConfigError`, naming the parameter and what it may be, if one is out of range."""
        try:
            validate_parameter_constraints(
                self._parameter_constraints, self.get_params(deep=False), type(self).__name__
            )
        except InvalidParameterError as error:
            raise ConfigError(str(error)) from None


class TrainingConfig(_Config):
    """How a model is trained, and for how long.

    Training ends at the first limit reached of `epochs`, `max_steps` and `max_seconds`. With the
    scheduler "auto" it also ends, limit or not, once the loss on the rows held out no longer falls.

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
        Highest learning rate; "auto" is the engine's own.
    lr_scheduler : {"auto", "constant", "linear", "cosine"}, default "auto"
        "auto" holds the rate until the hold-out loss no longer falls, then cools down from the
        best weights. The others follow the share of the limit used.
    warmup_steps : int, default 20
        Steps over which the rate rises from zero.
    weight_decay : float, default 0.1
        Decoupled weight decay.
    validation_fraction : float, default 0.1
        Share of the rows held out to choose the best weights by, in (0, 0.5].

    Examples
    --------
    >>> TrainingConfig(max_seconds=12).max_seconds
    12
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "epochs": [_POSITIVE_INT, None],
        "max_steps": [_POSITIVE_INT, None],
        "max_seconds": [_POSITIVE, None],
        "batch_size": [_POSITIVE_INT, _AUTO],
        "learning_rate": [_POSITIVE, _AUTO],
        "lr_scheduler": [StrOptions({"auto", "constant", "linear", "cosine"})],
        "warmup_steps": [Interval(Integral, 0, None, closed="left")],
        "weight_decay": [_NOT_NEGATIVE],
        "validation_fraction": [Interval(Real, 0, 0.5, closed="right")],
    }

    def __init__(
        self,
        epochs: int | None = None,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: float | Literal["auto"] = "auto",
        lr_scheduler: Literal["auto", "constant", "linear", "cosine"] = "auto",
        warmup_steps: int = 20,
        weight_decay: float = 0.1,
        validation_fraction: float = 0.1,
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

    def validate(self) -> None:
        """Raise `ConfigError` if a parameter is out of range or they do not fit each other."""
        super().validate()
        limits = (self.epochs, self.max_steps, self.max_seconds)
        if self.lr_scheduler != "auto" and limits == (None, None, None):
            raise ConfigError(
                f"lr_scheduler={self.lr_scheduler!r} runs to its limit: "
                "give epochs, max_steps or max_seconds"
            )


class GenerationConfig(_Config):
    """How values are drawn.

    Parameters
    ----------
    temperature : float, default 0.7
        Below 1 the likely values are drawn more often, above 1 less; 0 takes the likeliest.
    top_k : int, default 0
        Draw among the `top_k` likeliest values only; 0 among all.
    top_p : float, default 1.0
        Draw among the fewest values that hold this much probability.

    Examples
    --------
    >>> GenerationConfig(temperature=0).temperature
    0
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "temperature": [_NOT_NEGATIVE],
        "top_k": [Interval(Integral, 0, None, closed="left")],
        "top_p": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(self, temperature: float = 0.7, top_k: int = 0, top_p: float = 1.0) -> None:
        self.temperature = temperature
        self.top_k = top_k
        self.top_p = top_p


class ModelConfig(_Config):
    """The size of the default engine's model.

    Parameters
    ----------
    width : int, default 64
        Size of a hidden state; a multiple of `heads`.
    layers, heads : int, default 2 and 4
        Blocks, and attention heads in each.
    dropout : float or "auto", default "auto"
        Share of activations dropped in training; "auto" goes by the number of rows.
    members : int or "auto", default "auto"
        Models trained side by side, each with other rows held out, whose answers are averaged;
        "auto" is several for a small table and one for a large one.

    Examples
    --------
    >>> ModelConfig(width=32).get_params()["width"]
    32
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "width": [_POSITIVE_INT],
        "layers": [_POSITIVE_INT],
        "heads": [_POSITIVE_INT],
        "dropout": [Interval(Real, 0, 1, closed="left"), _AUTO],
        "members": [_POSITIVE_INT, _AUTO],
    }

    def __init__(
        self,
        width: int = 64,
        layers: int = 2,
        heads: int = 4,
        dropout: float | Literal["auto"] = "auto",
        members: int | Literal["auto"] = "auto",
    ) -> None:
        self.width = width
        self.layers = layers
        self.heads = heads
        self.dropout = dropout
        self.members = members

    def validate(self) -> None:
        """Raise `ConfigError` if a parameter is out of range or they do not fit each other."""
        super().validate()
        if self.width % self.heads:
            raise ConfigError(f"width={self.width} is not a multiple of heads={self.heads}")

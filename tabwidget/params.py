"""Parameters as in scikit-learn (``clone``, ``set_params``, ``a__b``), validated when used."""

from __future__ import annotations

import reprlib
import warnings
from collections.abc import Callable, Collection, Mapping
from functools import cache
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    Self,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from sklearn.base import BaseEstimator

from tabwidget.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["Config", "NestedParams", "changed", "warn_unused"]


class NestedParams:
    """Mixin, before ``BaseEstimator``: ``set_params(training__epochs=2)`` while `training` is None.

    scikit-learn sets fields of an existing config only. Here a config that is None is first
    created from its defaults, so a grid search can sweep ``lora__rank`` on an estimator
    without a `lora`.

    Attributes
    ----------
    _nested : dict of str to type
        The config class of each such parameter.
    """

    _nested: ClassVar[dict[str, type[Config]]] = {}

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this object, or of its configs as ``config__field``.

        Raises
        ------
        ValueError
            For an unknown parameter name.
        """
        for name, kind in self._nested.items():
            prefix = f"{name}__"
            inner = {key: params[key] for key in params if key.startswith(prefix)}
            if not inner or not hasattr(self, name):
                continue
            value = params.get(name, getattr(self, name))
            if not isinstance(value, kind):
                config = kind._of(value)
                config.set_params(**{key.removeprefix(prefix): v for key, v in inner.items()})
                params = {key: v for key, v in params.items() if key not in inner}
                params[name] = config
        super().set_params(**params)  # type: ignore[misc]  # scikit-learn's
        return self


class Config(NestedParams, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Parameters whose annotations are their constraints, checked by `validate`.

    ``__init__`` stores its arguments unchanged, as scikit-learn requires. The annotations of
    ``__init__`` are types of pydantic, such as ``Annotated[int, Ge(1)] | None``, and are
    checked strictly: ``"3"`` and ``True`` are not integers; NumPy's numbers are numbers.
    """

    @classmethod
    def _of(cls, value: object) -> Self:
        """Return the config that a shorthand stands for; None is the defaults."""
        if value is None:
            return cls()
        raise ConfigError(
            f"{reprlib.repr(value)} has no fields to set: give a {cls.__name__} instead"
        )

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # mutable

    def validate(self) -> None:
        """Raise `ConfigError` for an invalid parameter: its name, what is allowed, its value."""
        kind = type(self)
        adapters = _adapters(kind)  # type: ignore[arg-type]  # its instances are not hashable
        for name, (annotation, adapter) in adapters.items():
            value = getattr(self, name)
            if rejected := _rejected(value, adapter):
                raise ConfigError(
                    f"{kind.__name__}.{name} must be {_allowed(annotation)}, not {rejected}"
                )
            if isinstance(value, Config):
                value.validate()


@cache
def _adapters(kind: type[Config]) -> dict[str, tuple[Any, TypeAdapter[Any]]]:
    """Return the annotation and the validator of each parameter of a config class."""
    from pydantic import ConfigDict, TypeAdapter  # slow to import

    rules = ConfigDict(strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)
    hints = get_type_hints(kind.__init__, include_extras=True)
    names = [name for name in hints if name != "return"]
    return {name: (hints[name], TypeAdapter(hints[name], config=rules)) for name in names}


def _rejected(value: object, adapter: TypeAdapter[Any]) -> str:
    """Return the repr of the invalid value, or of the invalid item of a dict; "" if valid."""
    from pydantic import ValidationError

    try:
        adapter.validate_python(_plain(value))
    except ValidationError as error:
        first = error.errors()[0]
        if isinstance(value, dict) and first["loc"]:
            return f"{reprlib.repr(first['input'])} for {first['loc'][0]!r}"
        return reprlib.repr(value)
    return ""


def _plain(value: object) -> object:
    """Return a number of another type, such as NumPy's, as Python's own: strictness needs it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value


_WORDS: dict[Any, str] = {
    NoneType: "None",
    bool: "True or False",
    float: "a finite number",
    int: "an integer",
    str: "a string",
    Callable: "a callable",
}
_SIGNS = {Gt: (">", "gt"), Ge: (">=", "ge"), Lt: ("<", "lt"), Le: ("<=", "le")}


def _allowed(annotation: Any) -> str:
    """Return an annotation in words.

    Examples
    --------
    >>> _allowed(Annotated[float, Gt(0), Lt(1)] | Literal["auto"] | None)
    "a finite number > 0 and < 1, 'auto' or None"
    """
    *others, last = _options(annotation)
    return f"{', '.join(others)} or {last}" if others else last


def _options(annotation: Any) -> list[str]:
    """Return the members of a union in words."""
    kind, args = get_origin(annotation) or annotation, get_args(annotation)
    if kind in (Union, UnionType):
        return [option for member in args for option in _options(member)]
    if kind is Literal:
        return [repr(choice) for choice in args]
    if kind is Annotated:
        signs = [(*_SIGNS[type(bound)], bound) for bound in annotation.__metadata__]
        bounds = " and ".join(f"{sign} {getattr(bound, name)}" for sign, name, bound in signs)
        return [f"{_allowed(args[0])} {bounds}"]
    if kind in _WORDS:
        return [_WORDS[kind]]
    if not args:
        return [f"a {kind.__name__}"]
    if issubclass(kind, Mapping):
        return [f"a dict whose values are each {_allowed(args[1])}"]
    return [f"a list whose items are each {_allowed(args[0])}"]


def changed(config: BaseEstimator) -> dict[str, Any]:
    """Return the parameters of a config that differ from its defaults, by name.

    Examples
    --------
    >>> from tabwidget.config import TrainingConfig
    >>> changed(TrainingConfig(max_steps=40, warmup_steps=20))
    {'max_steps': 40}
    """
    default = type(config)().get_params(deep=False)
    params = config.get_params(deep=False)
    return {name: value for name, value in params.items() if value != default[name]}


def warn_unused(config: BaseEstimator | None, supported: Collection[str], backend: str) -> None:
    """Warn once about all changed fields that a backend does not support.

    Parameters
    ----------
    config : config object or None
        The config; None changes nothing.
    supported : collection of str
        The fields that have an effect.
    backend : str
        The backend's name.

    Warns
    -----
    UserWarning
        Names the class, the fields and their values.

    Examples
    --------
    >>> from tabwidget.config import TrainingConfig
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_unused(TrainingConfig(neftune_noise_alpha=5), {"epochs"}, "minilm")
    >>> print(caught[0].message)
    TrainingConfig.neftune_noise_alpha=5 has no effect with the backend 'minilm'
    """
    if config is None:
        return
    kind = type(config).__name__
    unused = [
        f"{kind}.{name}={reprlib.repr(value)}"
        for name, value in changed(config).items()
        if name not in supported
    ]
    if unused:
        has = "has" if len(unused) == 1 else "have"
        warnings.warn(
            f"{', '.join(unused)} {has} no effect with the backend {backend!r}",
            UserWarning,
            stacklevel=3,
        )

"""Parameters in scikit-learn's way (``clone``, ``set_params``, ``a__b``), validated when used."""

from __future__ import annotations

import reprlib
import warnings
from collections.abc import Collection
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints

from tabwidget.errors import ConfigError

__all__ = ["Config", "NestedParams", "changed", "warn_unused"]


class NestedParams:
    """``set_params(training__epochs=2)`` also where `training` is still None.

    A mixin, before ``BaseEstimator``. scikit-learn addresses the fields of a config that is
    there; here one that is not is made first, from its defaults, so that a grid may sweep
    ``lora__rank`` on an estimator that was given no `lora`.

    Attributes
    ----------
    _nested : dict of str to type
        The config class of each such parameter.
    """

    _nested: ClassVar[dict[str, type[Config]]] = {}

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this object, or of the configs in it as ``config__field``.

        Raises
        ------
        ValueError
            For a name that is no parameter.
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
    """Parameters that are checked when they are used, as scikit-learn does."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {}

    @classmethod
    def _of(cls, value: object) -> Self:
        """Return the config that a shorter way to write one stands for; None is the defaults."""
        if value is None:
            return cls()
        raise ConfigError(
            f"{reprlib.repr(value)} has no fields to set: give a {cls.__name__} instead"
        )

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # it can be changed

    def validate(self) -> None:
        """Raise `ConfigError`, naming the parameter and what it may be, if one is out of range."""
        params = self.get_params(deep=False)
        try:
            validate_parameter_constraints(self._parameter_constraints, params, type(self).__name__)
        except InvalidParameterError as error:
            raise ConfigError(str(error)) from None
        for value in params.values():
            if isinstance(value, Config):
                value.validate()


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


def warn_unused(config: BaseEstimator | None, honored: Collection[str], backend: str) -> None:
    """Warn, once for all of them, of the changed fields that a backend does not honor.

    Parameters
    ----------
    config : config object or None
        What was asked for; None asks for nothing.
    honored : collection of str
        The fields that have an effect.
    backend : str
        The name of the backend.

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
        if name not in honored
    ]
    if unused:
        has = "has" if len(unused) == 1 else "have"
        warnings.warn(
            f"{', '.join(unused)} {has} no effect with the backend {backend!r}",
            UserWarning,
            stacklevel=3,
        )

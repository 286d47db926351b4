"""Callback: told of every event of a fit or a prediction; and how several are told."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

from tabwidget.errors import ConfigError
from tabwidget.events import Event, TrainingState

__all__ = ["Callback", "Stop", "as_list", "close", "tell"]


class Stop:
    """What `Callback.on_event` returns to end the fit: ``return Stop``, or ``return Stop()``.

    Training then ends at its next step and keeps the best weights, as with ``state.stop()``.

    Examples
    --------
    >>> class GoodEnough(Callback):
    ...     def on_event(self, state, event):
    ...         if state.best_loss is not None and state.best_loss < 0.5:
    ...             return Stop
    """


Answer: TypeAlias = Stop | type[Stop] | None


class Callback:
    """Told of every event of a fit or a prediction, on the thread that does it.

    What it raises ends the fit, which raises it: the model is left with its best weights, or
    unfitted, and every display is closed. Several callbacks are told in their order, each of
    every event, even if one before it has raised.

    An estimator that is cloned copies its callbacks with `copy.deepcopy`, and one that is sent to
    another process pickles them: bars, files and displays that are open stay behind.

    Examples
    --------
    >>> class Count(Callback):
    ...     seen = 0
    ...     def on_event(self, state, event):
    ...         self.seen += 1
    """

    # Attributes that no copy takes along: they are None in it.
    _open: ClassVar[tuple[str, ...]] = ()
    # Attributes that a copy in this process shares, and one in another goes without.
    _shared: ClassVar[tuple[str, ...]] = ()

    def on_event(self, state: TrainingState, event: Event) -> Answer:
        """Take one event; `state` already holds it. Return `Stop` to end the fit."""
        return None

    def close(self) -> None:
        """Close what is open on the screen, if anything is: the fit ended without telling so."""

    def __getstate__(self) -> dict[str, Any]:
        left_out = {*self._open, *self._shared}
        return {name: None if name in left_out else v for name, v in vars(self).items()}

    def __deepcopy__(self, memo: dict[int, Any]) -> Callback:
        copied = object.__new__(type(self))
        memo[id(self)] = copied
        vars(copied).update(copy.deepcopy(self.__getstate__(), memo))
        vars(copied).update({name: getattr(self, name) for name in self._shared})
        return copied


def as_list(callbacks: Callback | Sequence[Callback] | None) -> list[Callback]:
    """Return what `callbacks=` was given as a list.

    Raises
    ------
    ConfigError
        For anything that is no callback; names its place.

    Examples
    --------
    >>> as_list(None)
    []
    >>> as_list(["tqdm"])
    Traceback (most recent call last):
    ...
    tabwidget.errors.ConfigError: callbacks[0] is 'tqdm', not a Callback: give TqdmCallback(), ...
    """
    if callbacks is None:
        return []
    found: dict[str, Any] = {"callbacks": callbacks}
    if isinstance(callbacks, (list, tuple)):
        found = {f"callbacks[{number}]": callback for number, callback in enumerate(callbacks)}
    for place, callback in found.items():
        if isinstance(callback, Callback):
            continue
        if isinstance(callback, type) and issubclass(callback, Callback):
            name = callback.__name__
            raise ConfigError(f"{place} is the class {name}: make one of it, {name}()")
        raise ConfigError(
            f"{place} is {callback!r}, not a Callback: give TqdmCallback(), another callback, or a "
            "list of them"
        )
    return list(found.values())


def tell(callbacks: Sequence[Callback], state: TrainingState, event: Event) -> None:
    """Tell every callback of an event that `state` already holds; note if one answers `Stop`.

    A callback that raises hinders no other: all are told, and then its error goes on. Whoever
    fits calls `close` in the end, which closes the displays however it ended.
    """
    first: BaseException | None = None
    for callback in callbacks:
        try:
            answer = callback.on_event(state, event)
        except BaseException as error:  # an interrupt must reach whoever waits for the fit, too
            first = first or error
        else:
            if answer is Stop or isinstance(answer, Stop):
                state.stop()
    if first is not None:
        raise first


def close(callbacks: Sequence[Callback]) -> None:
    """Close whatever the callbacks have open: each, even if one raises as it closes."""
    with contextlib.ExitStack() as stack:
        for callback in callbacks:
            stack.callback(callback.close)

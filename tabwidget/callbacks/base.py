"""The base class of callbacks, and delivery of events to several of them."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

from tabwidget.errors import ConfigError
from tabwidget.events import Event, TrainingState

__all__ = ["Callback", "Stop", "as_list", "close", "notify"]


class Stop:
    """Return value of `Callback.on_event` that ends the fit: ``return Stop`` or ``return Stop()``.

    Training ends at its next step and keeps the best weights, as with ``state.stop()``.

    Examples
    --------
    >>> class GoodEnough(Callback):
    ...     def on_event(self, state, event):
    ...         if state.best_loss is not None and state.best_loss < 0.5:
    ...             return Stop
    """


StopSignal: TypeAlias = Stop | type[Stop] | None


class Callback:
    """A callback receives every event of a fit or a prediction, on the thread that runs it.

    An exception raised by a callback ends the fit and propagates from it: the model keeps its best
    weights or stays unfitted, and every display is closed. Several callbacks run in their order;
    each receives every event, even if an earlier one raised.

    Cloning an estimator copies its callbacks with `copy.deepcopy`, and sending it to another
    process pickles them. Copies start without the open bars, files and displays.

    Examples
    --------
    >>> class Count(Callback):
    ...     seen = 0
    ...     def on_event(self, state, event):
    ...         self.seen += 1
    """

    # Attributes that are None in every copy.
    _open: ClassVar[tuple[str, ...]] = ()
    # Attributes that a copy in this process shares; they are None in another process.
    _shared: ClassVar[tuple[str, ...]] = ()

    def on_event(self, state: TrainingState, event: Event) -> StopSignal:
        """Handle one event, which `state` already includes. Return `Stop` to end the fit."""
        return None

    def close(self) -> None:
        """Close any open display; called when a fit ends without a `FitEnd` event."""

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
    """Return the value of a `callbacks=` parameter as a list.

    Raises
    ------
    ConfigError
        If an item is not a callback; names its position.

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
            raise ConfigError(f"{place} is the class {name}: give an instance, {name}()")
        raise ConfigError(
            f"{place} is {callback!r}, not a Callback: give TqdmCallback(), another callback, or a "
            "list of them"
        )
    return list(found.values())


def notify(callbacks: Sequence[Callback], state: TrainingState, event: Event) -> None:
    """Send an event, which `state` already includes, to every callback; stop if one asks for it.

    All callbacks receive the event before the first exception is raised again. The caller runs
    `close` afterwards in every case.
    """
    first: BaseException | None = None
    for callback in callbacks:
        try:
            signal = callback.on_event(state, event)
        except BaseException as error:  # a KeyboardInterrupt must propagate, too
            first = first or error
        else:
            if signal is Stop or isinstance(signal, Stop):
                state.stop()
    if first is not None:
        raise first


def close(callbacks: Sequence[Callback]) -> None:
    """Close every callback, even if closing another one raises."""
    with contextlib.ExitStack() as stack:
        for callback in callbacks:
            stack.callback(callback.close)

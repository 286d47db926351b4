"""The magics of ``%load_ext tabwidget``: ``%tabwidget``, ``%tabfit`` and ``%tabp``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from tabwidget import datasets
from tabwidget.callbacks import Callback, TqdmCallback, close, notify
from tabwidget.errors import DataFileError, NotFittedError, TableError, TabwidgetError, nearest
from tabwidget.events import TrainingState
from tabwidget.session import Run, Session
from tabwidget.table import Table
from tabwidget.widgets import Workbench
from tabwidget.widgets.warm_up import warm_up

if TYPE_CHECKING:
    from argparse import Namespace

    from tabwidget.inference.distribution import Distribution
    from tabwidget.inference.joint import JointDistribution

__all__ = [
    "TabwidgetMagics",
    "current_session",
    "load_ipython_extension",
    "unload_ipython_extension",
]

NAMES = ("tabwidget", "tabfit", "tabp")
POLL = 0.1  # seconds between polls of a fit

_current: Session | None = None


def current_session() -> Session:
    """Return the current session: the newest one of `%tabwidget` or `%tabfit`.

    Raises
    ------
    NotFittedError
        If there is no session yet.

    Examples
    --------
    After ``%tabfit penguins`` in a notebook::

        from tabwidget.magics import current_session

        lm = current_session().model
    """
    if _current is None:
        raise NotFittedError("there is no session yet: start one with %tabwidget or %tabfit")
    return _current


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics, and import the backend on a thread; nothing is displayed or changed."""
    shell.register_magics(TabwidgetMagics)
    warm_up()


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Unregister the magics and forget the current session."""
    global _current
    _current = None
    for name in NAMES:
        shell.magics_manager.magics["line"].pop(name, None)
    shell.magics_manager.registry.pop(TabwidgetMagics.__name__, None)


def _unquoted(text: str) -> str:
    """Strip the quotes of a name with spaces: IPython splits at them but keeps them."""
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


Magic = TypeVar("Magic", bound=Callable[..., Any])


def _settings(magic: Magic) -> Magic:
    """Add the arguments that `%tabwidget` and `%tabfit` share."""
    for decorate in (
        argument("--seconds", type=float, help="seconds to train, 10 by default"),
        argument("--serializer", help="row format: json, key-value or bracket"),
        argument(
            "--task",
            help="classification, regression or synthesis; follows the target by default",
        ),
        argument("--target", type=_unquoted, help="the column that matters most"),
        argument(
            "source",
            nargs="?",
            type=_unquoted,
            help="a DataFrame of the notebook, a sample (penguins, iris, …) or a CSV or Parquet "
            "file; starts a new session. Without it, the current session is used.",
        ),
    ):
        magic = decorate(magic)
    return magic


@magics_class
class TabwidgetMagics(Magics):
    """The three line magics; they share one current session."""

    @magic_arguments()  # type: ignore[untyped-decorator]
    @_settings
    @line_magic
    def tabwidget(self, line: str) -> Workbench:
        """Open the workbench: data, task, training and queries in one view.

        Questions are answered at once, by a pretrained model that reads the table.
        Returns the Workbench, which a cell displays as its last line. All panels share its
        ``.session``, which is also ``tabwidget.magics.current_session()``.

        Examples::

            %tabwidget df --target species --seconds 10
            %tabwidget penguins
            %tabwidget "my data/sales.csv" --target "unit price"
            bench = %tabwidget df
        """
        with _readable():
            session = self._session(parse_argstring(self.tabwidget, line))
            return Workbench(session)

    @magic_arguments()  # type: ignore[untyped-decorator]
    @_settings
    @line_magic
    def tabfit(self, line: str) -> None:
        """Fit without the workbench, with a progress bar.

        The model is then ``tabwidget.magics.current_session().model``, and ``%tabp`` queries it.
        Interrupting the kernel ends the fit early and keeps the best weights so far.

        Examples::

            %tabfit df --target species --seconds 10
            %tabfit
        """
        with _readable():
            session = self._session(parse_argstring(self.tabfit, line))
            run = session.start()
            _follow(run, TqdmCallback())
            print(_summary(session, run))

    @no_var_expand
    @line_magic
    def tabp(self, line: str) -> Distribution | JointDistribution:
        """Query the current session's model for p(column | evidence), also before training.

        Returns the Distribution, which a cell draws as its last line; that of two columns is joint.

        Examples::

            %tabp species
            %tabp species | bill_length_mm=39.1, island in {Dream, Biscoe}
            %tabp species, sex | island=Dream
            %tabp body_mass_g | sex=female, 44 <= bill_length_mm < 48
            answer = %tabp sex | species != Gentoo, body_mass_g > 4000

        Put a name with spaces in `backticks`, and a text with other characters in "quotes".
        """
        with _readable():
            if not line.strip():
                raise UsageError("name a column, for example: %tabp species | island=Dream")
            return current_session().ask(line.strip()).distribution

    def _session(self, given: Namespace) -> Session:
        """Return the session to use; it becomes current only if every setting is valid."""
        global _current
        if given.source is not None:
            session = self._new_session(given.source)
        else:
            session = _current if _current is not None else Session()
        settings = {
            "target": given.target,
            "task": given.task,
            "serializer": given.serializer,
            "max_seconds": given.seconds,
        }
        chosen = {name: value for name, value in settings.items() if value is not None}
        if chosen:
            session.choose(**chosen)
        _current = session
        return session

    def _new_session(self, source: str) -> Session:
        """Return a new session over a variable, a sample or a file, searched in this order."""
        assert self.shell is not None
        namespace: dict[str, Any] = self.shell.user_ns
        value = namespace.get(source)
        if isinstance(value, Session):
            return value
        if isinstance(value, (pd.DataFrame, Table)):
            return Session(value, name=source)
        if source in datasets.names():
            return Session(source)
        if Path(source).expanduser().is_file():
            return Session(Path(source).expanduser())
        if value is not None:
            raise TableError(f"{source!r} is not a DataFrame but of type {type(value).__name__}")
        frames = [name for name, v in namespace.items() if isinstance(v, pd.DataFrame)]
        raise DataFileError(
            f"there is no DataFrame, sample or file {source!r}."
            + nearest(source, [*frames, *datasets.names()])
        )


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """Show errors of this package as one line instead of a traceback; the cell still fails."""
    try:
        yield
    except TabwidgetError as error:
        raise UsageError(str(error)) from None


def _follow(run: Run, callback: Callback) -> None:
    """Forward a run's events until it has ended; an interrupt ends it early."""
    state = TrainingState()
    position = 0
    ended = False
    while not ended:
        try:
            ended = run.wait(POLL)
        except KeyboardInterrupt:
            run.stop()
        events, position = run.since(position)
        for event in events:
            state.fold(event)
            notify([callback], state, event)
        if state.stopping:
            run.stop()
    close([callback])
    if run.exception is not None:
        raise run.exception


def _summary(session: Session, run: Run) -> str:
    assert session.table is not None
    rows, columns = session.table.frame.shape
    text = f"fitted {session.table.name}: {rows} rows, {columns} columns, {run.state.seconds:.1f} s"
    if run.state.best_loss is not None:
        text += f", validation loss {run.state.best_loss:.3f} nats per cell"
    gains = session.current_task.gains.values()
    if gains:
        text += f"; training added {sum(gains) / len(gains):+.3f} nats per cell"
    return text

"""Task: the protocol between a session and what it can learn from a table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tabwidget.backends.cost import Cost

if TYPE_CHECKING:
    from tabwidget.session.results import RowPreview
    from tabwidget.session.run import Run
    from tabwidget.session.session import Session

__all__ = ["Applied", "Task"]


@dataclass(frozen=True)
class Applied:
    """The effect of new settings.

    Attributes
    ----------
    changed : tuple of str
        Names of the settings that have another value now.
    invalidates : tuple of str
        Out of "model" and "answer": discarded because of the change.
    """

    changed: tuple[str, ...] = ()
    invalidates: tuple[str, ...] = ()


class Task(ABC):
    """One kind of thing to learn from a session's table.

    Parameters
    ----------
    session : Session
        Holds the table, the training settings and the random state. Every method is called with
        the session's lock held.

    Attributes
    ----------
    names : tuple of str
        The names a user chooses it by.
    kind : str
        Selects the front end's form for its settings, in ``js/src/panels/task``.
    panel : str
        The panel that queries the fitted model.
    settings : tuple of str
        Settings that `Session.choose` passes on to it.
    form : tuple of str
        Fields of the front end's form, which `from_form` turns into settings.
    """

    names: ClassVar[tuple[str, ...]]
    kind: ClassVar[str]
    panel: ClassVar[str]
    settings: ClassVar[tuple[str, ...]] = ()
    form: ClassVar[tuple[str, ...]] = ()

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def hint(self) -> str:
        """What to expect of training, in a sentence or two."""
        return ""

    def check(self, name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return valid settings, ready for `choose`; nothing is changed yet.

        Parameters
        ----------
        name : str
            One of `names`.
        settings : mapping
            Those of `settings` that the user changes.

        Raises
        ------
        ConfigError, ColumnError
            For a setting that is not valid.
        """
        return dict(settings)

    def name_for(self, settings: Mapping[str, Any]) -> str:
        """Return the name that settings imply when the user gives none."""
        return self.session.task if self.session.task in self.names else self.names[0]

    def from_form(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings from fields of the front end's form, all of them in `form`."""
        return dict(fields)

    @abstractmethod
    def choose(self, checked: Mapping[str, Any]) -> Applied:
        """Apply settings that `check` returned."""

    @property
    @abstractmethod
    def ready(self) -> bool:
        """Whether a model can be queried, also while it is still trained."""

    @property
    @abstractmethod
    def result(self) -> Any:
        """The fitted model; None before the first fit."""

    @property
    def trained(self) -> bool:
        """Whether the answers use a model trained on the table; only then can a fit resume."""
        return self.ready

    @property
    def trains(self) -> bool:
        """Whether a fit trains anything."""
        return True

    @property
    def sources(self) -> tuple[str, ...]:
        """What the answers come from, in words; empty if there are none yet."""
        return ("trained on your table",) if self.trained else ()

    @property
    def gains(self) -> dict[str, float]:
        """By column, the nats per validation cell that training added to the pretrained model."""
        return {}

    @property
    def prepares(self) -> bool:
        """Whether `prepare` makes a model that answers before training."""
        return False

    def prepare(self) -> None:  # noqa: B027  # most tasks need training
        """Make a model that answers without training, if there is one."""

    @abstractmethod
    def start(self, run: Run, resume: bool) -> Callable[[], object]:
        """Return the fit, to be called on the run's thread.

        Parameters
        ----------
        run : Run
            Receives the events; its `stopping` ends the fit.
        resume : bool
            Continue from the current weights.
        """

    @abstractmethod
    def cost(self) -> Cost:
        """Return an estimate of a fit's time and memory."""

    @abstractmethod
    def preview(self, row: int, draw: int) -> RowPreview:
        """Return a row of the table as the model reads it; `draw` varies what is random."""

    @abstractmethod
    def python(self) -> str:
        """Return the Python that fits and queries the same without a session."""

    @abstractmethod
    def snapshot(self) -> dict[str, Any]:
        """Return what the task panel shows: ``{"settings", "offers", "roles"}``.

        "roles" maps columns to their part in the task, such as "target".
        """

    def refresh(self) -> None:  # noqa: B027  # nothing to refresh by default
        """Ask the current question again, of a model that is still trained."""

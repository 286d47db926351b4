"""Workbench: all panels over one session, in one frame."""

from __future__ import annotations

import traitlets

from tabwidget.widgets.panel import Panel
from tabwidget.widgets.registry import panel_classes

__all__ = ["Workbench"]


class Workbench(Panel):
    """From a table to a dragged slider: its columns, the answer and the rows behind it.

    Parameters
    ----------
    source : Session, DataFrame, str, path or Table, optional
        What to work on. Widgets over the same session stay in step. A sample is given by its
        name, a CSV or Parquet file by its path; without a source, load a table in the first panel.
    **settings
        Passed on to `Session.choose`: ``target=``, ``task=``, ``serializer=``, ``max_seconds=``.

    Attributes
    ----------
    session : Session
        Holds the table, the settings, the fit and the questions.

    Examples
    --------
    >>> from tabwidget.widgets import Workbench
    >>> bench = Workbench("penguins", target="species", max_seconds=10)
    >>> bench.session.table.name
    'penguins'
    >>> bench.close()
    """

    framed = traitlets.Bool(default_value=True).tag(sync=True)

    @classmethod
    def drawn(cls) -> list[str]:
        """Return the names of all panels."""
        return list(panel_classes())

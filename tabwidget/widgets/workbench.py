"""Workbench: all panels over one session, in one widget."""

from __future__ import annotations

from tabwidget.widgets._panel import Panel

__all__ = ["Workbench"]


class Workbench(Panel):
    """From a table to a dragged slider: data, task, training and queries in one view.

    Parameters
    ----------
    source : Session, DataFrame, str, path or Table, optional
        What to work on. Widgets over the same session stay in step; a sample is given by its
        name, a CSV or Parquet file by its path. Without it, choose a table in the first panel.
    **choices
        Passed on to `Session.choose`: ``target=``, ``task=``, ``serializer=``, ``max_seconds=``.

    Attributes
    ----------
    session : Session
        Holds everything: what is loaded, chosen, fitted and asked.

    Examples
    --------
    >>> from tabwidget.widgets import Workbench
    >>> bench = Workbench("penguins", target="species", max_seconds=10)
    >>> bench.session.table.name
    'penguins'
    >>> bench.close()
    """

    _drawn = ("data", "task", "train", "query")

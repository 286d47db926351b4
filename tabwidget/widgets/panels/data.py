"""DataPanel: Load a table and see its columns."""

from __future__ import annotations

from tabwidget.widgets._panel import Panel

__all__ = ["DataPanel"]


class DataPanel(Panel):
    """Load a table and see its columns: step 1 of the workbench.

    Parameters
    ----------
    source : Session, DataFrame, str, path or Table, optional
        Panels over the same session stay in step.
    **choices
        Passed on to `Session.choose`.
    """

    _drawn = ("data",)

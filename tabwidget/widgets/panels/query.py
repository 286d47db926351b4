"""QueryPanel: Ask any column from any others."""

from __future__ import annotations

from tabwidget.widgets._panel import Panel

__all__ = ["QueryPanel"]


class QueryPanel(Panel):
    """Ask any column from any others: step 4 of the workbench.

    Parameters
    ----------
    source : Session, DataFrame, str, path or Table, optional
        Panels over the same session stay in step.
    **choices
        Passed on to `Session.choose`.
    """

    _drawn = ("query",)

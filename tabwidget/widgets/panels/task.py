"""TaskPanel: Choose what to learn and how a row is written."""

from __future__ import annotations

from tabwidget.widgets._panel import Panel

__all__ = ["TaskPanel"]


class TaskPanel(Panel):
    """Choose what to learn and how a row is written: step 2 of the workbench.

    Parameters
    ----------
    source : Session, DataFrame, str, path or Table, optional
        Panels over the same session stay in step.
    **choices
        Passed on to `Session.choose`.
    """

    _drawn = ("task",)

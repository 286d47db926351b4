"""TrainPanel: Start, stop and watch a fit."""

from __future__ import annotations

from tabwidget.widgets._panel import Panel

__all__ = ["TrainPanel"]


class TrainPanel(Panel):
    """Start, stop and watch a fit: step 3 of the workbench.

    Parameters
    ----------
    source : Session, DataFrame, str, path or Table, optional
        Panels over the same session stay in step.
    **choices
        Passed on to `Session.choose`.
    """

    _drawn = ("train",)

"""The workbench and its panels: anywidgets over one `tabwidget.Session`.

::

    workbench.py    all panels in one frame
    panels/         one file a panel: its class, slice of the state, requests and static view
    panel.py        the base: one session, one trait per slice, one message handler
    shared_traits.py  what other widgets can follow and set: question, answer, selection, rows
    registry.py     the panels there are, and the requests they handle
    feed.py         keeps the panels over a session up to date
    protocol.py     requests, replies and JSON
    frames.py       the notebook's DataFrames
    static_html.py  a session as HTML that needs no kernel
"""

from tabwidget.widgets.panels.columns import ColumnsPanel
from tabwidget.widgets.panels.data import DataPanel
from tabwidget.widgets.panels.labels import LabelsPanel
from tabwidget.widgets.panels.query import QueryPanel
from tabwidget.widgets.panels.rows import RowsPanel
from tabwidget.widgets.panels.task import TaskPanel
from tabwidget.widgets.panels.train import TrainPanel
from tabwidget.widgets.workbench import Workbench

__all__ = [
    "ColumnsPanel",
    "DataPanel",
    "LabelsPanel",
    "QueryPanel",
    "RowsPanel",
    "TaskPanel",
    "TrainPanel",
    "Workbench",
]

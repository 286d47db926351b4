"""The workbench and its panels: anywidgets over one `tabwidget.Session`.

::

    _panel.py      the base: one session, one snapshot trait, one message handler
    _requests.py   what a browser may ask for, one small function each
    _feed.py       carries a session's news to every panel over it
    _state.py      a session as JSON
    _static.py     a session as a picture that needs no kernel
    data.py  task.py  train.py  query.py  workbench.py    one public class each
"""

from tabwidget.widgets.data import DataPanel
from tabwidget.widgets.query import QueryPanel
from tabwidget.widgets.task import TaskPanel
from tabwidget.widgets.train import TrainPanel
from tabwidget.widgets.workbench import Workbench

__all__ = ["DataPanel", "QueryPanel", "TaskPanel", "TrainPanel", "Workbench"]

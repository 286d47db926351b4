"""The pretrained in-context model: any column of a new table, from its rows as context.

::

    features.py       closed forms of cells and rows, each leaving a context row's own answer out
    model.py          the transformer over rows, its cached context and its mixture of answers
    encoding.py       a table's cells as the model reads them
    context.py        one target's cached context, and its answers over the target's support
    table_context.py  all targets of a table: which rows they read, and what stays cached
    backend.py        the backend
    weights.py        the weights in the package
"""

from tabwidget.backends.pretrained.backend import PretrainedBackend

__all__ = ["PretrainedBackend"]

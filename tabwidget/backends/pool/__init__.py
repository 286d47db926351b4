"""The default backend: the pretrained model, the fitted network and forests, pooled per column.

::

    backend.py     the backend
    validation.py  predictions of rows that no member has seen
    weights.py     the pool weights, chosen by those predictions
    forest.py      a random forest whose leaves hold distributions; forests.py: one per target
"""

from tabwidget.backends.pool.backend import PoolBackend

__all__ = ["PoolBackend"]

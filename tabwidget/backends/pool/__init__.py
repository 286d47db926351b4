"""The default backend: the pretrained in-context model and the fitted network, pooled per column.

::

    backend.py     the backend
    validation.py  predictions of rows that no member has seen
    weights.py     the pool weights, chosen by those predictions
"""

from tabwidget.backends.pool.backend import PoolBackend

__all__ = ["PoolBackend"]

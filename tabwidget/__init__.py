"""A language model of a table: any column from any subset of the others.

``__init__.pyi`` lists the public names; each is imported when it is first used.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, _, _names = lazy_loader.attach_stub(__name__, __file__)

# Importable, for code written against scikit-lm and for %load_ext, but not public names.
_UNLISTED = {
    "EvalReport",
    "Event",
    "FitEnd",
    "FitStart",
    "Generation",
    "Memory",
    "PredictEnd",
    "PredictStart",
    "Retry",
    "RowEnd",
    "Score",
    "TrainExamples",
    "TrainReport",
    "aggregate_default",
    "load_ipython_extension",
    "unload_ipython_extension",
}

__all__ = sorted(set(_names) - _UNLISTED)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""The panels there are, found in the folder ``panels``, and the requests they handle."""

from __future__ import annotations

import functools
import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

from tabwidget.widgets.protocol import Handler

if TYPE_CHECKING:
    from tabwidget.widgets.panel import Panel

__all__ = ["handlers", "panel_classes"]

_FOLDER = "tabwidget.widgets.panels"


@functools.cache
def panel_classes() -> dict[str, type[Panel]]:
    """Return the panels by name, in the workbench's order.

    Examples
    --------
    >>> list(panel_classes())
    ['data', 'task', 'train', 'columns', 'query', 'labels', 'rows']
    """
    folder = import_module(_FOLDER)
    modules = [import_module(f"{_FOLDER}.{i.name}") for i in pkgutil.iter_modules(folder.__path__)]
    # Each module names its panel in `__all__`.
    found: list[type[Panel]] = [getattr(module, module.__all__[0]) for module in modules]
    return {panel.name: panel for panel in sorted(found, key=lambda panel: panel.order)}


@functools.cache
def handlers() -> dict[str, Handler]:
    """Return the handler of each kind of request, of all panels together."""
    found: dict[str, Handler] = {}
    for panel in panel_classes().values():
        twice = found.keys() & panel.handlers.keys()
        assert not twice, f"two panels handle {twice}"
        found.update(panel.handlers)
    return found

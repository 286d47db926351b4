"""The front end as built from ``js/``: two scripts and a stylesheet beside this module."""

from __future__ import annotations

from pathlib import Path

__all__ = ["bundled"]

_STATIC = Path(__file__).parent / "static"

_UNBUILT = """
export default {
  render({ el }) {
    el.textContent = "tabwidget: the front end is not built. Run `npm ci && npm run build` in js/.";
  },
};
"""


def bundled(name: str) -> str:
    """Return the text of a file; a script that is not built says so on the page.

    Examples
    --------
    >>> ".tw-root" in bundled("workbench.css")
    True
    """
    path = _STATIC / name
    if path.is_file():
        return path.read_text(encoding="utf-8")
    return _UNBUILT if path.suffix == ".js" else ""

"""Report: Markdown tables printed row by row, below a line of versions and machine."""

from __future__ import annotations

import argparse
import math
import os
import platform
import sys
from importlib import metadata
from pathlib import Path

import joblib
import torch

from tabwidget.backends.threads import few_threads

__all__ = ["Report", "machine", "parser", "shown"]

PACKAGES = ("torch", "scikit-learn", "pandas", "numpy")
PATH_OPTIONS = ("out", "cache")  # options that do not affect the results


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options of every benchmark."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--out", help="also write the output to this file")
    return made


class Report:
    """Prints lines immediately, and writes them to a file as well.

    Parameters
    ----------
    options : Namespace
        Options of `parser`, printed with the versions.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._file: Path | None = None
        if options.out is not None:
            self._file = Path(options.out)
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text("", encoding="utf-8")
        shown_options = {
            name: value for name, value in vars(options).items() if name not in PATH_OPTIONS
        }
        self.print(machine())
        settings = ", ".join(f"{name} {value}" for name, value in shown_options.items())
        self.print(f"\n{Path(sys.argv[0]).stem}: {settings}")

    def print(self, text: str = "") -> None:
        """Print a line."""
        print(text, flush=True)
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(text + "\n")

    def table(self, *names: str) -> None:
        """Print the header of a table."""
        self.print()
        self.row(*names)
        self.print("|" + "---|" * len(names))

    def row(self, *cells: object) -> None:
        """Print one row of the table."""
        self.print("| " + " | ".join(shown(cell) for cell in cells) + " |")


def shown(cell: object) -> str:
    """Format a cell: numbers with three decimals, and a dash for NaN.

    Examples
    --------
    >>> shown(0.12345), shown(float("nan")), shown(7)
    ('0.123', '–', '7')
    """
    if isinstance(cell, float):
        return "–" if math.isnan(cell) else f"{cell:.3f}"
    return str(cell)


def machine() -> str:
    """Return one line of versions and machine."""
    versions = [f"{name} {metadata.version(name)}" for name in PACKAGES]
    with few_threads():
        backend = torch.get_num_threads()
    parts = [
        *versions,
        f"Python {platform.python_version()}",
        _cpu(),
        f"{joblib.cpu_count()} cores",
        f"{torch.get_num_threads()} threads ({backend} in the backend)",
        f"load {os.getloadavg()[0]:.1f} at the start",
    ]
    return ", ".join(parts)


def _cpu() -> str:
    """Return the name of the processor; exact on Linux only."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

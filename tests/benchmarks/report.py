"""Report: a Markdown table printed row by row, under a line of versions and machine."""

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
PLACES = ("out", "cache")  # options that say where, and nothing about the figures


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--out", help="write the same text to this file as well")
    return made


class Report:
    """Prints lines as they come, and writes the same to a file.

    Parameters
    ----------
    options : Namespace
        Of `parser`; what was asked is printed with the versions.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._file: Path | None = None
        if options.out is not None:
            self._file = Path(options.out)
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text("", encoding="utf-8")
        asked = {name: value for name, value in vars(options).items() if name not in PLACES}
        self.say(machine())
        settings = ", ".join(f"{name} {value}" for name, value in asked.items())
        self.say(f"\n{Path(sys.argv[0]).stem}: {settings}")

    def say(self, text: str = "") -> None:
        """Write a line."""
        print(text, flush=True)
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(text + "\n")

    def table(self, *names: str) -> None:
        """Begin a table with these columns."""
        self.say()
        self.row(*names)
        self.say("|" + "---|" * len(names))

    def row(self, *cells: object) -> None:
        """Write one row of the table."""
        self.say("| " + " | ".join(shown(cell) for cell in cells) + " |")


def shown(cell: object) -> str:
    """Return a cell's text: numbers to three places, and a dash for none.

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
    """Return the processor's name; Linux alone knows it well."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

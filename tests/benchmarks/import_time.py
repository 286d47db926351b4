"""Print the seconds of ``import tabwidget`` in a new Python process, best of five."""

from __future__ import annotations

import subprocess
import sys

# Timed inside the new process, to exclude the start of Python.
MEASURE = (
    "import time; start = time.perf_counter(); import tabwidget; print(time.perf_counter() - start)"
)


def import_seconds() -> float:
    """Return the seconds that one import takes."""
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    print(f"import tabwidget: {min(import_seconds() for _ in range(5)):.3f} s")

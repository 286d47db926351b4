"""A marimo server on this machine, with one notebook."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.browser.lab import HERE, KNOWN_NOISE, free_port, running_server

# What marimo itself says, whatever is displayed in it.
MARIMO_NOISE = (
    *KNOWN_NOISE,
    # its background pictures
    "was preloaded using link preload but not used within a few seconds from the window's load",
)


@contextlib.contextmanager
def running_marimo(folder: Path, source: str) -> Iterator[str]:
    """Serve a notebook for editing, and yield its address; the server ends with the context."""
    notebook = folder / "notebook.py"
    notebook.write_text(source, encoding="utf-8")
    # The notebook runs as soon as it is opened.
    (folder / ".marimo.toml").write_text("[runtime]\nauto_instantiate = true\n", encoding="utf-8")
    port = free_port()
    environment = {
        **os.environ,
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_STATE_HOME": str(folder / "state"),
        "PYTHONPATH": os.pathsep.join(
            part for part in (os.environ.get("PYTHONPATH", ""), str(HERE)) if part
        ),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"),
    }
    command = [
        *(sys.executable, "-m", "marimo", "--yes", "edit", notebook.name, "--headless"),
        *("--host", "127.0.0.1", "--port", str(port), "--no-token", "--skip-update-check"),
    ]
    address = f"http://127.0.0.1:{port}"
    with running_server(command, environment, folder, f"{address}/health"):
        yield address

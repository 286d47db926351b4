"""A Jupyter server on this machine, and a page in it that notes whatever goes wrong."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect, sync_playwright

HERE = Path(__file__).resolve().parents[2]
LOCAL = {"127.0.0.1", "localhost", "[::1]", "::1"}
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# What JupyterLab itself says, whatever is displayed in it.
KNOWN_NOISE = (
    "Blocked aria-hidden on an element",  # its menus
    "Connection lost, reconnecting",  # a restarted kernel
    "is taking too long to activate",  # a plugin, on a busy machine
    "ms to activate",
)


def chromium() -> str | None:
    """Return where Chromium is, or None."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    return None


@dataclass
class Lab:
    """A running server."""

    port: int
    token: str
    root: Path
    app: str = "jupyterlab"

    def url(self, notebook: str) -> str:
        """Return the address of a notebook; in JupyterLab in a workspace of its own."""
        places = {"jupyterlab": f"lab/tree/{notebook}?reset&", "notebook": f"notebooks/{notebook}?"}
        return f"http://127.0.0.1:{self.port}/{places[self.app]}token={self.token}"

    def write(self, name: str, cells: list[str]) -> None:
        """Write a notebook; without kernel metadata JupyterLab would stop to ask for one."""
        notebook = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {
                "kernelspec": {
                    "name": "python3",
                    "display_name": "Python 3",
                    "language": "python",
                },
                "language_info": {"name": "python"},
            },
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{i}",
                    "metadata": {},
                    "execution_count": None,
                    "outputs": [],
                    "source": source,
                }
                for i, source in enumerate(cells)
            ],
        }
        (self.root / name).write_text(json.dumps(notebook), encoding="utf-8")

    def shut_down_kernels(self) -> None:
        """End all kernels: those of closed pages would work on beside the next page."""
        address = f"http://127.0.0.1:{self.port}/api/kernels"
        header = {"Authorization": f"token {self.token}"}
        with urllib.request.urlopen(urllib.request.Request(address, headers=header)) as reply:
            kernels = json.load(reply)
        for kernel in kernels:
            one = urllib.request.Request(f"{address}/{kernel['id']}", headers=header)
            one.method = "DELETE"
            urllib.request.urlopen(one).close()


@contextlib.contextmanager
def running_lab(
    folder: Path, theme: str = "JupyterLab Light", app: str = "jupyterlab"
) -> Iterator[Lab]:
    """Start JupyterLab, or Notebook 7, with configuration of its own; it ends with the context."""
    root = folder / "root"
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    for made in (root, settings):
        made.mkdir(parents=True, exist_ok=True)
    quiet = {"checkForUpdates": False, "fetchNews": "false", "doNotDisturbMode": True}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}))
    lab = Lab(free_port(), secrets.token_hex(16), root, app)
    environment = {
        **os.environ,
        "HOME": str(folder),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "PYTHONPATH": os.pathsep.join(
            part for part in (os.environ.get("PYTHONPATH", ""), str(HERE)) if part
        ),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"),
    }
    name = {"jupyterlab": "LabApp", "notebook": "JupyterNotebookApp"}[app]
    command = [
        *(sys.executable, "-m", app, "--no-browser", "--allow-root"),
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={lab.port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={lab.token}",
        f"--ServerApp.root_dir={root}",
        f"--{name}.expose_app_in_browser=True",
        "--LabApp.extension_manager=readonly",
        "--LabApp.news_url=",
    ]
    status = f"http://127.0.0.1:{lab.port}/api/status?token={lab.token}"
    with running_server(command, environment, folder, status):
        yield lab


@contextlib.contextmanager
def running_server(
    command: list[str], environment: dict[str, str], folder: Path, address: str
) -> Iterator[None]:
    """Start a server, wait until it answers at an address, and end it with the context."""
    path = folder / "server.log"
    with path.open("wb") as log:
        server = subprocess.Popen(
            command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder
        )
        try:
            _wait_until_up(server, address, path)
            yield
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')}")
        with (
            contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError),
            urllib.request.urlopen(address, timeout=5),
        ):
            return
        time.sleep(0.2)
    raise RuntimeError(f"the server did not answer:\n{log.read_text(errors='replace')}")


@contextlib.contextmanager
def running_browser(folder: Path, arguments: Sequence[str] = ()) -> Iterator[Browser]:
    """Start Chromium with a profile of its own, and with further arguments."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=[*CHROMIUM_ARGS, *arguments],
            env={**os.environ, "HOME": str(folder)},
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watched:
    """A page, what it complained about, and what it asked of other machines."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    forgiven: tuple[str, ...] = KNOWN_NOISE

    def heard(self, message: ConsoleMessage) -> None:
        """Note an error or a warning."""
        if message.type in ("error", "warning"):
            self.complain(f"{message.type}: {message.text}")

    def complain(self, text: str) -> None:
        """Note a complaint that is not forgiven."""
        if not any(known in text for known in self.forgiven):
            self.complaints.append(text)

    def route(self, route: Route) -> None:
        """Let requests to this machine through, stop and note all others."""
        parts = urlsplit(route.request.url)
        if parts.scheme in ("data", "blob") or parts.hostname in LOCAL:
            route.continue_()
        else:
            self.strangers.append(route.request.url)
            route.abort()


def watched_page(
    browser: Browser, width: int = 1500, height: int = 1900, scale: float = 1
) -> Watched:
    """Open a page that notes errors and requests to other machines."""
    page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=scale)
    watched = Watched(page)
    page.on("console", watched.heard)
    page.on("pageerror", lambda error: watched.complain(f"page error: {error}"))
    page.on("request", lambda request: _note_stranger(watched, request.url))
    page.route("**/*", watched.route)
    page.set_default_timeout(30_000)
    expect.set_options(timeout=30_000)  # a busy machine answers late
    return watched


def _note_stranger(watched: Watched, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in LOCAL:
        watched.strangers.append(url)


def open_notebook(page: Page, lab: Lab, name: str) -> None:
    """Open a notebook and wait for its kernel."""
    page.goto(lab.url(name))
    wait_for_kernel(page)
    page.evaluate("() => window.jupyterapp.shell.collapseLeft?.()")


def wait_for_kernel(page: Page) -> None:
    """Wait until the notebook's kernel is idle."""
    page.wait_for_function(
        """() => {
          const widget = window.jupyterapp?.shell.currentWidget;
          const kernel = widget?.sessionContext?.session?.kernel;
          return kernel && kernel.status === "idle" && kernel.connectionStatus === "connected";
        }""",
        timeout=60_000,
    )


def execute(page: Page, command: str, arguments: dict[str, Any] | None = None) -> None:
    """Execute one of JupyterLab's commands."""
    page.evaluate(
        "([command, args]) => window.jupyterapp.commands.execute(command, args).then(() => null)",
        [command, arguments or {}],
    )

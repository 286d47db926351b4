"""The commands ``tabwidget demo``, ``lab``, ``text …`` and ``tabwidget --version``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Optional
from urllib.parse import quote

import typer

from tabwidget import __version__
from tabwidget.errors import DataFileError, TabwidgetError, nearest, require
from tabwidget.textclass.cli import app as text_app

__all__ = ["app", "main"]

QUICKSTART = "00_quickstart.ipynb"
LOOPBACK = "127.0.0.1"

app = typer.Typer(
    name="tabwidget",
    help="A language model of a table: predict any column from any others, in seconds on a CPU.",
    add_completion=False,
    # Bugs show Python's own traceback; user errors are caught before.
    pretty_exceptions_enable=False,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; entry point of the console script.

    Parameters
    ----------
    arguments : sequence of str, optional
        Arguments after ``tabwidget``; those of the process by default.

    Raises
    ------
    SystemExit
        With 0, with 1 after a `TabwidgetError`, or with 2 after invalid arguments.
    """
    try:
        code = app(arguments, prog_name="tabwidget", standalone_mode=False)
    except typer.TyperException as error:
        _print_error(error.format_message())
        code = error.exit_code
    except TabwidgetError as error:
        _print_error(str(error))
        code = 1
    sys.exit(code or 0)


app.add_typer(text_app)


@app.callback(invoke_without_command=True)
def _begin(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print(f"tabwidget {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option(help="Folder for the plot and the report.", show_default=True)
    ] = Path("tabwidget-demo"),
    seconds: Annotated[float, typer.Option(min=1, help="Training time in seconds.")] = 10,
) -> None:
    """Fit the penguins, print conditionals, and write a plot and an HTML report."""
    from tabwidget.demo import run

    run(out, seconds=seconds)


@app.command()
def lab(
    # typer evaluates the annotation at run time, and not every version supports `X | None`.
    notebook: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(help="Notebook to open; the quickstart by default.", show_default=False),
    ] = None,
    port: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, max=65535, help="Port to listen on.", show_default=False),
    ] = None,
    ip: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 for other machines, too.")
    ] = LOOPBACK,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the URL instead of opening a browser.")
    ] = False,
) -> None:
    """Open JupyterLab on a notebook, with this environment's Python as its kernel."""
    require("jupyterlab", extra="lab")
    path = find_notebook(notebook)
    command = lab_command(path, ip=ip, port=port, browser=not no_browser)
    _replace_process(command, lab_environment())


def find_notebook(given: Path | None = None) -> Path:
    """Return the notebook to open: the given one, or the quickstart.

    Parameters
    ----------
    given : Path, optional
        An existing notebook. By default, the quickstart of a checkout in the current folder or
        around this package; for an installed wheel, a copy of it in the current folder, where an
        existing file is never overwritten.

    Raises
    ------
    DataFileError
        If the notebook does not exist, or the copy cannot be written.
    """
    if given is not None:
        path = given.expanduser()
        if not path.is_file():
            beside = [p.name for p in path.parent.glob("*.ipynb")]
            raise DataFileError(f"there is no notebook {str(path)!r}.{nearest(path.name, beside)}")
        return path
    for root in (Path.cwd(), Path(__file__).resolve().parents[1]):
        path = root / "notebooks" / QUICKSTART
        if path.is_file() and (root / "tabwidget" / "cli.py").is_file():
            return path
    copy = Path.cwd() / QUICKSTART
    if not copy.exists():
        packaged = resources.files("tabwidget") / "notebooks" / QUICKSTART
        try:
            with resources.as_file(packaged) as source:
                shutil.copyfile(source, copy)
        except OSError as error:
            raise DataFileError(
                f"{QUICKSTART} cannot be copied into {str(copy.parent)!r} ({error.strerror}): "
                "change to a writable folder, or give a notebook"
            ) from error
    return copy


def lab_command(
    notebook: Path, *, ip: str = LOOPBACK, port: int | None = None, browser: bool = True
) -> list[str]:
    """Return the command that opens JupyterLab on `notebook`."""
    command = [
        *(sys.executable, "-m", "jupyterlab", str(notebook)),
        f"--ServerApp.ip={ip}",
        # The address that JupyterLab prints; the server's root is the notebook's folder.
        f"--LabApp.default_url=/lab/tree/{quote(notebook.name)}",
    ]
    if port is not None:
        command.append(f"--ServerApp.port={port}")
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # JupyterLab refuses to start as root, which is common in containers, without this.
        command.append("--allow-root")
    return command


def lab_environment() -> dict[str, str]:
    """Return environment variables that make ``python3`` the kernel of this environment."""
    # JUPYTER_PATH precedes kernels of the same name in the user's home.
    own = str(Path(sys.prefix) / "share" / "jupyter")
    others = os.environ.get("JUPYTER_PATH")
    return {**os.environ, "JUPYTER_PATH": os.pathsep.join([own, others] if others else [own])}


def _replace_process(command: Sequence[str], environment: dict[str, str]) -> None:
    """Replace this process by `command`, so that signals reach it directly."""
    if os.name == "posix":
        os.execve(command[0], list(command), environment)
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)


def _print_error(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)

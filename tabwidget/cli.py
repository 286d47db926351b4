"""The command line: ``tabwidget demo``, ``lab``, ``text …`` and ``tabwidget --version``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Optional

import typer

from tabwidget import __version__
from tabwidget.errors import DataFileError, TabwidgetError, nearest, require
from tabwidget.textclass.cli import app as text_app

__all__ = ["app", "main"]

QUICKSTART = "00_quickstart.ipynb"

app = typer.Typer(
    name="tabwidget",
    help="A language model of a table: any column from any others, in seconds, on a CPU.",
    add_completion=False,
    # A mistake of ours shows Python's own traceback; the user's mistakes never get that far.
    pretty_exceptions_enable=False,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line: the console script.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed behind ``tabwidget``; the process's own arguments by default.

    Raises
    ------
    SystemExit
        With 0, 1 after an error of ours, 2 after a command that cannot be read.
    """
    try:
        code = app(arguments, prog_name="tabwidget", standalone_mode=False)
    except typer.TyperException as error:
        _complain(error.format_message())
        code = error.exit_code
    except TabwidgetError as error:
        _complain(str(error))
        code = 1
    sys.exit(code or 0)


app.add_typer(text_app)


@app.callback(invoke_without_command=True)
def _begin(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if version:
        print(f"tabwidget {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option(help="Folder for the picture and the report.", show_default=True)
    ] = Path("tabwidget-demo"),
    seconds: Annotated[float, typer.Option(min=1, help="Seconds to train.")] = 10,
) -> None:
    """Fit the penguins, ask about them, and write a picture and an HTML report."""
    from tabwidget.demo import run

    run(out, seconds=seconds)


@app.command()
def lab(
    # typer reads the annotation while the program runs, and not every version knows `X | None`.
    notebook: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(help="A notebook; the quickstart by default.", show_default=False),
    ] = None,
    port: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, max=65535, help="Port to listen on.", show_default=False),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open a browser; print the address.")
    ] = False,
) -> None:
    """Open JupyterLab on a notebook, with this environment's Python as its kernel."""
    require("jupyterlab", extra="lab")
    path = find_notebook(notebook)
    _become(lab_command(path, port=port, browser=not no_browser), lab_environment())


def find_notebook(given: Path | None = None) -> Path:
    """Return the notebook to open: the one given, the checkout's quickstart, or a copy of it.

    Parameters
    ----------
    given : Path, optional
        Must exist. Without it, the quickstart of the checkout in the current folder or around
        this package; in an installed wheel, a copy in the current folder, where a file of that
        name is opened as it is and never overwritten.

    Raises
    ------
    DataFileError
        If the notebook is missing, or the copy cannot be written.
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
                "change to a folder of yours, or name a notebook"
            ) from error
    return copy


def lab_command(notebook: Path, *, port: int | None = None, browser: bool = True) -> list[str]:
    """Return the command that opens JupyterLab on `notebook`."""
    command = [sys.executable, "-m", "jupyterlab", str(notebook)]
    if port is not None:
        command.append(f"--ServerApp.port={port}")
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # In a container one is often root, where JupyterLab refuses to start without this.
        command.append("--allow-root")
    return command


def lab_environment() -> dict[str, str]:
    """Return the environment in which the kernel ``python3`` is this environment's Python."""
    # JUPYTER_PATH comes before a kernel of the same name in the user's home.
    ours = str(Path(sys.prefix) / "share" / "jupyter")
    others = os.environ.get("JUPYTER_PATH")
    return {**os.environ, "JUPYTER_PATH": os.pathsep.join([ours, others] if others else [ours])}


def _become(command: Sequence[str], environment: dict[str, str]) -> None:
    """Run `command` in place of this process, so that Ctrl-C and signals reach it directly."""
    if os.name == "posix":
        os.execve(command[0], list(command), environment)
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)


def _complain(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)

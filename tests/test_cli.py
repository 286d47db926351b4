"""The command line in this process; one test starts JupyterLab."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tabwidget import cli

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments: str) -> int:
    """Run the command line and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Record the commands that would replace this process."""
    recorded: list[list[str]] = []
    monkeypatch.setattr(cli, "_replace_process", lambda command, _: recorded.append(list(command)))
    return recorded


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Simulate an installed package, without a checkout around it or in the current folder."""
    package = tmp_path / "site-packages" / "tabwidget"
    (package / "notebooks").mkdir(parents=True)
    (package / "notebooks" / cli.QUICKSTART).write_text("packaged", encoding="utf-8")
    monkeypatch.setattr(cli, "__file__", str(package / "cli.py"))
    monkeypatch.setattr("tabwidget.cli.resources.files", lambda _: package)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out.startswith("tabwidget ")


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    assert "demo" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["dem"], 2, "dem"),
        (["demo", "--second", "3"], 2, "--second"),
        (["demo", "--seconds", "soon"], 2, "'--seconds'"),
        (["demo", "--seconds", "-1"], 2, "'--seconds'"),
        (["lab", "00_quickstrt.ipynb"], 1, "00_quickstrt.ipynb"),
        (["demo", "--out", "taken"], 1, "taken"),
    ],
)
def test_an_error_is_one_line_on_stderr(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken").write_text("a file, not a folder")
    assert run(*arguments) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = printed.err.splitlines()
    assert line.startswith("error: ")
    assert text in line


def test_a_missing_jupyterlab_prints_the_pip_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "jupyterlab", None)
    assert run("lab") == 1
    assert "pip install 'tabwidget[lab]'" in capsys.readouterr().err


def test_lab_opens_the_quickstart_of_a_checkout(commands: list[list[str]]) -> None:
    assert run("lab", "--port", "8899", "--no-browser") == 0
    [command] = commands
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert Path(command[3]) == ROOT / "notebooks" / cli.QUICKSTART
    assert {"--ServerApp.port=8899", "--no-browser"} <= set(command)
    assert "--ServerApp.ip=127.0.0.1" in command


def test_lab_prints_the_address_of_its_notebook_and_listens_where_it_is_told(
    commands: list[list[str]], tmp_path: Path
) -> None:
    (tmp_path / "my book.ipynb").touch()
    assert run("lab", str(tmp_path / "my book.ipynb"), "--ip", "0.0.0.0") == 0
    [command] = commands
    assert "--LabApp.default_url=/lab/tree/my%20book.ipynb" in command
    assert "--ServerApp.ip=0.0.0.0" in command


def test_lab_prefers_the_checkout_in_the_current_folder(elsewhere: Path) -> None:
    for name in ("tabwidget/cli.py", f"notebooks/{cli.QUICKSTART}"):
        (elsewhere / name).parent.mkdir()
        (elsewhere / name).touch()
    assert cli.find_notebook() == elsewhere / "notebooks" / cli.QUICKSTART


def test_an_installed_package_puts_a_copy_in_the_current_folder(elsewhere: Path) -> None:
    assert cli.find_notebook() == elsewhere / cli.QUICKSTART
    assert (elsewhere / cli.QUICKSTART).read_text(encoding="utf-8") == "packaged"


def test_an_existing_file_is_not_overwritten(elsewhere: Path) -> None:
    (elsewhere / cli.QUICKSTART).write_text("mine", encoding="utf-8")
    assert cli.find_notebook() == elsewhere / cli.QUICKSTART
    assert (elsewhere / cli.QUICKSTART).read_text(encoding="utf-8") == "mine"


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    code = (
        "import sys, tabwidget.cli\n"
        "print([m for m in ('torch', 'pandas', 'altair', 'IPython') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def get_json(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=5) as reply:
        return json.load(reply)


def test_the_kernel_is_this_python(tmp_path: Path) -> None:
    pytest.importorskip("jupyterlab")
    # A kernel of the same name in the user's home must not take precedence.
    stray = tmp_path / "home" / "kernels" / "python3"
    stray.mkdir(parents=True)
    spec = {"argv": ["/nowhere/python"], "display_name": "stray", "language": "python"}
    (stray / "kernel.json").write_text(json.dumps(spec))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_DATA_DIR": str(tmp_path / "home"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "0",
        "JUPYTER_TOKEN": "secret",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [sys.executable, "-c", "from tabwidget.cli import main; main()"]
    log = (tmp_path / "log").open("wb")
    lab = subprocess.Popen(
        [*command, "lab", "--no-browser", "--port", str(port)],
        env=environment,
        stdout=log,
        stderr=log,
    )
    try:
        address = f"http://127.0.0.1:{port}/api/kernelspecs?token=secret"
        deadline = time.monotonic() + 60
        while True:
            try:
                found = get_json(address)
                break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                assert lab.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < deadline, (tmp_path / "log").read_text()
                time.sleep(0.2)
        assert found["default"] == "python3"
        shown = f"http://127.0.0.1:{port}/lab/tree/{cli.QUICKSTART}?token="
        while shown not in (tmp_path / "log").read_text():
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.2)
        assert found["kernelspecs"]["python3"]["spec"]["display_name"] != "stray"
    finally:
        lab.terminate()
        lab.wait(20)
        log.close()

"""Tests of few_threads: half of the cores, for one thread of the process."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest
import torch

from tabwidget.backends import threads


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_the_limit_ends_with_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 2)
    with threads.few_threads():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_other_threads_have_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 2)
    seen = []
    with threads.few_threads():
        other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        other.start()
        other.join()
    assert seen == [2]


def test_the_limit_ends_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 2)
    with pytest.raises(ZeroDivisionError), threads.few_threads():
        _ = 1 / 0
    assert torch.get_num_threads() == 2


def test_turns_are_short_until_the_last_context_ends() -> None:
    usual = sys.getswitchinterval()
    first, second = threads.short_turns(), threads.short_turns()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert sys.getswitchinterval() < usual
    second.__exit__(None, None, None)
    assert sys.getswitchinterval() == usual

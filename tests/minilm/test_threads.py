"""A limit on threads is for one thread of the process, and for a while."""

from __future__ import annotations

import threading

import torch

from tabwidget.minilm.threads import limited_threads


def test_the_limit_holds_here_and_is_given_back() -> None:
    torch.set_num_threads(2)
    with limited_threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_threads_that_start_meanwhile_have_no_limit() -> None:
    torch.set_num_threads(2)
    seen: list[int] = []
    with limited_threads(1):
        other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        other.start()
        other.join()
    assert seen == [2]


def test_a_limit_above_what_there_is_changes_nothing() -> None:
    with limited_threads(64):
        assert torch.get_num_threads() == 1

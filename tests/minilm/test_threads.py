"""Tests of limited_threads: one thread of the process, within the block."""

from __future__ import annotations

import threading

import torch

from tabwidget.minilm.threads import limited_threads


def test_the_limit_ends_with_the_block() -> None:
    torch.set_num_threads(2)
    with limited_threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_new_threads_have_no_limit() -> None:
    torch.set_num_threads(2)
    seen: list[int] = []
    with limited_threads(1):
        other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        other.start()
        other.join()
    assert seen == [2]


def test_a_limit_above_the_present_number_has_no_effect() -> None:
    with limited_threads(64):
        assert torch.get_num_threads() == 1

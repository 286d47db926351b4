"""screen: ownership of the terminal."""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Iterator

import pytest

from tabwidget.callbacks import screen


class Bar:
    hidden = 0

    def hide(self) -> None:
        self.hidden += 1


@pytest.fixture
def owner() -> Iterator[object]:
    """Yield an object that owns the screen."""
    found = object()
    assert screen.acquire(found)
    yield found
    screen.release(found)


def test_one_owner_at_a_time(owner: object) -> None:
    other = object()
    assert not screen.is_free()
    assert not screen.acquire(other)
    screen.release(other)
    assert not screen.is_free()
    screen.release(owner)
    assert screen.acquire(other)
    screen.release(other)
    assert screen.is_free()


def test_acquiring_hides_all_bars_once() -> None:
    bar, owner = Bar(), object()
    screen.add_bar(bar)
    screen.acquire(owner)
    screen.acquire(object())
    assert bar.hidden == 1
    screen.release(owner)


def test_bars_are_not_kept_alive() -> None:
    bar = Bar()
    screen.add_bar(bar)
    del bar
    gc.collect()
    assert not any(isinstance(other, Bar) for other in screen._bars)


def test_a_worker_process_never_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "parent_process", object)
    assert not screen.is_free()
    assert not screen.acquire(object())

"""The cache of contexts has a bound, and evicts the least recently used."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest

from tabwidget.backends.pretrained.lru_cache import LRUCache


@dataclass
class Block:
    """An object of some size."""

    n_bytes: int


def test_the_least_recently_used_object_leaves() -> None:
    cache: LRUCache[Block] = LRUCache(100)
    for key in ("a", "b", "a", "c"):
        cache.get(key, lambda: Block(40))
    assert cache.keys() == ("a", "c")
    assert cache.n_bytes == 80


def test_one_object_larger_than_the_bound_is_kept() -> None:
    cache: LRUCache[Block] = LRUCache(10)
    cache.get("a", lambda: Block(5))
    cache.get("b", lambda: Block(500))
    assert cache.keys() == ("b",)


def test_threads_that_ask_together_make_an_object_once() -> None:
    cache: LRUCache[Block] = LRUCache(100)
    made = []

    def make() -> Block:
        made.append(1)
        return Block(1)

    threads = [threading.Thread(target=cache.get, args=("a", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_an_object_is_there_while_another_one_is_made() -> None:
    cache: LRUCache[Block] = LRUCache(100)
    cache.get("a", lambda: Block(1))
    begun, go_on = threading.Event(), threading.Event()

    def make() -> Block:
        begun.set()
        assert go_on.wait(60)
        return Block(2)

    thread = threading.Thread(target=cache.get, args=("b", make))
    thread.start()
    assert begun.wait(60)
    assert cache.get("a", lambda: Block(3)) == Block(1)
    go_on.set()
    thread.join()
    assert cache.keys() == ("a", "b")


def test_after_an_error_the_next_thread_makes_it() -> None:
    cache: LRUCache[Block] = LRUCache(100)

    def fail() -> Block:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        cache.get("a", fail)
    assert cache.get("a", lambda: Block(1)) == Block(1)

"""Tests of FairLock."""

from __future__ import annotations

import copy
import threading

from tabwidget.backends.fair_lock import FairLock


def test_a_waiting_thread_is_served_between_two_steps() -> None:
    lock, waiting, log = FairLock(), threading.Event(), []

    def predict() -> None:
        waiting.set()
        with lock.hold():
            log.append("prediction")

    other = threading.Thread(target=predict)
    with lock.hold():
        other.start()
        waiting.wait()
        while not lock._next.locked():  # until the thread is waiting for the lock
            pass
        log.append("step")
        lock.yield_to_waiting()
        log.append("step")
    other.join()
    assert log == ["step", "prediction", "step"]


def test_it_is_reentrant_and_excludes_other_threads() -> None:
    lock, entered = FairLock(), threading.Event()

    def enter() -> None:
        with lock.hold():
            entered.set()

    other = threading.Thread(target=enter)
    with lock.hold():
        with lock.hold():
            other.start()
        assert not entered.wait(0.05)
    assert entered.wait(5)
    other.join()


def test_released_lets_others_in_and_takes_the_lock_back() -> None:
    lock, log = FairLock(), []

    def enter() -> None:
        with lock.hold():
            log.append("other")

    with lock.hold():
        with lock.released():
            other = threading.Thread(target=enter)
            other.start()
            other.join()
        log.append("self")
        assert lock._lock.locked()
    assert log == ["other", "self"]


def test_released_has_no_effect_in_a_thread_without_the_lock() -> None:
    lock = FairLock()
    with lock.released():
        assert not lock._lock.locked()


def test_a_copy_has_its_own_lock() -> None:
    lock = FairLock()
    with lock.hold(), copy.deepcopy(lock).hold():
        pass

"""Work in a thread of its own."""

import threading
import time

import pytest

from jaxnn.core.waiting import Task


def test_the_value_comes_back_from_another_thread_that_dies_with_the_process():
    def who():
        return threading.current_thread()

    thread = Task(who).result()
    assert thread is not threading.current_thread() and thread.daemon


def test_it_may_begin_later_and_in_this_thread():
    calls = []
    task = Task(lambda: calls.append(threading.current_thread()), now=False)
    assert not task.ready(0.05) and calls == []
    task.begin(here=True)
    assert calls == [threading.current_thread()] and task.ready(0) and task.result() is None


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(3)])
def test_what_it_raises_is_raised_where_the_result_is_asked_for(error):
    def fail():
        raise error

    task = Task(fail)
    with pytest.raises(type(error)) as caught:
        task.result()
    assert caught.value is error and task.ready(0)


def test_ready_tells_whether_it_is_done_without_waiting_longer_than_asked():
    gate = threading.Event()
    task = Task(gate.wait)
    began = time.perf_counter()
    assert not task.ready(0.05)
    assert 0.04 < time.perf_counter() - began < 5
    gate.set()
    assert task.ready(10) and task.result() is True

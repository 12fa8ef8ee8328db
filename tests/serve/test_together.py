"""Requests that are answered together."""

import asyncio
import threading

import numpy as np
import pytest

from jaxnn.serve.reading import Refused
from jaxnn.serve.together import Together


class Slow:
    """Waits at its first call until it is let go, and notes how many rows each call has."""

    def __init__(self, broken=-1):
        self.calls, self.gate, self.broken = [], threading.Event(), broken

    def __call__(self, rows):
        self.calls.append(len(rows))
        self.gate.wait(20)
        if (rows == self.broken).any():
            raise ValueError("broken")
        return {"double": 2 * rows}


def ask_all(slow, requests, **options):
    async def main():
        together = Together(slow, **options)
        tasks = [asyncio.ensure_future(together(np.array(r))) for r in requests]
        await asyncio.sleep(0.05)
        slow.gate.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(main())


def test_those_that_come_meanwhile_are_one_call():
    slow = Slow()
    found = ask_all(slow, [[i] * (1 + i % 2) for i in range(20)])
    assert [f["double"].tolist() for f in found] == [[2 * i] * (1 + i % 2) for i in range(20)]
    assert slow.calls == [1, 29]


def test_a_call_has_no_more_rows_than_may_be():
    slow = Slow()
    ask_all(slow, [[i, i, i] for i in range(7)], most=7)
    assert slow.calls == [3, 6, 6, 6]


def test_one_that_fails_spoils_no_other():
    slow = Slow(broken=3)
    found = ask_all(slow, [[i] for i in range(6)])
    assert isinstance(found[3], ValueError)
    assert [f["double"].tolist() for i, f in enumerate(found) if i != 3] == [[0], [2], [4], [8], [10]]


def test_too_many_are_sent_away():
    found = ask_all(Slow(), [[i] for i in range(6)], waiting=3)
    away = [f for f in found if isinstance(f, Refused)]
    assert len(away) == 2 and {f.status for f in away} == {503} and "wait already" in str(away[0])


def test_whoever_has_left_is_not_asked_for():
    async def main(slow):
        together = Together(slow)
        first, gone, last = (asyncio.ensure_future(together(np.array([i]))) for i in range(3))
        await asyncio.sleep(0.05)
        gone.cancel()
        slow.gate.set()
        return await asyncio.gather(first, last)

    slow = Slow()
    assert [f["double"].tolist() for f in asyncio.run(main(slow))] == [[0], [4]]
    assert slow.calls == [1, 1]


@pytest.mark.parametrize("rows", [[1], [1, 2, 3]])
def test_a_tree_of_answers_is_cut_by_rows(rows):
    together = Together(lambda x: {"a": x, "b": {"c": x[:, None]}})
    found = asyncio.run(together(np.array(rows)))
    assert found["a"].tolist() == rows and found["b"]["c"].shape == (len(rows), 1)

"""Rows with weights, and the value of a metric over them as training and evaluation gather it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.train.sums import Sums


def gathered(metric, outputs, targets, weight=None, task=None, batch=7):
    """The value in batches that do not divide, the last filled up with rows of weight 0 that hold NaN."""
    n = len(outputs)
    steps = -(-n // batch)
    record = nn.metrics.resolve(metric)
    weight = np.ones(n) if weight is None else weight
    fill = steps * batch - n

    def stacked(a, filling):
        filled = np.concatenate([a, np.full((fill, *a.shape[1:]), filling, a.dtype)])
        return jnp.asarray(filled.reshape(steps, batch, *a.shape[1:]))

    parts = stacked(outputs, np.nan), stacked(targets, 0), stacked(weight.astype(np.float32), 0)
    return float(_program(record, task)(parts)[record.name])


@functools.cache
def _program(record, task):
    """Compiled once for all values of one shape."""

    def one(part):
        o, y, w = part
        return Sums.of({"loss": w, record.name: record(o, y, task)}, w, {record.name: record.over})

    return jax.jit(lambda parts: jax.lax.map(one, parts).means([record]))


@pytest.fixture(name="gathered")
def _gathered():
    return gathered

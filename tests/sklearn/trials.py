"""Trials of the estimators' tests."""

import optax

import jaxnn as nn


def flowers(lr, outputs, hidden=(16,)):
    return nn.Trial(nn.mlp(hidden, outputs, "tanh"), "softmax_cross_entropy", optax.adam(lr))


def labels(lr, outputs):
    return nn.Trial(nn.mlp((16,), outputs, "tanh"), "sigmoid_cross_entropy", optax.adam(lr))


def values(lr, outputs, l2=0.0):
    return nn.Trial(nn.mlp((16,), outputs, "tanh"), "squared_error", optax.chain(nn.l2(l2), optax.adam(lr)))

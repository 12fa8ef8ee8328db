"""The activations in NumPy, as they are written into a file that needs nothing else; see `jaxnn.export.formulas`."""

import math

import numpy as np


def linear(x):
    """x"""
    return x


def step(x):
    """1 where x >= 0, else 0"""
    return (x >= 0).astype(x.dtype)


def sigmoid(x):
    """1 / (1 + exp(-x))"""
    return 0.5 * np.tanh(0.5 * x) + 0.5


def tanh(x):
    """tanh(x)"""
    return np.tanh(x)


def relu(x):
    """max(x, 0)"""
    return np.maximum(x, 0)


def leaky_relu(x):
    """x where x >= 0, else 0.01 x"""
    return np.where(x >= 0, x, 0.01 * x)


def relu6(x):
    """min(max(x, 0), 6)"""
    return np.clip(x, 0, 6)


def elu(x):
    """x where x > 0, else exp(x) - 1"""
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def celu(x):
    """max(x, 0) + min(exp(x) - 1, 0)"""
    return np.maximum(x, 0) + np.expm1(np.minimum(x, 0))


def selu(x):
    """1.0507 (x where x > 0, else 1.6733 (exp(x) - 1))"""
    return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))


def gelu(x):
    """x Phi(x), with Phi by tanh"""
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def gelu_exact(x):
    """x Phi(x), with Phi by the error function"""
    return (0.5 * x * (1 + np.vectorize(math.erf, otypes=[x.dtype])(x / math.sqrt(2)))).astype(x.dtype)


def silu(x):
    """x sigmoid(x)"""
    return x * sigmoid(x)


def softplus(x):
    """log(1 + exp(x))"""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def mish(x):
    """x tanh(softplus(x))"""
    return x * np.tanh(softplus(x))


def squareplus(x):
    """(x + sqrt(x^2 + 4)) / 2"""
    return 0.5 * (x + np.sqrt(x * x + 4))


def soft_sign(x):
    """x / (1 + |x|)"""
    return x / (1 + np.abs(x))


def log_sigmoid(x):
    """log(sigmoid(x))"""
    return -softplus(-x)


def hard_sigmoid(x):
    """min(max(x + 3, 0), 6) / 6"""
    return np.clip(x + 3, 0, 6) / 6


def hard_tanh(x):
    """min(max(x, -1), 1)"""
    return np.clip(x, -1, 1)


def hard_silu(x):
    """x hard_sigmoid(x)"""
    return x * hard_sigmoid(x)


def softmax(x):
    """exp(x_i) / sum_j exp(x_j) over the last axis"""
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def log_softmax(x):
    """log(softmax(x))"""
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))

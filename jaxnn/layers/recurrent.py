"""Recurrent layers: SimpleRNN, LSTM, GRU.

Inputs are batch first, ``(batch, time, features)``, or a tuple ``(sequence, mask)`` with a mask ``(batch, time)`` for
sequences of different lengths: where it is 0 the state is held, so that the last output is that of the last real step.
A layer that returns sequences hands the mask on, ``(outputs, mask)``, to the next one.

The gradient goes backward only: `jax.grad`, `jax.vjp` and `jax.jacrev` pass, while forward mode (`jax.jvp`,
`jax.jacfwd`, `jax.hessian`, `jax.linearize`) is refused. A product with the Hessian is
``jax.grad(lambda p: jax.numpy.vdot(jax.grad(f)(p), v))``.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.masks import beside, parts, split
from jaxnn.core.names import activation, initializer
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.dropout import Dropout
from jaxnn.layers.dtypes import compute_dtype, param_dtype
from jaxnn.layers.recurrent_cells import GRUCell, LSTMCell, SimpleCell
from jaxnn.layers.recurrent_scan import recur


@spec
class SimpleRNN:
    """A recurrent layer, ``h_t = activation(x_t @ W + b + h_{t-1} @ U)``, from ``h_0 = 0``.

    Args:
        units: number of hidden units.
        return_sequences: whether the output holds every step, or the last alone.
        activation: a name or a function of `jax.nn`.
        dropout: drop rate of the inputs, a leaf; one mask serves all steps.
        recurrent_dropout: drop rate of the hidden state on its way into the product, a leaf; one mask serves all steps.
        kernel_init, recurrent_init: names or initialisers ``f(key, shape, dtype)``, of ``W`` and of ``U``.

    Shapes:
        ``x (batch, time, in)``, or ``(x, mask (batch, time))``, gives ``(batch, units)``, or with
        ``return_sequences`` ``(batch, time, units)``, beside the mask if there was one. Params are
        ``input: kernel (in, units), bias (units,)`` and ``recurrent: kernel (units, units)``.

    Raises:
        ValueError: for units below 1, a rate outside [0, 1), inputs that do not fit, or a missing key in training.

    Source: Elman, "Finding structure in time", 1990; ``keras.layers.SimpleRNN``.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> x, mask = jnp.ones((2, 5, 3)), jnp.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])
        >>> layer = nn.SimpleRNN(4)
        >>> params, state = layer.init(jax.random.key(0), (x, mask))
        >>> y, state = layer.apply(params, state, (x, mask))
        >>> short, _ = layer.apply(params, state, x[:, :2])
        >>> y.shape, bool(jnp.allclose(y[1], short[1]))
        ((2, 4), True)
    """

    units: int
    return_sequences: bool = False
    activation: str | Callable = "tanh"
    dropout: Hyper = hyper(0.0)
    recurrent_dropout: Hyper = hyper(0.0)
    kernel_init: str | Callable = "glorot_uniform"
    recurrent_init: str | Callable = "orthogonal"

    def __post_init__(self):
        _check(self, "SimpleRNN(64)")
        activation(self.activation)

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Draw both kernels; the bias is 0."""
        return _init(self, 1, key, x), {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """Run over time."""
        return _apply(self, SimpleCell(activation(self.activation)), params, x, key, train), state


@spec
class LSTM:
    """Long short-term memory, from ``h_0 = c_0 = 0``.

    The gates ``i, f, g, o`` are, in this order, the blocks of ``x_t @ W + b + h_{t-1} @ U``; with s the sigmoid,
    ``c_t = s(f) c_{t-1} + s(i) tanh(g)`` and ``h_t = s(o) tanh(c_t)``.

    Args:
        units: number of hidden units.
        return_sequences: whether the output holds every step, or the last alone.
        dropout: drop rate of the inputs, a leaf; one mask serves all steps.
        recurrent_dropout: drop rate of the hidden state on its way into the product, a leaf; one mask serves all steps.
        forget_bias: the initial bias of the forget gate, a leaf.
        kernel_init, recurrent_init: names or initialisers ``f(key, shape, dtype)``, drawn gate by gate.

    Shapes:
        ``x (batch, time, in)``, or ``(x, mask (batch, time))``, gives ``(batch, units)``, or with
        ``return_sequences`` ``(batch, time, units)``, beside the mask if there was one. Params are
        ``input: kernel (in, 4 units), bias (4 units,)`` and ``recurrent: kernel (units, 4 units)``.

    Raises:
        ValueError: for units below 1, a rate outside [0, 1), inputs that do not fit, or a missing key in training.

    Source: Hochreiter and Schmidhuber, 1997; gates as in ``torch.nn.LSTM``, forget bias as in ``keras.layers.LSTM``;
    masks over time as in Gal and Ghahramani, 2016.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> model = nn.Sequential(nn.LSTM(8, return_sequences=True), nn.LSTM(4), nn.Dense(1))
        >>> params, state = model.init(jax.random.key(0), jnp.ones((2, 5, 3)))
        >>> model.apply(params, state, jnp.ones((2, 5, 3)))[0].shape
        (2, 1)
    """

    units: int
    return_sequences: bool = False
    dropout: Hyper = hyper(0.0)
    recurrent_dropout: Hyper = hyper(0.0)
    forget_bias: Hyper = hyper(1.0)
    kernel_init: str | Callable = "glorot_uniform"
    recurrent_init: str | Callable = "orthogonal"

    def __post_init__(self):
        _check(self, "LSTM(64)")

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Draw both kernels; the bias is 0, but ``forget_bias`` for the forget gate."""
        params = _init(self, 4, key, x)
        bias, n = params["input"]["bias"], self.units
        params["input"]["bias"] = bias.at[n : 2 * n].set(jnp.asarray(self.forget_bias, bias.dtype))
        return params, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """Run over time."""
        return _apply(self, LSTMCell(), params, x, key, train), state


@spec
class GRU:
    """Gated recurrent unit, from ``h_0 = 0``.

    The gates ``r, z, n`` are, in this order, the blocks of ``x_t @ W + b`` and of ``h_{t-1} @ U``; with s the sigmoid,
    ``r = s(x_r + u_r)``, ``z = s(x_z + u_z)``, ``n = tanh(x_n + r (u_n + b_n))`` and ``h_t = (1 - z) n + z h_{t-1}``.

    Args:
        units: number of hidden units.
        return_sequences: whether the output holds every step, or the last alone.
        dropout: drop rate of the inputs, a leaf; one mask serves all steps.
        recurrent_dropout: drop rate of the hidden state on its way into the product, a leaf; one mask serves all steps.
        kernel_init, recurrent_init: names or initialisers ``f(key, shape, dtype)``, drawn gate by gate.

    Shapes:
        ``x (batch, time, in)``, or ``(x, mask (batch, time))``, gives ``(batch, units)``, or with
        ``return_sequences`` ``(batch, time, units)``, beside the mask if there was one. Params are
        ``input: kernel (in, 3 units), bias (3 units,)`` and ``recurrent: kernel (units, 3 units), bias (units,)``,
        the last being ``b_n``.

    Raises:
        ValueError: for units below 1, a rate outside [0, 1), inputs that do not fit, or a missing key in training.

    Source: Cho et al., 2014, in the form of ``torch.nn.GRU`` and ``flax.linen.GRUCell``.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> layer = nn.GRU(4, return_sequences=True)
        >>> params, state = layer.init(jax.random.key(0), jnp.ones((2, 5, 3)))
        >>> layer.apply(params, state, jnp.ones((2, 5, 3)))[0].shape
        (2, 5, 4)
    """

    units: int
    return_sequences: bool = False
    dropout: Hyper = hyper(0.0)
    recurrent_dropout: Hyper = hyper(0.0)
    kernel_init: str | Callable = "glorot_uniform"
    recurrent_init: str | Callable = "orthogonal"

    def __post_init__(self):
        _check(self, "GRU(64)")

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Draw both kernels; the biases are 0."""
        params = _init(self, 3, key, x)
        params["recurrent"]["bias"] = jnp.zeros((self.units,), params["input"]["bias"].dtype)
        return params, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """Run over time."""
        return _apply(self, GRUCell(), params, x, key, train), state


def split_mask(layer: str, x: Any, take: Callable = parts) -> tuple[Any, Any]:
    """The sequence and its mask, or None, out of an array or a tuple ``(sequence, mask)``.

    Args:
        layer: the class of the layer that asks.
        x: arrays, or their shapes.
        take: `parts`, or `split` for zeros in the steps that are not real.

    Raises:
        SpecError: unless the sequence is ``(batch, time, features)`` and the mask ``(batch, time)``.
    """
    sequence, mask = take(layer, x)
    if len(sequence.shape) != 3:
        raise checks.SpecError(
            f"{layer} needs (batch, time, features), got {sequence.shape}; write x[..., None] for one feature a step"
        )
    return sequence, mask


def _check(layer: Any, call: str) -> None:
    checks.size("units", layer.units, call)
    if not isinstance(layer.return_sequences, bool):
        raise ValueError(
            f"return_sequences must be True or False, got {layer.return_sequences!r:.80}; "
            f"write {call[:-1]}, return_sequences=True)"
        )
    checks.rate("dropout", layer.dropout, f"{call[:-1]}, dropout=0.2)")
    checks.rate("recurrent_dropout", layer.recurrent_dropout, f"{call[:-1]}, recurrent_dropout=0.2)")
    initializer(layer.kernel_init)
    initializer(layer.recurrent_init)


def _init(layer: Any, gates: int, key: Key, x: Any) -> dict:
    sequence, _ = split_mask(type(layer).__name__, x)
    dtype, units = param_dtype(sequence), layer.units

    def draw(init, key, size):
        kernels = jax.vmap(lambda k: initializer(init)(k, (size, units), dtype))(jax.random.split(key, gates))
        return kernels.swapaxes(0, 1).reshape(size, gates * units)

    input_key, recurrent_key = jax.random.split(key)
    kernel = draw(layer.kernel_init, input_key, sequence.shape[-1])
    return {
        "input": {"kernel": kernel, "bias": jnp.zeros((gates * units,), dtype)},
        "recurrent": {"kernel": draw(layer.recurrent_init, recurrent_key, units)},
    }


def _apply(layer: Any, cell: Any, params: Params, x: Any, key: Key | None, train: bool) -> Any:
    x, mask = split_mask(type(layer).__name__, x, split)
    kernel = params["input"]["kernel"]
    if x.shape[-1] != kernel.shape[0]:
        takes = f"(batch, time, {kernel.shape[0]})"
        raise checks.misfit(type(layer).__name__, f"an input kernel {kernel.shape}", x, takes)
    dtype = compute_dtype(x, kernel)
    x, batch, time = x.astype(dtype), *x.shape[:2]
    input_key, recurrent_key = (None, None) if key is None else jax.random.split(key)
    x, _ = Dropout(layer.dropout, noise_shape=(None, 1, None)).apply({}, {}, x, key=input_key, train=train)
    ones = jnp.ones((layer.units, batch), dtype)
    drop, _ = Dropout(layer.recurrent_dropout).apply({}, {}, ones, key=recurrent_key, train=train)
    xs = x.swapaxes(0, 1).reshape(time * batch, x.shape[-1]) @ kernel.astype(dtype)
    bias = params["input"]["bias"].astype(dtype)
    if "bias" in params["recurrent"]:  # that of a gate inside the product; else one bias serves, added step by step
        xs, inner = xs + bias[None], params["recurrent"]["bias"].astype(dtype)
        bias = jnp.concatenate([jnp.zeros_like(bias)[layer.units :], inner])
    y: Any = recur(
        cell,
        layer.return_sequences,
        xs.reshape(time, batch, xs.shape[-1]),
        params["recurrent"]["kernel"].astype(dtype),
        bias,
        None if drop is ones else drop.T,
        None if mask is None else mask.astype(bool).T[..., None],
    )
    if not layer.return_sequences:
        return y
    y = y.swapaxes(0, 1)  # (time, batch, units) -> (batch, time, units)
    return beside(y, mask)

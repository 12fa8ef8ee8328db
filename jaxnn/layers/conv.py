"""The convolution of one to three axes."""

from collections.abc import Callable
from typing import Any

from jaxnn.core import checks
from jaxnn.core.layer import spec
from jaxnn.core.names import activation, initializer
from jaxnn.core.types import Key, Params, State
from jaxnn.layers import spatial
from jaxnn.layers.convolve import convolve
from jaxnn.layers.dtypes import compute_dtype, param_dtype
from jaxnn.layers.kernel import affine_end, draw

CALL = 'Conv(16, (3, 3), padding="same")'


@spec
class Conv:
    """Cross-correlation: ``y[p, f] = bias[f] + sum_{k, c} x[p * stride + k * dilation, c] * kernel[k, c, f]``.

    Args:
        filters: number of output channels.
        kernel_size: taps per axis, as many as ``x`` has axes between batch and channels; a number is that many along
            each of them, however many there are.
        strides: distance of two outputs, a number or one per axis.
        dilation: distance of two taps, a number or one per axis.
        groups: the channels are cut into so many groups, and each filter sees one; divides both.
        padding: ``"same"`` (``ceil(size / stride)`` outputs), ``"valid"``, ``"causal"`` (one axis: no output sees a
            later input), or zeros in numbers: a count, or per axis a count or a pair (before, after).
        activation: a name or a function of `jax.nn`; None is the identity.
        use_bias: whether a bias is added.
        kernel_init, bias_init: names or initialisers ``f(key, shape, dtype)``.

    Shapes:
        ``x (batch, *size, in)`` gives ``(batch, *out, filters)``; ``out = (size + padding - dilation * (taps - 1) - 1)
        // stride + 1``. Params are ``kernel (*taps, in / groups, filters)`` and ``bias (filters,)``.

    Raises:
        ValueError: for sizes below 1, tuples of different lengths, groups that do not divide, an unknown name, or
            inputs that do not fit.

    Source: ``keras.layers.Conv2D``, whose defaults these are, but for ``padding``.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> x = jnp.arange(9.0).reshape(1, 3, 3, 1)
        >>> params = {"kernel": jnp.arange(4.0).reshape(2, 2, 1, 1), "bias": jnp.zeros(1)}
        >>> nn.Conv(1, (2, 2), padding="valid").apply(params, {}, x)[0].reshape(2, 2).tolist()
        [[19.0, 25.0], [37.0, 43.0]]
    """

    filters: int
    kernel_size: int | tuple[int, ...]
    strides: int | tuple[int, ...] = 1
    dilation: int | tuple[int, ...] = 1
    groups: int = 1
    padding: spatial.Padding = "same"
    activation: str | Callable | None = None
    use_bias: bool = True
    kernel_init: str | Callable = "glorot_uniform"
    bias_init: str | Callable = "zeros"

    def __post_init__(self):
        checks.size("filters", self.filters, CALL)
        checks.size("groups", self.groups, "Conv(16, (3, 3), groups=4)")
        for name, value in self._fields().items():
            if name != "padding":
                spatial.sizes(name, value, CALL)
        spatial.padding_form(self.padding, ("same", "valid", "causal"), CALL)
        spatial.same_rank("Conv", self._fields(), CALL)
        if self.filters % self.groups:
            raise ValueError(
                f"{self.groups} groups do not divide {self.filters} filters; write a multiple of the groups"
            )
        activation(self.activation)
        initializer(self.kernel_init)
        initializer(self.bias_init)

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Draw the kernel and the bias for inputs of the shape of ``x``."""
        axes = spatial.axes_of("Conv", x, self._fields())
        if x.shape[-1] % self.groups:
            raise checks.SpecError(
                f"{self.groups} groups do not divide the channels of inputs {tuple(x.shape)}; write groups=1"
            )
        shape = (*spatial.per_axis(self.kernel_size, axes), x.shape[-1] // self.groups, self.filters)
        return draw(self, key, shape, param_dtype(x)), {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The sums of products, the bias, then the activation."""
        kernel = params["kernel"]
        axes = spatial.axes_of("Conv", x, self._fields())
        if kernel.ndim != axes + 2 or x.shape[-1] != kernel.shape[-2] * self.groups:
            takes = spatial.inputs_of(kernel.ndim - 2, kernel.shape[-2] * self.groups)
            raise checks.misfit("Conv", f"a kernel {kernel.shape}", x, takes)
        if self.padding == "causal" and axes != 1:
            raise checks.SpecError(
                f'causal padding is for one axis, and inputs are {tuple(x.shape)}; write padding="same"'
            )
        taps, size = kernel.shape[:-2], x.shape[1:-1]
        strides, dilation = (spatial.per_axis(v, axes) for v in (self.strides, self.dilation))
        window = tuple((n - 1) * d + 1 for n, d in zip(taps, dilation, strict=True))
        pads = spatial.pairs(self.padding, size, window, strides)
        spatial.outputs("Conv", size, window, strides, pads)
        dtype = compute_dtype(x, kernel)
        y = convolve(x.astype(dtype), kernel.astype(dtype), strides, pads, dilation, self.groups)
        return affine_end(self, params, y), state

    def _fields(self) -> dict[str, Any]:
        names = ("kernel_size", "strides", "dilation", "padding")
        return {name: getattr(self, name) for name in names}

"""The transposed convolution, which makes sizes larger."""

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

CALL = "ConvTranspose(16, (3, 3), strides=2)"


@spec
class ConvTranspose:
    """A convolution over inputs that stand ``strides`` apart, with zeros between them; it makes sizes larger.

    Args:
        filters, kernel_size, dilation: as in `Conv`.
        strides: distance of two inputs, a number or one per axis.
        padding: ``"same"`` makes ``size * stride`` outputs; ``"valid"`` all to which an input contributes,
            ``(size - 1) * stride + max(stride, window)`` with ``window = (taps - 1) * dilation + 1``; in numbers: what
            is put around the stretched input, a count, or per axis a count or a pair. PyTorch's ``padding=p`` is
            ``window - 1 - p`` here.
        activation, use_bias, kernel_init, bias_init: as in `Conv`.

    Shapes:
        ``x (batch, *size, in)`` gives ``(batch, *out, filters)``; params are ``kernel (*taps, in, filters)`` and
        ``bias (filters,)``. The kernel is not mirrored: it is PyTorch's and Keras's read backwards along each axis.

    Raises:
        ValueError: as `Conv` does.

    Source: ``jax.lax.conv_transpose``; ``flax.linen.ConvTranspose``.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> x = jnp.array([1.0, 2.0]).reshape(1, 2, 1)
        >>> params = {"kernel": jnp.array([10.0, 1.0]).reshape(2, 1, 1), "bias": jnp.zeros(1)}
        >>> nn.ConvTranspose(1, (2,), strides=2).apply(params, {}, x)[0].ravel().tolist()
        [1.0, 10.0, 2.0, 20.0]
    """

    filters: int
    kernel_size: int | tuple[int, ...]
    strides: int | tuple[int, ...] = 1
    dilation: int | tuple[int, ...] = 1
    padding: spatial.Padding = "same"
    activation: str | Callable | None = None
    use_bias: bool = True
    kernel_init: str | Callable = "glorot_uniform"
    bias_init: str | Callable = "zeros"

    def __post_init__(self):
        checks.size("filters", self.filters, CALL)
        for name, value in self._fields().items():
            if name != "padding":
                spatial.sizes(name, value, CALL)
        spatial.padding_form(self.padding, ("same", "valid"), CALL)
        spatial.same_rank("ConvTranspose", self._fields(), CALL)
        activation(self.activation)
        initializer(self.kernel_init)
        initializer(self.bias_init)

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Draw the kernel and the bias for inputs of the shape of ``x``."""
        axes = spatial.axes_of("ConvTranspose", x, self._fields())
        shape = (*spatial.per_axis(self.kernel_size, axes), x.shape[-1], self.filters)
        return draw(self, key, shape, param_dtype(x)), {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The sums of products over the stretched input, the bias, then the activation."""
        kernel = params["kernel"]
        axes = spatial.axes_of("ConvTranspose", x, self._fields())
        if kernel.ndim != axes + 2 or x.shape[-1] != kernel.shape[-2]:
            takes = spatial.inputs_of(kernel.ndim - 2, kernel.shape[-2])
            raise checks.misfit("ConvTranspose", f"a kernel {kernel.shape}", x, takes)
        strides, dilation = (spatial.per_axis(v, axes) for v in (self.strides, self.dilation))
        window = tuple((n - 1) * d + 1 for n, d in zip(kernel.shape[:-2], dilation, strict=True))
        if isinstance(self.padding, str):
            pads = tuple(_ends(self.padding, w, s) for w, s in zip(window, strides, strict=True))
        else:
            pads = spatial.pairs(self.padding, x.shape[1:-1], window, strides)
        stretched = tuple((n - 1) * s + 1 for n, s in zip(x.shape[1:-1], strides, strict=True))
        spatial.outputs("ConvTranspose", stretched, window, (1,) * axes, pads)
        dtype = compute_dtype(x, kernel)
        y = convolve(x.astype(dtype), kernel.astype(dtype), (1,) * axes, pads, dilation, 1, strides)
        return affine_end(self, params, y), state

    def _fields(self) -> dict[str, Any]:
        names = ("kernel_size", "strides", "dilation", "padding")
        return {name: getattr(self, name) for name in names}


def _ends(word: str, window: int, stride: int) -> tuple[int, int]:
    """Zeros before and after a stretched axis, by the convention of `jax.lax.conv_transpose`."""
    if word == "valid":
        return window - 1, max(window, stride) - 1
    total = window + stride - 2
    before = window - 1 if stride > window - 1 else -(-total // 2)
    return before, total - before

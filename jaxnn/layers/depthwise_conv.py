"""The convolution that keeps the channels apart."""

from collections.abc import Callable
from typing import Any

from jaxnn.core import checks
from jaxnn.core.layer import spec
from jaxnn.core.masks import none_here
from jaxnn.core.types import Key, Params, State
from jaxnn.layers import spatial
from jaxnn.layers.conv import Conv

CALL = "DepthwiseConv((3, 3))"


@spec
class DepthwiseConv:
    """Cross-correlation of each channel with filters of its own: `Conv` with as many groups as channels.

    Args:
        kernel_size, strides, dilation, padding: as in `Conv`.
        multiplier: filters per channel; output ``c * multiplier + i`` is filter ``i`` of channel ``c``.
        activation, use_bias, kernel_init, bias_init: as in `Conv`.

    Shapes:
        ``x (batch, *size, in)`` gives ``(batch, *out, in * multiplier)``; params are
        ``kernel (*taps, 1, in * multiplier)`` and ``bias (in * multiplier,)``.

    Raises:
        ValueError: as `Conv` does.

    Source: ``keras.layers.DepthwiseConv2D``; Chollet, "Xception", 2017.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> x = jnp.ones((1, 5, 5, 3))
        >>> params, state = nn.DepthwiseConv((3, 3), multiplier=2).init(jax.random.key(0), x)
        >>> params["kernel"].shape, nn.DepthwiseConv((3, 3), multiplier=2).apply(params, state, x)[0].shape
        ((3, 3, 1, 6), (1, 5, 5, 6))
    """

    kernel_size: int | tuple[int, ...]
    strides: int | tuple[int, ...] = 1
    dilation: int | tuple[int, ...] = 1
    padding: spatial.Padding = "same"
    multiplier: int = 1
    activation: str | Callable | None = None
    use_bias: bool = True
    kernel_init: str | Callable = "glorot_uniform"
    bias_init: str | Callable = "zeros"

    def __post_init__(self):
        checks.size("multiplier", self.multiplier, "DepthwiseConv((3, 3), multiplier=2)")
        self._conv(1)

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Draw the kernel and the bias for inputs of the shape of ``x``."""
        spatial.axes_of("DepthwiseConv", x, {"kernel_size": self.kernel_size})
        return self._conv(x.shape[-1]).init(key, x)

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The sums of products in each channel, the bias, then the activation."""
        channels = params["kernel"].shape[-1] // self.multiplier
        if none_here("DepthwiseConv", x).shape[-1:] != (channels,):
            takes = spatial.inputs_of(params["kernel"].ndim - 2, channels)
            raise checks.misfit("DepthwiseConv", f"a kernel {params['kernel'].shape}", x, takes)
        return self._conv(channels).apply(params, state, x)

    def _conv(self, channels: int) -> Conv:
        return Conv(
            channels * self.multiplier,
            self.kernel_size,
            self.strides,
            self.dilation,
            channels,
            self.padding,
            self.activation,
            self.use_bias,
            self.kernel_init,
            self.bias_init,
        )

"""Precision: in which dtypes a model is kept, computes and is judged, and how exact its products are."""

import contextlib
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

PRODUCTS = ("default", "high", "highest", "bfloat16", "tensorfloat32", "float32")
"""How exact products of float32 may be, in the words of `jax.default_matmul_precision`."""
ADVICE = 'write precision="bfloat16", or nn.Precision(compute="bfloat16")'


def _name(given: Any) -> str | None:
    try:
        return jnp.dtype(given).name
    except TypeError:
        return None


def _dtype(field: str, given: Any) -> str | None:
    name = None if given is None else _name(given)
    if given is None or (name is not None and jnp.issubdtype(jnp.dtype(name), jnp.floating)):
        return name
    raise ValueError(f"{field} must be a floating dtype, got {given!r}; {ADVICE}")


@dataclass(frozen=True)
class Precision:
    """In which dtypes a training keeps its weights, computes and is judged, said in full.

    ``precision=`` of `jaxnn.fit`, `jaxnn.grid` and their kin takes one, or the name of one of these:

    - None: what the platform does by itself. Products of float32 are then of TF32 on a GPU that has it, and of
      bfloat16 on a TPU.
    - ``"float32"``: ``Precision(compute="float32", products="highest")``, float32 on every platform.
    - ``"bfloat16"``: ``Precision(compute="bfloat16")``, with weights, gradients' sums, moments of the optimizer,
      statistics, losses and metrics in float32. Keras calls it ``mixed_bfloat16``.
    - ``"float16"``: ``Precision(compute="float16", loss_scale=2.0**15)``, float32 where bfloat16 has it, too, and the
      gradient scaled, as it would vanish below 6e-8 and overflow above 65,504. Keras: ``mixed_float16``.

    **The loss scale** multiplies the loss before the backward pass, and the gradient is divided by it behind that. A
    step whose gradient is not finite is skipped: weights, statistics and optimizer stay as they are, and the scale
    halves. After ``growth_interval`` steps that were not skipped it doubles. Every member of a grid has its own. At a
    scale of 1 there is nothing left to halve: what is not finite then is a divergence, as in float32.

    Args:
        param: of the weights; None for float32, or float64 where the rows are. Below float32 the weights alone are
            kept so: optimizers see, and keep their moments in, float32.
        compute: of layers and their products; None for that of the rows.
        output: in which losses and metrics get what the model gives; None for float32 at least. Sums over rows are
            taken in float32 at least in any case.
        products: how exact products are, in the words of `jax.default_matmul_precision`; None for what the platform
            does, or that setting says.
        loss_scale: the first scale, at least 1; None for no scaling.
        growth_interval: steps without overflow after which the scale doubles.

    Raises:
        ValueError: for a dtype that is not floating, words that JAX does not know, or numbers out of range.

    Source: Micikevicius et al., "Mixed precision training", 2018; the rule of the scale is that of ``jmp``, of
        ``keras.optimizers.LossScaleOptimizer`` and of NVIDIA's guide, with jmp's floor of 1.

    Example:
        >>> Precision(compute="float16", loss_scale=1024.0).compute, str(Precision(compute="bfloat16"))
        ('float16', 'bfloat16')
    """

    param: Any = None
    compute: Any = None
    output: Any = None
    products: str | None = None
    loss_scale: float | None = None
    growth_interval: int = 2000

    def __post_init__(self):
        for name in ("param", "compute", "output"):
            object.__setattr__(self, name, _dtype(name, getattr(self, name)))
        if self.products is not None and self.products not in PRODUCTS:
            raise ValueError(f"products must be one of {', '.join(PRODUCTS)}, got {self.products!r}; "
                             'write nn.Precision(products="highest")')  # fmt: skip
        scale, steps = self.loss_scale, self.growth_interval
        if scale is not None:
            if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 1 <= scale <= 2.0**127:
                raise ValueError(f"loss_scale must be a number of at least 1, got {scale!r}; "
                                 'write nn.Precision(compute="float16", loss_scale=2.0**15)')  # fmt: skip
            object.__setattr__(self, "loss_scale", float(scale))
        if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps < 2**31:
            raise ValueError(f"growth_interval must be a whole number of at least 1, got {steps!r}; "
                             "write growth_interval=2000")  # fmt: skip

    def __str__(self) -> str:
        return next((name for name, known in NAMED.items() if known == self), repr(self))

    def __repr__(self) -> str:
        fields = ((f.name, getattr(self, f.name), f.default) for f in dataclasses.fields(self))
        return f"Precision({', '.join(f'{name}={value!r}' for name, value, default in fields if value != default)})"

    def tracing(self) -> Any:
        """Around what is traced: its products are as exact as this says."""
        return contextlib.nullcontext() if self.products is None else jax.default_matmul_precision(self.products)

    def plain(self) -> Any:
        """As JSON: its name, or its fields; `precision_of` reads it."""
        return str(self) if str(self) in NAMED else dataclasses.asdict(self)


DEFAULT = Precision()
"""What the platform does by itself."""
NAMED = {
    "float32": Precision(compute="float32", products="highest"),
    "bfloat16": Precision(compute="bfloat16"),
    "float16": Precision(compute="float16", loss_scale=2.0**15),
}


def precision_of(given: Any) -> Precision | None:
    """The precision that was asked for; None for that of the platform.

    Args:
        given: None, a name, a `Precision`, or one as `Precision.plain` wrote it.

    Raises:
        ValueError: for anything else.

    Example:
        >>> precision_of("bfloat16")
        Precision(compute='bfloat16')
        >>> precision_of("mixed_bfloat16")
        Traceback (most recent call last):
        ValueError: precision must be None, "float32", "bfloat16", "float16" or an nn.Precision, got 'mixed_bfloat16';
            write precision="bfloat16", whose weights stay float32
    """
    if given is None or isinstance(given, Precision):
        return None if given == DEFAULT else given
    if isinstance(given, Mapping):
        if not given.keys() <= {f.name for f in dataclasses.fields(Precision)}:
            raise ValueError(f"{dict(given)!r:.80} is no precision; {ADVICE}")
        return precision_of(Precision(**given))
    name = given if isinstance(given, str) else _name(given)
    if name in NAMED:
        return NAMED[name]
    mixed = name.removeprefix("mixed_") if isinstance(name, str) else None
    advice = f'write precision="{mixed}", whose weights stay float32' if mixed in NAMED else ADVICE
    raise ValueError(f'precision must be None, "float32", "bfloat16", "float16" or an nn.Precision, got {given!r}; '
                     f"{advice}")  # fmt: skip

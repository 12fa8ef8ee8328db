"""A GPT in numbers: what its own spec says, from shapes alone."""

import dataclasses
from typing import Any

import jax

from jaxnn.core.tree import count
from jaxnn.inspect.flops import flops


@dataclasses.dataclass(frozen=True)
class Sizes:
    """The sizes of a `jaxnn.GPT`.

    Args:
        layers: ``l``, blocks.
        width: ``h``, of a token's row.
        heads: ``a``, of the attention.
        kv_heads: those of keys and values.
        hidden: of the perceptrons.
        vocab: ``V``, tokens.
        context: ``s``, tokens of a sequence.
        parameters: all of them.
        blocks: parameters of the blocks.
        forward: operations of one forward pass of one sequence, counted in the traced program.
    """

    layers: int
    width: int
    heads: int
    kv_heads: int
    hidden: int
    vocab: int
    context: int
    parameters: int
    blocks: int
    forward: int

    @property
    def logits(self) -> int:
        """Operations of the last product in one forward pass of one sequence: ``2 s h V``."""
        return 2 * self.context * self.width * self.vocab

    @property
    def core(self) -> int:
        """Operations of attention's products of rows with rows, ``4 s^2 h l``, in a forward pass of one sequence."""
        return 4 * self.context**2 * self.width * self.layers

    def flops(self, recompute: str | None = None) -> int:
        """Operations of a training step for one sequence.

        Without recomputation three forward passes: one, and two products backward for each forward. With ``"full"``
        the blocks a fourth time, with ``"selective"`` the products of attention's core twice, as published.
        """
        again = {None: 0, "selective": 3 * self.core, "full": self.forward - self.logits}
        return 3 * self.forward + again[recompute]


def sizes(model: Any) -> Sizes:
    """Read the sizes of a `jaxnn.GPT`; nothing is computed or allocated.

    Args:
        model: of `jaxnn.gpt`.

    Returns:
        Its `Sizes`.

    Raises:
        TypeError: for another model.

    Example:
        >>> import jaxnn as nn
        >>> found = sizes(nn.gpt(vocab=50, context=8, width=16, heads=2, layers=3))
        >>> found.parameters, found.flops() / found.forward
        (10800, 3.0)
    """
    attention: Any = getattr(getattr(model, "block", None), "attention", None)
    usual = getattr(attention, "head_size", 0) is None  # rows of attention are as long as the model is wide
    if not (usual and all(hasattr(model, name) for name in ("embed", "context", "layers"))):
        raise TypeError(
            f"the arithmetic of scale is that of a GPT, got {type(model).__name__}; write nn.scale(nn.gpt(...), "
            "batch=512), or nn.summary(model, x) for parameters and operations of another model"
        )
    model = dataclasses.replace(model, repeat=True)  # the same numbers, and one block to trace
    ids, key = jax.ShapeDtypeStruct((1, model.context), "int32"), jax.eval_shape(lambda: jax.random.key(0))
    params, state = jax.eval_shape(model.init, key, ids)
    forward = flops(lambda p, s, v: model.apply(p, s, v)[0], params, state, ids)
    width = model.embed.width
    return Sizes(
        model.layers, width, attention.heads, attention.kv_heads or attention.heads, model.block.hidden or 4 * width,
        model.embed.vocab, model.context, count(params), count(params["blocks"]), forward,
    )  # fmt: skip

"""The memory that each device needs to train a GPT, by how the model is split: the published formulas."""

import dataclasses
from typing import Any, NamedTuple

from jaxnn.inspect.sizes import Sizes

ROOM = 0.9
"""The share of a device's memory that may be filled; the rest is for buffers of messages, scratch and fragments."""


@dataclasses.dataclass(frozen=True)
class Split:
    """How a model and its batch lie on devices.

    Args:
        tensor: devices that share each product.
        pipeline: stages, each with its part of the blocks.
        data: copies of all that, each with its part of the batch.
        micro: sequences that go through the pipeline at once.
        sequence: whether what lies between the products of a block is split as the products are, along the sequence.
        zero: 1 splits the moments over the data copies, 2 the gradients too, 3 the weights too.
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    micro: int = 1
    sequence: bool = False
    zero: int = 0

    @property
    def devices(self) -> int:
        """All of them."""
        return self.tensor * self.pipeline * self.data


class Memory(NamedTuple):
    """Bytes of the device that needs most, one of the first stage.

    Args:
        weights: with a copy in 16 bits where there is one.
        gradients: of the weights.
        moments: of the optimizer.
        activations: kept for the backward pass.
    """

    weights: float
    gradients: float
    moments: float
    activations: float

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self)


def memory(sizes: Sizes, split: Split, batch: int, recompute: str | None, state_bytes: Any) -> Memory:
    """The memory of a device of the first stage, in bytes.

    Weights, gradients and moments: so many bytes for each of its parameters. Activations, in 16 bits, of a block with
    ``s`` tokens, ``b`` sequences, ``h`` columns, ``a`` heads on ``t`` devices: ``s b h (10 + 24 / t + 5 a s / (h t))``,
    with the sequence split too ``s b h / t (34 + 5 a s / h)``. Without the last term where attention's core is computed
    again (``"selective"``), ``2 s b h`` where the whole block is (``"full"``), and then one block as a whole. The first
    of ``p`` stages keeps those of ``p`` micro-batches, so of all ``l`` blocks. To these come ``s b h p`` of the
    embedding's dropout, and with one stage ``4 s b h / t (1 + V / h)`` of the output.

    Args:
        sizes: of the model.
        split: how it lies on devices.
        batch: sequences of a step.
        recompute: None, ``"selective"`` or ``"full"``.
        state_bytes: of a parameter's weight, gradient and moments.

    Returns:
        A `Memory`.

    Source: Korthikanti et al., "Reducing activation recomputation in large transformer models", 2022, equations 1 to 6;
        Rajbhandari et al., "ZeRO: memory optimizations toward training trillion parameter models", 2020.

    Example:
        >>> import jaxnn as nn
        >>> from jaxnn.inspect.sizes import sizes
        >>> found = memory(sizes(nn.gpt(51200, 2048, 12288, 96, 96)), Split(8, 8), 8, "selective", (6, 6, 8))
        >>> [round(part / 1e9, 1) for part in found]
        [16.8, 16.8, 22.4, 31.6]
    """
    t, p, b = split.tensor, split.pipeline, split.micro
    beside = sizes.parameters - sizes.blocks  # the first stage holds the embedding, and alone all the rest
    own = sizes.blocks / (t * p) + beside / t
    shares = [split.data if split.zero >= stage else 1 for stage in (3, 2, 1)]
    weights, gradients, moments = (own * n / share for n, share in zip(state_bytes, shares, strict=True))
    whole, kept = _block(sizes, split, None), _block(sizes, split, recompute)
    flying = min(p, max(1, batch // (split.data * b)))  # micro-batches that the first stage keeps
    rows = sizes.context * b * sizes.width
    activations = kept * sizes.layers / p * flying + (whole if recompute == "full" else 0)
    activations += rows * flying / (t if split.sequence else 1)
    if p == 1:
        activations += 4 * rows / t * (1 + sizes.vocab / sizes.width)
    return Memory(weights, gradients, moments, activations)


def _block(sizes: Sizes, split: Split, recompute: str | None) -> float:
    """Bytes that one block keeps of one micro-batch."""
    t, rows = split.tensor, sizes.context * split.micro * sizes.width
    around = t if split.sequence else 1
    if recompute == "full":
        return 2 * rows / around
    products = 4 + 4 * sizes.kv_heads / sizes.heads + 4 * sizes.hidden / sizes.width  # 24 of the usual block
    core = 0 if recompute else 5 * sizes.heads * sizes.context / sizes.width
    return rows * (10 / around + (products + core) / t)


def least_split(
    sizes: Sizes, batch: int, devices: int | None, limit: float, recompute: str | None, state_bytes: Any,
    given: Split, node: int,
) -> Split | None:  # fmt: skip
    """The split over the fewest devices whose memory suffices, or None: along the products within a node first, then
    in stages.

    Args:
        sizes: of the model.
        batch: sequences of a step.
        devices: all there are, or None for as many as one copy takes.
        limit: bytes that may be filled.
        recompute: None, ``"selective"`` or ``"full"``.
        state_bytes: of a parameter's weight, gradient and moments.
        given: ``micro``, ``sequence`` and ``zero`` of the split.
        node: devices with a fast link between them.

    Source: Narayanan et al., "Efficient large-scale language model training on GPU clusters using Megatron-LM", 2021,
        takeaways 1 and 2.
    """
    widths = [t for t in range(1, node + 1) if sizes.heads % t == 0 and node % t == 0]
    pairs = [(t, 1) for t in widths] + [(widths[-1], p) for p in range(2, sizes.layers + 1) if sizes.layers % p == 0]
    for t, p in pairs:
        data, left = divmod(devices or t * p, t * p)
        if left or not data or batch % (data * given.micro):
            continue
        split = dataclasses.replace(given, tensor=t, pipeline=p, data=data)
        if memory(sizes, split, batch, recompute, state_bytes).total <= limit:
            return split
    return None

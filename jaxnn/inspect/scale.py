"""How large a GPT is and what a step of it costs, from four numbers."""

from typing import Any


def gpt_parameters(layers: int, width: int, vocab: int, context: int) -> int:
    """The parameters of a GPT: ``12 l h^2 (1 + 13 / (12 h) + (V + s) / (12 l h))``.

    Per layer these are ``4 h^2 + 4 h`` of the attention, ``8 h^2 + 5 h`` of the perceptron and ``4 h`` of the two
    norms; beside the layers, one row for each token and each position. It is `gpt` with ``final_norm=False``.

    Args:
        layers: ``l``.
        width: ``h``.
        vocab: ``V``, number of tokens.
        context: ``s``, length of a sequence.

    Returns:
        The exact whole number.

    Source: Narayanan et al., "Efficient large-scale language model training on GPU clusters using Megatron-LM", 2021.

    Example:
        >>> round(gpt_parameters(96, 12288, 51200, 2048) / 1e9, 1)
        174.6
    """
    return 12 * layers * width**2 + 13 * layers * width + (vocab + context) * width


def gpt_flops(batch: int, layers: int, width: int, vocab: int, context: int, recompute: bool = True) -> int:
    """Floating-point operations of one training step of a GPT, of its matrix products.

    ``96 B s l h^2 (1 + s / (6 h) + V / (16 l h))`` where the activations are computed again in the backward pass: four
    forward passes of ``24 B s l h^2 + 4 B s^2 l h``, and three of the logits, ``2 B s h V``. Without, three of each.

    Args:
        batch: ``B``, sequences in a step.
        layers: ``l``.
        width: ``h``.
        vocab: ``V``, number of tokens.
        context: ``s``, length of a sequence.
        recompute: whether activations are computed again.

    Returns:
        The exact whole number.

    Source: Narayanan et al., 2021.

    Example:
        >>> round(gpt_flops(512, 24, 2304, 51200, 2048) / 1e15, 2)
        15.47
    """
    blocks = 24 * batch * context * layers * width**2 + 4 * batch * context**2 * layers * width
    return (4 if recompute else 3) * blocks + 6 * batch * context * width * vocab


def percent_of_peak(rate: Any, peak: Any = 312e12) -> Any:
    """A device's rate of work in percent of the most it can do.

    Args:
        rate: floating-point operations per second of one device.
        peak: the most it can do; by default an NVIDIA A100 in bfloat16.

    Returns:
        Percent.

    Example:
        >>> round(percent_of_peak(137e12))
        44
    """
    return 100 * rate / peak


def step_seconds(flops: Any, devices: int, rate: Any) -> Any:
    """Seconds of a step whose work is shared evenly.

    Args:
        flops: floating-point operations of the step.
        devices: how many devices share it.
        rate: floating-point operations per second of one device.

    Returns:
        Seconds.

    Example:
        >>> round(step_seconds(gpt_flops(512, 24, 2304, 51200, 2048), devices=32, rate=137e12), 2)
        3.53
    """
    return flops / (devices * rate)

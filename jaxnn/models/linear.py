"""Networks of one layer: regression, logit, softmax and the perceptron."""

from jaxnn.layers.dense import Dense


def linear_regression(out: int = 1) -> Dense:
    """Linear regression ``y = x @ kernel + bias``; train it with ``"squared_error"``.

    Args:
        out: number of targets.

    Returns:
        A spec whose outputs are ``(batch, out)``; it starts at zero, as the problem is convex.

    Example:
        >>> linear_regression()
        Dense(units=1, kernel_init='zeros')
    """
    return Dense(out, kernel_init="zeros")


def logistic_regression() -> Dense:
    """Logistic regression, ``P(y = 1) = sigmoid(x @ kernel + bias)``; train it with ``"sigmoid_cross_entropy"``.

    Returns:
        A spec whose outputs are logits ``(batch, 1)``; it starts at zero, as the problem is convex.

    Example:
        >>> logistic_regression()
        Dense(units=1, kernel_init='zeros')
    """
    return Dense(1, kernel_init="zeros")


def softmax_regression(classes: int) -> Dense:
    """Multinomial logit, ``P(y = k) = softmax(x @ kernel + bias)[k]``; train it with ``"softmax_cross_entropy"``.

    Args:
        classes: number of classes.

    Returns:
        A spec whose outputs are logits ``(batch, classes)``; it starts at zero, as the problem is convex.

    Example:
        >>> softmax_regression(10)
        Dense(units=10, kernel_init='zeros')
    """
    return Dense(classes, kernel_init="zeros")


def perceptron() -> Dense:
    """Rosenblatt's perceptron: the class is the sign of ``x @ kernel + bias``.

    Trained with the loss ``"perceptron"``, ``optax.sgd(1.0)`` and one row a batch, every step is Rosenblatt's rule.
    The same rule with outputs 0 and 1 is ``nn.Dense(1, "step")`` under ``"half_squared_error"``.

    Returns:
        A spec whose outputs are scores ``(batch, 1)``; it starts at zero.

    Source: Rosenblatt, "The perceptron", Psychological Review 65 (1958).

    Example:
        >>> perceptron()
        Dense(units=1, kernel_init='zeros')
    """
    return Dense(1, kernel_init="zeros")

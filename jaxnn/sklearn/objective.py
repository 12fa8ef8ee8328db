"""What scikit-learn's networks minimise: a weighted mean over the rows of a step, and penalties over their weight.

Of the rows of a step with weights ``w_i`` that sum to ``W``, it is

::

    sum_i w_i loss_i / W  +  (alpha / 2 sum w^2 + l1 sum |w|) / W

The sum over weights stands inside the loss, and not in front of the optimizer, because it is divided by what the rows
of each step weigh, and because L-BFGS looks at the value of all of it.
"""

from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core.layer import child, hyper, spec
from jaxnn.core.records import Metric
from jaxnn.core.tree import path_of, widened
from jaxnn.core.types import Batch, Hyper, Key, Params, State
from jaxnn.metrics import r2


@spec
class Penalised:
    """A network that gives its outputs and, beside them, the penalty of its kernels for each row.

    Args:
        network: the network.
        alpha, l1: strengths of the squares and of the absolute values.
    """

    network: Any = child()
    alpha: Hyper = hyper(0.0)
    l1: Hyper = hyper(0.0)

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """That of the network."""
        return self.network.init(key, x)

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """Outputs ``(batch, out)`` and the penalty ``(batch,)``, the same for each row."""
        outputs, state = self.network.apply(params, state, x, key=key, train=train, rows=rows)
        penalty = jnp.zeros((), widened(outputs).dtype)
        for path, leaf in jax.tree_util.tree_leaves_with_path(params):
            if path_of(path).endswith("kernel"):
                wide = widened(leaf).astype(penalty.dtype)
                alpha, l1 = (jnp.asarray(c, wide.dtype) for c in (self.alpha, self.l1))
                penalty = penalty + alpha / 2 * (wide * wide).sum() + l1 * jnp.abs(wide).sum()
        return {"outputs": outputs, "penalty": jnp.broadcast_to(penalty, outputs.shape[:1])}, state


def by_weight(key: Any, batch: Batch) -> Batch:
    """A step's rows with weights of mean 1, and in their targets what a penalty is divided by.

    Targets are ``{"y": ..., "share": ...}``; rows of weight 0 alone make a step without a gradient.
    """
    weight: Any = batch.weight
    total, count = weight.sum(), batch.rows.sum(dtype=jnp.int32).astype(weight.dtype)
    share = jnp.where(total > 0, 1 / jnp.where(total > 0, total, jnp.ones_like(total)), jnp.zeros_like(total))
    targets = {"y": batch.y["y"], "share": jnp.broadcast_to(share, weight.shape).astype(batch.y["share"].dtype)}
    return batch._replace(y=targets, weight=weight * (share * count))


def log_loss(outputs: Any, targets: Any) -> Any:
    """Cross-entropy of classes, ``(batch,)``; scikit-learn reports no more than 36 for a row, and this is exact."""
    logits, y = outputs["outputs"], targets["y"]
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1)[:, 0] + _penalty(outputs, targets)


def binary_log_loss(outputs: Any, targets: Any) -> Any:
    """Cross-entropy of yes or no, the sum over labels, ``(batch,)``."""
    logits, y = outputs["outputs"], targets["y"]
    return (jax.nn.softplus(logits) - y * logits).sum(1) + _penalty(outputs, targets)


def poisson_deviance(outputs: Any, targets: Any) -> Any:
    """Half the Poisson deviance of rates whose logarithms are given, the sum over outputs, ``(batch,)``."""
    logs, y = outputs["outputs"], targets["y"]
    return (jax.scipy.special.xlogy(y, y) - y * logs - y + jnp.exp(logs)).sum(1) + _penalty(outputs, targets)


def half_error(outputs: Any, targets: Any) -> Any:
    """Half the squared error, the sum over outputs, ``(batch,)``."""
    return ((outputs["outputs"] - targets["y"]) ** 2).sum(1) / 2 + _penalty(outputs, targets)


def reported_error(outputs: Any, targets: Any) -> Any:
    """`half_error` whose value is the mean over outputs, and whose gradient is that of the sum.

    scikit-learn reports the one and descends along the other.
    """
    total = half_error(outputs, targets)
    error = total - _penalty(outputs, targets)
    return total - jax.lax.stop_gradient(error - error / outputs["outputs"].shape[1])


def _penalty(outputs: Any, targets: Any) -> Any:
    return outputs["penalty"] * targets["share"]


def _accuracy(outputs: Any, targets: Any) -> Any:
    z, y = outputs["outputs"], targets["y"]
    right = jnp.argmax(z, 1).astype(y.dtype) == y if y.ndim == 1 else ((z > 0) == (y > 0.5)).all(1)
    return right.astype(z.dtype)


def _r2(outputs: Any, targets: Any) -> Any:
    return r2.rows(outputs["outputs"], targets["y"], "values")


def _r2_of_rates(outputs: Any, targets: Any) -> Any:
    return r2.rows(jnp.exp(outputs["outputs"]), targets["y"], "values")


LOSSES = {"multiclass": log_loss, "binary": binary_log_loss, "values": half_error, "rates": poisson_deviance}
"""By what the outputs are."""
ACCURACY = Metric("score", _accuracy, rises=True)
SCORES = {
    "multiclass": ACCURACY,
    "binary": ACCURACY,
    "values": Metric("score", _r2, r2.finish, True, "moments"),
    "rates": Metric("score", _r2_of_rates, r2.finish, True, "moments"),
}
"""What early stopping looks at."""

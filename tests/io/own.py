"""What a model of one's own is made of, for tests that save it here and load it elsewhere."""

import jax
import jax.numpy as jnp
import optax

import jaxnn as nn


@nn.loss(task="classes")
def own_cross_entropy(logits, labels):
    return -jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels]


@nn.metric(rises=True)
def own_hits(logits, labels):
    return (logits.argmax(-1) == labels).astype("float32")


@nn.spec
class OwnScale:
    """Parameters in a tuple, which a file has as a dict."""

    start: float = nn.hyper(1.0)

    def init(self, key, x):
        return (jnp.full(x.shape[-1], self.start, jnp.float32), jnp.zeros(x.shape[-1], jnp.float32)), {}

    def apply(self, params, state, x, *, key=None, train=False, rows=None):
        return x * params[0][None] + params[1][None], state


def net(lr, activation="tanh"):
    model = nn.Sequential(nn.Dense(4, activation), OwnScale(0.5), nn.BatchNorm(), nn.Dense(3))
    return nn.Trial(model, own_cross_entropy, optax.adam(lr), metrics=(own_hits, "top_2"))

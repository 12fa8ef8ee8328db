"""The optimizer as a step calls it: packed where it allows that, and always with every extra argument."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.train.optimizer import packed, plain

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
Y = X[:, 0] - X[:, 1]
OPTIMIZERS = {
    "packed": optax.chain(nn.l2(1e-2), optax.adam(0.1)),
    "of a kind that is not": optax.contrib.muon(0.1),
    "line search": nn.lbfgs(),
}


def trial(name):
    return nn.Trial(nn.mlp((4,), out=1), "squared_error", OPTIMIZERS[name])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_fit_is_the_run_whose_optimizer_is_as_it_is(name):
    """`fit` packs on a CPU, `run` never does."""
    solo = nn.fit(trial(name), (X, Y), epochs=3, batch_size=None, progress=False)
    key = jax.random.key(0, impl="threefry2x32")
    _, history = jax.jit(lambda k: nn.run(trial(name), {}, k, (X, Y), epochs=3, batch_size=None))(key)
    np.testing.assert_allclose(solo.history["loss"], history["loss"], rtol=1e-5)


def test_moments_lie_in_one_vector_only_where_that_is_possible():
    key = jax.random.key(0, impl="threefry2x32")
    for name, vectors in (("packed", 2), ("of a kind that is not", 0), ("line search", 0)):
        built = trial(name)
        state = nn.init(built, key, jnp.zeros((1, 3)))
        found = packed(built, state)
        flat = [a for a in jax.tree.leaves(found.pack(state.opt_state)) if a.shape == (3 * 4 + 4 + 4 + 1,)]
        assert len(flat) == vectors
        jax.tree.map(np.testing.assert_array_equal, found.unpack(found.pack(state.opt_state)), state.opt_state)


def test_every_extra_argument_reaches_the_update():
    seen = {}

    def update(updates, state, params=None, **extra):
        seen.update(extra)
        return updates, state

    own = optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)
    grads = {"kernel": jnp.ones(2)}
    rest = {"value": 1.0, "metrics": {"loss": 2.0}, "epoch": 3}
    built = nn.Trial(nn.Dense(1), "squared_error", own)
    plain(built).update(grads, "the state", grads, rest, "the function")
    assert seen == {**rest, "grad": grads, "opt_state": "the state", "value_fn": "the function"}

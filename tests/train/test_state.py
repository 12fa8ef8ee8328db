"""What training carries: plain arrays, that can be taken away and brought back."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxnn as nn
from jaxnn.train.state import Best

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 3)).astype(np.float32), RNG.normal(size=12).astype(np.float32)
TRIAL = nn.Trial(nn.mlp((4,), out=1, batch_norm=True), "squared_error", optax.adam(0.01), stop=nn.EarlyStopping("loss"))


def test_it_is_a_tree_of_arrays_of_few_kinds():
    state = nn.init(TRIAL, jax.random.key(0), jnp.asarray(X))
    assert {str(a.dtype) for a in jax.tree.leaves(state)} == {"float32", "int32", "bool"}
    assert [int(v) for v in (state.step, state.epoch, state.wait, state.stopped, state.diverged)] == [0, 0, 0, 0, -1]
    assert state.metrics == {} and isinstance(state.best, Best) and int(state.best.epoch) == -1
    assert jax.tree.structure(state.params) == jax.tree.structure(state.best.params)


def test_saved_as_plain_numbers_and_restored_it_goes_on_as_if_never_stopped():
    take = jax.jit(lambda s: nn.step(TRIAL, s, (X, Y))[0])
    state = take(nn.init(TRIAL, jax.random.key(0), jnp.asarray(X)))
    leaves, tree = jax.tree.flatten(state)
    again = jax.tree.unflatten(tree, [np.array(leaf) for leaf in leaves])
    jax.tree.map(np.testing.assert_array_equal, take(take(again)), take(take(state)))

"""Every transformation of the optimizer under the same rules. A new one adds a row: the call, and two settings of
each of its numbers, which are traced."""

import inspect

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core import files
from jaxnn.optim.penalties import value_of

RATE = (0.1, 0.05)
ROWS = {
    "l1": (nn.l1, dict(c=(0.2, 0.5))),
    "l2": (nn.l2, dict(c=(0.2, 0.5))),
    "elastic_net": (nn.elastic_net, dict(l1=(0.2, 0.5), l2=(0.3, 0.1))),
    "decay": (nn.decay, dict(c=(0.2, 0.5), learning_rate=RATE)),
    "proximal_l1": (nn.proximal_l1, dict(c=(0.2, 0.5), learning_rate=RATE)),
    "proximal_elastic_net": (nn.proximal_elastic_net, dict(l1=(0.2, 0.5), l2=(0.3, 0.1), learning_rate=RATE)),
    "proximal_adam": (
        lambda factor, **k: nn.proximal_adam(**k, plateau=nn.plateau(factor, patience=1, metric="loss")),
        dict(
            learning_rate=RATE, l1=(0.2, 0.5), l2=(0.3, 0.1), b1=(0.9, 0.5), b2=(0.99, 0.9), eps=(1e-3, 0.1),
            factor=(0.5, 0.3),
        ),
    ),
    "group_lasso": (nn.group_lasso, dict(c=(0.2, 0.5), learning_rate=RATE)),
    "max_norm": (nn.max_norm, dict(c=(0.7, 2.0))),
    "plateau": (
        lambda **k: nn.plateau(**k, metric="loss"),
        dict(
            factor=(0.5, 0.1), patience=(1, 2), cooldown=(1, 0), rtol=(1e-4, 1e-2), atol=(0.0, 0.1),
            min_scale=(0.0, 0.2),
        ),
    ),
    "ema": (nn.ema, dict(decay=(0.5, 0.9))),
    "swa": (nn.swa, dict(start=(1, 2), every=(1, 2))),
    "clip_by_norm": (nn.clip_by_norm, dict(max_norm=(0.5, 2.0))),
    "clip_by_value": (nn.clip_by_value, dict(max_delta=(0.5, 2.0))),
    "accumulate": (lambda: nn.accumulate(optax.sgd(0.1), every=2), {}),
    "lbfgs": (nn.lbfgs, dict(l2=(0.2, 0.5))),
    "freeze": (lambda: nn.freeze("dense_0/kernel"), {}),
}  # fmt: skip
NOT_DIFFERENTIABLE = {"lbfgs"}
RNG = np.random.default_rng(0)
PARAMS = {
    "dense_0": {"kernel": RNG.normal(size=(3, 2)).astype(np.float32), "bias": np.ones(2, np.float32)},
    "embed_0": {"embedding": RNG.normal(size=(4, 2)).astype(np.float32)},
}


def loss(params):
    return sum(jnp.sum(jnp.cos(leaf) + 0.5 * jnp.square(leaf)) for leaf in jax.tree.leaves(params)).astype(float)


def numbers(name, i):
    return {key: jnp.asarray(v[i], jnp.zeros((), type(v[i])).dtype) for key, v in ROWS[name][1].items()}


def one_step(optimizer, params, state, epoch):
    """A step that sees all that a step of the library hands on, the first of its epoch.

    Elsewhere in the whole state stands a plateau that has halved once, which decay and proximal steps shrink with.
    """
    elsewhere = nn.plateau(metric="loss").init(params)
    whole = state, elsewhere._replace(scale=jnp.full_like(elsewhere.scale, 0.5))
    value, grad = jax.value_and_grad(loss)(params)
    extra = dict(value=value, grad=grad, value_fn=loss, metrics={"loss": value}, epoch=epoch)
    update = optax.with_extra_args_support(optimizer).update
    updates, state = update(grad, state, params, **extra, opt_state=whole)
    return optax.apply_updates(params, updates), state


def trained(name, values, params=PARAMS):
    """Four steps: the weights, the weights to evaluate, and the penalty."""
    optimizer = ROWS[name][0](**values)
    params = jax.tree.map(jnp.asarray, params)
    state = optimizer.init(params)
    params, state = jax.lax.fori_loop(0, 4, lambda i, carry: one_step(optimizer, *carry, i + 1), (params, state))
    return params, nn.averaged(state, params), value_of(state, params)


def public():
    """The names in ``jaxnn`` that come from ``jaxnn.optim`` and return a transformation."""
    functions = {n: f for n, f in vars(nn).items() if inspect.isfunction(f) and f.__module__.startswith("jaxnn.optim")}
    return {n for n, f in functions.items() if "GradientTransformation" in str(inspect.signature(f).return_annotation)}


def test_every_public_transformation_has_a_row():
    assert public() == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_every_number_of_its_signature_has_two_settings(name):
    structure = {"where", "metric", "mode", "axis", "debias", "plateau", "optimizer", "paths"}
    structure |= {"memory_size", "max_linesearch_steps"} | ({"every"} if name == "accumulate" else set())
    given = set(inspect.signature(getattr(nn, name)).parameters) - structure
    assert given == set(ROWS[name][1]) - ({"factor"} if name == "proximal_adam" else set())


@pytest.mark.parametrize("name", ROWS)
def test_members_are_their_solo_runs_with_one_trace(name):
    traces = []

    @jax.jit
    def run(values):
        traces.append(values)
        return trained(name, values)

    solo = [run(numbers(name, i)) for i in (0, 1)]
    together = jax.vmap(run, axis_size=2)(jax.tree.map(lambda *v: jnp.stack(v), numbers(name, 0), numbers(name, 1)))
    assert len(traces) == 1
    for i in (0, 1):
        chex.assert_trees_all_close(jax.tree.map(lambda a, i=i: a[i], together), solo[i], rtol=2e-5, atol=1e-6)
    if ROWS[name][1]:
        with pytest.raises(AssertionError):
            chex.assert_trees_all_close(*solo, rtol=1e-3)


@pytest.mark.parametrize("name", [name for name in ROWS if ROWS[name][1] and name not in NOT_DIFFERENTIABLE])
def test_gradients_reach_every_number(name):
    params = jax.tree.map(np.float64, PARAMS)
    with jax.enable_x64(True):
        values = {key: v[0] for key, v in ROWS[name][1].items()}
        names = [key for key, v in values.items() if isinstance(v, float)]

        @jax.jit
        @jax.value_and_grad
        def final(point):
            chosen = {key: point[i] for i, key in enumerate(names)}
            _, weights, penalty = trained(name, values | chosen, params)
            return loss(weights) + (0 if penalty is None else penalty)

        point = jnp.array([values[key] for key in names], float)
        _, slopes = final(point)
        for i in range(len(names)):
            h = 1e-6 * np.eye(len(names))[i]
            numeric = (final(point + h)[0] - final(point - h)[0]) / 2e-6
            np.testing.assert_allclose(slopes[i], numeric, rtol=1e-4, atol=1e-7, err_msg=names[i])


@pytest.mark.parametrize(
    ("name", "dtype"),
    [*((name, jnp.float32) for name in ROWS), *((name, jnp.bfloat16) for name in ROWS if name != "lbfgs")],
)
def test_dtypes_and_structure_stay(name, dtype):
    params = jax.tree.map(lambda a: jnp.asarray(a, dtype), PARAMS)
    optimizer = ROWS[name][0](**numbers(name, 0))
    before = optimizer.init(params)
    moved, after = jax.jit(lambda p, s: one_step(optimizer, p, s, jnp.int32(1)))(params, before)
    chex.assert_trees_all_equal_shapes_and_dtypes(moved, params)
    chex.assert_trees_all_equal_shapes_and_dtypes(after, before)
    assert jax.tree.structure(after) == jax.tree.structure(before)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(before))
    assert name == "lbfgs" or not any(leaf.weak_type for leaf in jax.tree.leaves(before))


@pytest.mark.parametrize("name", ROWS)
def test_its_state_goes_through_a_file(name, tmp_path):
    optimizer = ROWS[name][0](**numbers(name, 0))
    start = jax.tree.map(jnp.asarray, PARAMS)
    _, state = jax.jit(lambda p: one_step(optimizer, p, optimizer.init(p), jnp.int32(1)))(start)
    files.write(tmp_path / "state.safetensors", {"state": state, "step": jnp.int32(1)})
    like = {"state": jax.eval_shape(optimizer.init, start), "step": jnp.int32(0)}
    back, _ = files.read_into(tmp_path / "state.safetensors", like)
    chex.assert_trees_all_equal(back["state"], state)

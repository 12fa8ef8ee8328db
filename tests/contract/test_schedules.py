"""Every schedule sits the same exam; one that is added sits it by itself, as long as its arguments are in the table."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn

SCHEDULES = {
    name: function
    for name, function in vars(nn.schedules).items()
    if inspect.isfunction(function) and not name.startswith("_")
}
COUNTS = jnp.arange(1000)
ARGUMENTS = {
    "value": (0.1, 0.3),
    "init_value": (0.2, 0.05),
    "peak_value": (0.7, 1.3),
    "end_value": (0.065, 0.03),
    "power": (2.0, 0.5),
    "exponent": (1.0, 2.5),
    "alpha": (0.1, 0.0),
    "decay_rate": (0.3, 0.03),
    "transition_steps": (400, 731),
    "transition_begin": (0, 77),
    "warmup_steps": (100, 33),
    "decay_steps": (700, 912),
    "first_decay_steps": (110, 37),
    "steps_per_epoch": (20, 33),
    "staircase": (True, False),
    "pct_start": (0.3, 0.45),
    "pct_final": (0.8, 0.65),
    "div_factor": (25.0, 10.0),
    "final_div_factor": (1e4, 50.0),
    "t_mul": (2.0, 1.0),
    "m_mul": (0.9, 1.0),
    "boundaries_and_scales": (([300, 600, 500], [0.5, 0.1, 3.0]), ([800, 20, 100], [0.3, 2.0, 0.7])),
    "interpolate_type": ("cosine", "cosine"),
    "schedules": ([optax.constant_schedule(0.5), optax.linear_schedule(0.5, 0.1, 300)],) * 2,
    "boundaries": ([250], [400]),
    "schedule": (nn.schedules.linear(1.0, 0.1, 30),) * 2,
    "cosine_kwargs": (
        [
            dict(init_value=0.0, peak_value=1.6, warmup_steps=100, decay_steps=400, end_value=0.0),
            dict(init_value=0.0, peak_value=0.8, warmup_steps=100, decay_steps=500, exponent=1.0),
        ],
        [
            dict(init_value=0.1, peak_value=1.0, warmup_steps=10, decay_steps=100, end_value=0.2),
            dict(init_value=0.2, peak_value=0.5, warmup_steps=90, decay_steps=700, exponent=2.0),
        ],
    ),
}
HEIGHTS = {"value", "init_value", "peak_value", "end_value", "alpha"}
OPTAX = {
    "constant": optax.constant_schedule,
    "polynomial": optax.polynomial_schedule,
    "linear": optax.linear_schedule,
    "exponential": optax.exponential_decay,
    "cosine": optax.cosine_decay_schedule,
    "piecewise": optax.piecewise_constant_schedule,
    "piecewise_interpolate": optax.piecewise_interpolate_schedule,
    "warmup_constant": optax.warmup_constant_schedule,
    "warmup_cosine": optax.warmup_cosine_decay_schedule,
    "warmup_exponential": optax.schedules.warmup_exponential_decay_schedule,
    "one_cycle": optax.cosine_onecycle_schedule,
    "linear_one_cycle": optax.linear_onecycle_schedule,
    "sgdr": optax.sgdr_schedule,
    "join": optax.join_schedules,
}
OURS_ALONE = {"inverse_sqrt", "warmup_linear", "warmup_inverse_sqrt", "cyclic", "cosine_restarts", "in_epochs"}


def arguments(name, i, leave_defaults=False):
    """The ``i``-th setting of every argument of a schedule."""
    parameters = inspect.signature(SCHEDULES[name]).parameters.values()
    return {p.name: ARGUMENTS[p.name][i] for p in parameters if not (leave_defaults and p.default is not p.empty)}


def numbers_of(kwargs):
    """What can be traced, as arrays, and a way back to the arguments."""
    leaves, tree = jax.tree.flatten(kwargs)
    traced = [i for i, leaf in enumerate(leaves) if isinstance(leaf, (bool, int, float))]

    def rebuild(numbers):
        values = dict(zip(traced, numbers, strict=True))
        return jax.tree.unflatten(tree, [values.get(i, leaf) for i, leaf in enumerate(leaves)])

    return [jnp.asarray(leaves[i], jnp.zeros((), type(leaves[i])).dtype) for i in traced], rebuild


@pytest.mark.parametrize("name", SCHEDULES)
def test_its_arguments_are_in_the_table(name):
    missing = set(inspect.signature(SCHEDULES[name]).parameters) - set(ARGUMENTS)
    assert not missing, f"add two settings of {missing} to ARGUMENTS"


def test_every_schedule_has_a_peer_or_is_known_to_have_none():
    assert set(OPTAX) | OURS_ALONE == set(SCHEDULES)


@pytest.mark.parametrize(("i", "leave_defaults"), [(0, False), (1, False), (0, True)], ids=["0", "1", "defaults"])
@pytest.mark.parametrize("name", OPTAX)
def test_it_equals_optax_at_a_thousand_steps(name, i, leave_defaults):
    kwargs = arguments(name, i, leave_defaults)
    ours = jax.jit(jax.vmap(SCHEDULES[name](**kwargs)))(COUNTS)
    if isinstance(pairs := kwargs.get("boundaries_and_scales"), tuple):
        kwargs["boundaries_and_scales"] = dict(zip(*pairs, strict=True))
        np.testing.assert_allclose(jax.jit(jax.vmap(SCHEDULES[name](**kwargs)))(COUNTS), ours, rtol=1e-6)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        theirs = jax.vmap(OPTAX[name](**kwargs))(COUNTS)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)
    assert len(np.unique(ours)) > 1 or name == "constant" or "boundaries_and_scales" not in kwargs


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_argument_may_be_traced_without_another_trace(name):
    settings = [numbers_of(arguments(name, i))[0] for i in (0, 1)]
    rebuild = numbers_of(arguments(name, 0))[1]
    traces = []

    @jax.jit
    def values(numbers):
        traces.append(numbers)
        return SCHEDULES[name](**rebuild(numbers))(COUNTS)

    concrete = [SCHEDULES[name](**arguments(name, i))(COUNTS) for i in (0, 1)]
    for i in (0, 1):
        np.testing.assert_allclose(values(settings[i]), concrete[i], rtol=1e-6, atol=1e-7)
    together = jax.vmap(values)([jnp.stack(pair) for pair in zip(*settings, strict=True)])
    np.testing.assert_allclose(together, jnp.stack(concrete), rtol=1e-6, atol=1e-7)
    assert len(traces) == 1


@pytest.mark.parametrize("name", SCHEDULES)
def test_one_count_or_many_or_a_float_make_no_difference(name):
    schedule = SCHEDULES[name](**arguments(name, 0))
    many = np.asarray(schedule(COUNTS))
    assert many.shape == COUNTS.shape
    assert many.dtype == jnp.float32
    for count in (0, 299, 300, 999):
        single = schedule(jnp.int32(count))
        assert single.shape == ()
        assert single.dtype == jnp.float32
        assert not single.weak_type
        np.testing.assert_allclose([single, schedule(count), schedule(float(count))], many[count], rtol=1e-6)


@pytest.mark.parametrize("name", SCHEDULES)
def test_gradients_are_finite_everywhere_and_right_for_heights(name):
    kwargs = arguments(name, 0)
    with jax.enable_x64(True):
        _, rebuild = numbers_of(kwargs)
        leaves = jax.tree.leaves(kwargs)
        names = [
            jax.tree_util.keystr(path[-1:], simple=True)
            for path, leaf in jax.tree_util.tree_flatten_with_path(kwargs)[0]
            if isinstance(leaf, (bool, int, float))
        ]
        numbers = np.array([leaf for leaf in leaves if isinstance(leaf, (bool, int, float))], np.float64)

        @jax.jit
        def values(numbers):
            return SCHEDULES[name](**rebuild(list(numbers)))(jnp.arange(0, 1000, 50))

        slopes = np.asarray(jax.jit(jax.jacrev(values))(numbers))
        assert np.isfinite(slopes).all()
        for j, argument in enumerate(names):
            if argument in HEIGHTS:
                h = 1e-6 * np.eye(len(numbers))[j]
                numeric = (values(numbers + h) - values(numbers - h)) / 2e-6
                np.testing.assert_allclose(slopes[:, j], numeric, rtol=1e-5, atol=1e-7)
                assert np.abs(slopes[:, j]).max() > 0


@pytest.mark.parametrize("name", SCHEDULES)
def test_it_stands_where_optax_takes_a_schedule(name):
    schedule = SCHEDULES[name](**arguments(name, 0))
    params = {"kernel": jnp.ones(2)}
    with jax.numpy_dtype_promotion("standard"):
        for make in (optax.sgd, optax.inject_hyperparams(optax.sgd)):
            optimizer = make(schedule)
            state = optimizer.init(params)
            for count in range(2):
                updates, state = optimizer.update(params, state, params)
                np.testing.assert_allclose(updates["kernel"], -schedule(count) * np.ones(2), rtol=1e-6)

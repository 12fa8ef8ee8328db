"""The exam itself: for every rule there is a layer that breaks it and is told so."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.checks import SpecError
from jaxnn.testing import RULES, STRICT, _Exam, check_layer

X = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
COUNT = itertools.count()


class Good:
    """Scales and bends; keeps every rule."""

    slope: float = nn.hyper(0.5)
    units: int = 3

    def init(self, key, x):
        return {"scale": jax.random.normal(key, x.shape[-1:])}, {}

    def apply(self, params, state, x, *, key=None, train=False, rows=None):
        if x.ndim != 2 or x.shape[-1:] != params["scale"].shape:
            raise SpecError(f"the scale is {params['scale'].shape} and the inputs are {x.shape}; write init anew")
        y = jnp.tanh(x * params["scale"].astype(x.dtype)[None]) * jnp.asarray(self.slope, x.dtype)
        return self.change(y, key, train, rows), state

    def change(self, y, key, train, rows):
        return y


def layer(**methods):
    """The good layer with other methods."""
    name = f"Layer{next(COUNT)}"
    body = {"__module__": __name__, "__qualname__": name, "__annotations__": {"slope": float, "units": int}}
    return nn.spec(type(name, (Good,), {**body, "slope": nn.hyper(0.5), "units": 3, **methods}))()


def output(f):
    """The good layer with ``f(y)`` for its output."""
    return layer(change=lambda self, y, key, train, rows: f(y))


def counting(f):
    """A layer whose state is a counter, changed by ``f(state, train)``."""
    return layer(
        init=lambda self, key, x: ({}, {"count": jnp.zeros(())}),
        apply=lambda self, params, state, x, *, key=None, train=False, rows=None: (x, f(state, train)),
    )


def of_first(f):
    """``f`` with a wrong rule for `jax.vmap`: every member gets what the first one gets."""
    wrong = jax.custom_batching.custom_vmap(f)
    wrong.def_vmap(lambda size, _, a: (jnp.broadcast_to(f(a[0]), (size, *a.shape[1:])), True))
    return wrong


@jax.custom_vjp
def bent(y):
    return y**2


bent.defvjp(lambda y: (y**2, y), lambda y, g: (y * g,))


def grow(self):
    object.__setattr__(self, "units", self.units + 1)


def refuse(self):
    if not self.slope < 1:
        raise ValueError("slope")


def noisy(self, y, key, train, rows):
    key = jax.random.key(0) if key is None or not train else key
    return y + jax.random.normal(key, y.shape, jnp.float32).astype(y.dtype)


def shy(self, y, key, train, rows):
    if train and key is None:
        raise SpecError("no key")
    return y


def hushed(self, y, key, train, rows):
    if train and key is None:
        raise SpecError("no")
    return noisy(self, y, key, train, rows)


def without_padding(self, y, key, train, rows):
    return y if rows is None else jnp.where((~rows)[:, None], jnp.zeros_like(y), y)


NOT_PLAIN = {"an error without the key"}
BROKEN = {
    "no spec": ("is_a_spec", Good()),
    "a leaf of three numbers": ("is_a_spec", type(layer())(slope=jnp.ones(3))),
    "a check that looks at any object": ("is_a_spec", layer(__post_init__=refuse)),
    "a field that changes in a copy": ("is_a_spec", layer(__post_init__=grow)),
    "a repr without its arguments": ("prints_itself", type(layer(__repr__=lambda self: "nn.Dense(3)"))(units=4)),
    "a function of one's own": ("goes_through_json", nn.Dense(3, lambda x: x)),
    "init gives one result": ("gives_two_results", layer(init=lambda self, key, x: {})),
    "params are a list": ("gives_two_results", layer(init=lambda self, key, x: ([], {}))),
    "a parameter that is no array": ("gives_two_results", layer(init=lambda self, key, x: ({"scale": 1.0}, {}))),
    "apply gives one result": (
        "gives_two_results",
        layer(apply=lambda self, p, s, x, *, key=None, train=False, rows=None: x),
    ),
    "init reads x": ("init_reads_only_shapes", layer(init=lambda self, key, x: ({"scale": jnp.abs(x[0])}, {}))),
    "init counts rows": (
        "init_reads_only_shapes",
        layer(init=lambda self, key, x: ({"scale": jnp.ones(4), "rows": jnp.ones(x.shape[0])}, {})),
    ),
    "rows are lost": ("keeps_promised_shapes", output(lambda y: y[1:])),
    "no rows fail": ("keeps_promised_shapes", output(lambda y: y * (len(y) / len(y)))),
    "another last axis": (
        "tells_what_does_not_fit",
        layer(
            apply=lambda self, p, s, x, *, key=None, train=False, rows=None: (x * p["scale"].astype(x.dtype)[None], s)
        ),
    ),
    "the state is lost": ("keeps_the_form_of_its_state", counting(lambda state, train: {})),
    "the state moves in use": (
        "keeps_the_form_of_its_state",
        counting(lambda state, train: {"count": state["count"] + 1}),
    ),
    "the state changes its dtype": (
        "keeps_the_form_of_its_state",
        counting(lambda state, train: {"count": state["count"].astype(jnp.int32)} if train else state),
    ),
    "outputs stay float32": ("computes_in_the_dtype_of_x", output(lambda y: y.astype(jnp.float32))),
    "dtypes are mixed": ("computes_in_the_dtype_of_x", output(lambda y: y * jnp.float32(2))),
    "parameters of half precision": (
        "computes_in_the_dtype_of_x",
        layer(init=lambda self, key, x: ({"scale": jnp.ones(x.shape[-1], x.dtype)}, {})),
    ),
    "lossy in bfloat16": ("computes_in_the_dtype_of_x", output(lambda y: (y + 1e4) - 1e4)),
    "another value under jit": (
        "is_the_same_under_jit",
        layer(change=lambda self, y, key, train, rows: y * (1 if isinstance(self.slope, float) else 2)),
    ),
    "a branch on a hyperparameter": (
        "is_the_same_under_jit",
        layer(change=lambda self, y, key, train, rows: y if self.slope > 0 else -y),
    ),
    "noise without a key": ("asks_for_a_key", layer(change=noisy)),
    "a key without noise": ("asks_for_a_key", layer(change=shy)),
    "an error without the key": ("asks_for_a_key", layer(change=hushed)),
    "hyperparameters of the first member": (
        "maps_over_hyperparameters",
        layer(change=lambda self, y, key, train, rows: y * of_first(jnp.cos)(jnp.asarray(self.slope, y.dtype))),
    ),
    "parameters of the first member": (
        "maps_over_members",
        layer(
            apply=lambda self, params, state, x, **options: Good.apply(
                self, {"scale": of_first(jnp.cos)(params["scale"])}, state, x, **options
            )
        ),
    ),
    "rows that meet": ("keeps_rows_apart", output(lambda y: y - y.mean(0, keepdims=True))),
    "padding that counts": (
        "keeps_rows_apart",
        layer(change=lambda self, y, key, train, rows: y - y.mean(0, keepdims=True) if train else y),
    ),
    "rows that are taken and not handed on": (
        "keeps_rows_apart",
        nn.Sequential(
            layer(
                init=lambda self, key, x: nn.BatchNorm().init(key, x),
                apply=lambda self, p, s, x, *, key=None, train=False, rows=None: nn.BatchNorm().apply(
                    p, s, x, key=key, train=train
                ),
            )
        ),
    ),
    "rows of bools alone": ("keeps_rows_apart", layer(change=without_padding)),
    "rows that are all real and count as others than None": (
        "is_the_same_under_jit",
        layer(change=lambda self, y, key, train, rows: y if rows is None else y * 2),
    ),
    "weights of JAX alone": (
        "takes_weights_of_numpy",
        layer(
            apply=lambda self, params, state, x, **options: Good.apply(
                self, {"scale": params["scale"].at[:].get()}, state, x, **options
            )
        ),
    ),
    "half a gradient": ("has_the_right_gradient", output(bent)),
    "no gradient": ("has_the_right_gradient", output(jax.lax.stop_gradient)),
}


def test_the_good_layer_passes():
    check_layer(layer(), X, strict=True)


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_layer_is_told_its_rule(case):
    rule, broken = BROKEN[case]
    strict = rule in STRICT or case in NOT_PLAIN
    with pytest.raises(AssertionError, match=f"breaks the rule '{rule}'") as caught:
        check_layer(broken, X, strict=strict)
    assert repr(broken) in str(caught.value) and getattr(_Exam, rule).__doc__.split()[0] in str(caught.value)


@nn.spec
class Plain:
    """What one writes who has read `nn.spec` and thinks of float32 alone."""

    units: int = 2
    std: float = nn.hyper(0.1)

    def init(self, key, x):
        return {"kernel": jax.random.normal(key, (x.shape[-1], self.units)), "bias": jnp.zeros(self.units)}, {}

    def apply(self, params, state, x, *, key=None, train=False, rows=None):
        y = x @ params["kernel"] + params["bias"]
        return (y + self.std * jax.random.normal(key, y.shape) if train else y), state


def test_a_plain_layer_passes_at_first_try_and_not_the_strict_exam():
    check_layer(Plain(), X)
    with pytest.raises(AssertionError, match=r"breaks the rule 'gives_two_results'.*rank"):
        check_layer(Plain(), X, strict=True)


def test_every_rule_is_broken_by_some_layer():
    beyond_reach = {"equals_its_copy", "compiles_once"}  # `spec` gives every class its ==, and `jit` its cache
    assert {rule for rule, _ in BROKEN.values()} == set(RULES) - beyond_reach


def test_options():
    check_layer(nn.Dense(3, lambda x: x), X, json=False)
    check_layer(output(bent), X, gradient=False)
    check_layer(nn.Dropout(0.5), X, key=jax.random.key(7), hypers=nn.Dropout(0.9))
    with pytest.raises(AssertionError, match="structure"):
        check_layer(nn.Dropout(0.5), X, hypers=nn.Dense(3))
    with pytest.raises(AssertionError, match="two rows"):
        check_layer(nn.Dense(3), X[:1])


def test_a_pytree_of_inputs_is_one_batch():
    def apply(self, params, state, x, *, key=None, train=False, rows=None):
        return x["values"] * x["mask"][:, None].astype(x["values"].dtype), state

    x = {"values": X, "mask": np.array([True, False, True])}
    check_layer(layer(init=lambda self, key, x: ({}, {}), apply=apply), x)

"""The exam that every layer sits, for the layers of this library and for those that others write."""

import inspect
import re
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.core.alike import close, distance, same_shapes
from jaxnn.core.checks import SpecError
from jaxnn.core.codec import from_json, to_json
from jaxnn.core.layer import REGISTRY, is_spec
from jaxnn.core.tree import cast, is_floating, member, path_of, stack


def check_layer(
    layer: Any,
    x: Any,
    *,
    key: Any = None,
    hypers: Any = None,
    json: bool = True,
    gradient: bool = True,
    strict: bool = False,
) -> None:
    """Check that a layer keeps the protocol, rule by rule; `RULES` names them.

    A layer that passes trains in `fit` and in a grid. What a layer of a library promises beyond that, ``strict`` asks.
    Two ways to one number agree to 1e-5, or to what products of the platform allow: `jaxnn.core.tolerance.tolerance`.

    Args:
        layer: a spec with concrete hyperparameters.
        x: one batch of at least two rows: an array or a pytree of arrays, batch axis first. Keep it tiny.
        key: a typed key; None takes ``jax.random.key(0, impl="threefry2x32")``.
        hypers: a layer of the same structure with other legal numbers; None halves every number.
        json: False for a layer that holds a foreign function, which JSON refuses.
        gradient: False for a layer whose gradient is not the slope of its output, by design or at this ``x``.
        strict: whether dtypes and ranks must never be promoted, the rules in `STRICT` hold too, and errors are a
            `SpecError` that shows shapes.

    Raises:
        AssertionError: with the layer, the rule it breaks, what the rule says, and how it is broken.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> check_layer(nn.Dense(3, "tanh"), jnp.ones((2, 4)))
    """
    promotion = ("strict", "raise") if strict else ("standard", "allow")
    with jax.numpy_dtype_promotion(promotion[0]), jax.numpy_rank_promotion(promotion[1]):
        exam = _Exam(layer, x, key, hypers, json, gradient, strict)
        for rule in RULES if strict else [rule for rule in RULES if rule not in STRICT]:
            try:
                getattr(exam, rule)()
            except Exception as error:
                reason = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
                says = inspect.getdoc(getattr(_Exam, rule))
                raise AssertionError(f"{layer!r} breaks the rule {rule!r} ({says}) {reason}") from error


class _Exam:
    """The rules, each a public method; the first ones prepare what the later ones compare."""

    def __init__(self, layer: Any, x: Any, key: Any, hypers: Any, json: bool, gradient: bool, strict: bool):
        self._layer, self._hypers, self._json, self._gradient, self._strict = layer, hypers, json, gradient, strict
        self._x = jax.tree.map(jnp.asarray, x)
        self._shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), self._x)
        self._real = np.ones(jax.tree.leaves(self._x)[0].shape[0], bool)
        self._key = jax.random.key(0, impl="threefry2x32") if key is None else key
        self._keys = [jax.random.fold_in(self._key, i) for i in range(1, 25)]
        self._traces, self._alike = 0, False
        self._run = jax.jit(self._both)

    def _both(self, hypers: Any, params: Any, state: Any, x: Any, key: Any, rows: Any) -> tuple:
        """``apply`` in use and in training, with the hyperparameters as inputs."""
        self._traces += 1
        train = hypers.apply(params, state, x, key=key, train=True, rows=rows)
        return train if self._alike else hypers.apply(params, state, x), train

    def is_a_spec(self) -> None:
        """A registered class whose leaves are single numbers, and in whose places any object may stand."""
        assert is_spec(self._layer), "decorate its class with @jaxnn.spec"
        assert len(self._real) >= 2, f"give check_layer an x of at least two rows, not {len(self._real)}"
        self._numbers, tree = jax.tree.flatten(self._layer)
        for v in self._numbers:
            assert np.ndim(v) == 0 and np.asarray(v).dtype.kind in "fiub", f"the leaf {v!r} is no single number"
        jax.tree.unflatten(tree, [object()] * len(self._numbers))
        self._traced = traced = jax.tree.map(_array, self._layer)
        other = self._hypers or jax.tree.map(lambda v: jnp.where(v, v / 2, 0.1) if is_floating(v) else v + 1, traced)
        assert jax.tree.structure(other) == tree, f"hypers must have the structure of the layer, got {other!r}"
        self._others = jax.tree.map(_array, other)

    def equals_its_copy(self) -> None:
        """``==`` and ``hash`` go by value."""
        copy = jax.tree.map(lambda v: v, self._layer)
        assert copy == self._layer and hash(copy) == hash(self._layer), "a copy is not equal, or has another hash"
        other = jax.tree.map(lambda v: v.item(), self._others)
        assert not self._numbers or other != self._layer, f"{other!r} is equal to it"

    def prints_itself(self) -> None:
        """``repr`` is the call that makes the layer, wherever it holds no functions or arrays."""
        text = repr(self._layer)
        if not any(mark in text for mark in ("<", "Array(", "array(", "np.")):
            assert eval(text, dict(REGISTRY)) == self._layer, f"{text} makes another layer"

    def goes_through_json(self) -> None:
        """`to_json` and `from_json` give an equal layer."""
        if self._json:
            text = to_json(self._layer)
            assert from_json(text) == self._layer, f"{text} makes another layer"
            assert to_json(from_json(text)) == text, "written again it is another text"

    def gives_two_results(self) -> None:
        """``init`` and ``apply`` return pairs; params and state are dicts of arrays."""
        self._params, self._state = _pair("init", self._layer.init(self._key, self._x))
        both = {"params": self._params, "state": self._state}
        assert all(isinstance(tree, dict) for tree in both.values()), f"params and state are no dicts: {both}"
        for path, leaf in jax.tree_util.tree_flatten_with_path(both)[0]:
            assert hasattr(leaf, "dtype"), f"{path_of(path)} is {leaf!r}, not an array"
        run = partial(self._layer.apply, self._params, self._state, self._x, key=self._key)
        self._eager = tuple(_pair("apply", run(train=train)) for train in (False, True))

    def init_reads_only_shapes(self) -> None:
        """``init`` makes the same of `jax.ShapeDtypeStruct`, and params do not depend on the number of rows."""
        made = (self._params, self._state)
        close(self._layer.init(self._key, self._shapes), made, "init of shapes and init of x", 0)
        promised = jax.eval_shape(self._layer.init, self._key, self._x)
        same_shapes(promised, made, "init promised and made")
        many = jax.eval_shape(self._layer.init, self._key, _with_rows(self._shapes, 4096))
        same_shapes(many, promised, "init for 4096 rows and for few")

    def keeps_promised_shapes(self) -> None:
        """`jax.eval_shape` of ``apply`` is what it makes; one row of output for each of input, in use for none too."""
        for train, real in zip((False, True), self._eager, strict=True):
            apply = partial(self._apply, train=train)
            same_shapes(apply(self._params, self._state, self._x), real, f"apply(train={train}) promised and made")
            for rows in {len(self._real), 1} if train else {len(self._real), 1, 0}:
                y, _ = apply(self._params, self._state, _with_rows(self._shapes, rows))
                for leaf in jax.tree.leaves(y):
                    assert leaf.shape[:1] == (rows,), f"{rows} rows give outputs {leaf.shape} with train={train}"

    def _apply(self, params: Any, state: Any, x: Any, train: bool, rows: Any = None) -> Any:
        return jax.eval_shape(partial(self._layer.apply, key=self._key, train=train, rows=rows), params, state, x)

    def tells_what_does_not_fit(self) -> None:
        """Inputs of another rank or another last axis either work or raise a `SpecError` with the shape."""
        if not isinstance(x := self._shapes, jax.ShapeDtypeStruct):
            return
        ranks = [x.update(shape=x.shape[:i]) for i in range(1, len(x.shape))] + [x.update(shape=(*x.shape, 2))]
        wider = x.update(shape=(*x.shape[:-1], x.shape[-1] + 1))
        calls = [(wrong, lambda x: jax.eval_shape(self._layer.init, self._key, x)) for wrong in ranks]
        calls += [(wrong, lambda x: self._apply(self._params, self._state, x, True)) for wrong in (*ranks, wider)]
        for wrong, call in calls:
            try:
                call(wrong)
            except SpecError as error:
                assert re.search(r"\(\d*,", str(error)), f"the error for inputs {wrong.shape} shows no shape: {error}"
            except Exception as error:
                raise AssertionError(f"inputs {wrong.shape} raise no SpecError: {str(error)[:99]}") from error

    def keeps_the_form_of_its_state(self) -> None:
        """The new state has the names, shapes and dtypes of the old one; in use it is the old one."""
        for (_, after), train in zip(self._eager, (False, True), strict=True):
            same_shapes(after, self._state, f"state after apply(train={train}) and before")
        close(self._eager[0][1], self._state, "state after apply(train=False) and before", 0)

    def computes_in_the_dtype_of_x(self) -> None:
        """Outputs have the dtype of a floating ``x``, params and state float32; bfloat16 comes near float32."""
        if not any(map(is_floating, jax.tree.leaves(self._x))):
            return
        for dtype in (jnp.float32, jnp.bfloat16, jnp.float16):
            x, told = cast(self._shapes, dtype), f"for x of {jnp.dtype(dtype)}"
            params, state = jax.eval_shape(self._layer.init, self._key, x)
            for path, leaf in jax.tree_util.tree_flatten_with_path((params, state))[0]:
                assert not is_floating(leaf) or leaf.dtype == jnp.float32, f"{path_of(path)} is {leaf.dtype} {told}"
            for p in (params, cast(params, dtype)):
                y, after = self._apply(p, state, x, True)
                same_shapes(after, state, f"state {told} after and before")
                for leaf in jax.tree.leaves(y):
                    assert not is_floating(leaf) or leaf.dtype == dtype, f"outputs are {leaf.dtype} {told}"
        half = jax.jit(self._layer.apply)(self._params, self._state, cast(self._x, jnp.bfloat16))[0]
        for a, b in zip(jax.tree.leaves(half), jax.tree.leaves(self._eager[0][0]), strict=True):
            off, size = distance(a, b)
            assert off <= 0.1 * size + 1e-3, f"bfloat16 outputs of size {size:.2g} are off by {off:.2g}"

    def takes_weights_of_numpy(self) -> None:
        """``apply`` takes params and state of NumPy, as saved models and the members of a grid hold them."""
        trees = jax.tree.map(np.asarray, (self._params, self._state))
        close(self._layer.apply(*trees, self._x), self._eager[0], "apply with weights of NumPy and of JAX", 1e-6)

    def is_the_same_under_jit(self) -> None:
        """Compiled with traced hyperparameters equals eager with concrete ones, with the same key."""
        args = (self._traced, self._params, self._state, self._x)
        use = partial(type(self._layer).apply, key=self._key)
        both = (use, partial(use, train=True, rows=self._real))
        self._alike = len({str(jax.make_jaxpr(f)(*args)) for f in both}) == 1  # then it is enough to compile one
        self._solo = self._run(*args, self._key, self._real)
        close(self._solo, self._eager, "jit with rows all real and eager without rows", 1e-5)

    def compiles_once(self) -> None:
        """Other hyperparameters or another key trace nothing again."""
        before = self._traces
        self._other = self._run(self._others, self._params, self._state, self._x, self._key, self._real)
        self._drawn = [self._run(self._traced, self._params, self._state, self._x, k, self._real) for k in self._keys]
        assert self._traces == before, "other hyperparameters or another key trace it again"

    def asks_for_a_key(self) -> None:
        """A layer that draws in training raises an error without a key; every other one needs none."""
        same = [jax.tree.map(np.array_equal, run, self._solo) for run in self._drawn]
        draws = not jax.tree.all([train for _, train in same])
        try:
            jax.eval_shape(partial(self._layer.apply, train=True), self._params, self._state, self._x)
        except Exception as error:
            assert draws, f"it draws nothing and asks for a key: {error}"
            told = isinstance(error, SpecError) and "key" in str(error)
            assert told or not self._strict, f"the error is no SpecError about the key: {error}"
        else:
            assert not draws, "it draws in training and took key=None without an error"
        assert jax.tree.all([use for use, _ in same]), "in use, its outputs depend on the key"

    def maps_over_hyperparameters(self) -> None:
        """`jax.vmap` over stacked hyperparameters equals the loop."""
        if self._numbers:
            both = jax.jit(jax.vmap(self._both, (0, None, None, None, None, None)))
            many = both(stack([self._traced, self._others]), self._params, self._state, self._x, self._key, self._real)
            for i, solo in enumerate((self._solo, self._other)):
                close(member(many, i), solo, "vmap over hyperparameters and the loop", 1e-5)

    def maps_over_members(self) -> None:
        """`jax.vmap` over members, each with its own params, state and key, equals the loop."""
        if self._params or self._state:
            key = self._keys[0]
            params, state = self._layer.init(key, self._shapes)
            both = jax.jit(jax.vmap(self._both, (None, 0, 0, None, 0, None)))
            trees, keys = (stack([self._params, params]), stack([self._state, state])), jnp.stack([self._key, key])
            many = both(self._traced, *trees, self._x, keys, self._real)
            for i, solo in enumerate((self._solo, self._run(self._traced, params, state, self._x, key, self._real))):
                close(member(many, i), solo, "vmap over members and the loop", 1e-5)

    def keeps_rows_apart(self) -> None:
        """In use a row sees no other row; in training none that ``rows`` calls padding, in bools or in floats."""
        x, real = jax.tree.map(np.asarray, self._x), np.append(self._real[1:], False)
        other = jax.tree.map(lambda a: np.concatenate([a[:-1], 3 - 2 * a[-1:] if is_floating(a) else a[:1]]), x)
        runs = [self._run(self._traced, self._params, self._state, x, self._key, real) for x in (self._x, other)]
        use, train = ([jax.tree.map(lambda a: np.asarray(a)[:-1], run[i][0]) for run in runs] for i in (0, 1))
        close(use[0], use[1], "in use, for two last rows, the other rows", 1e-6)
        close(train[0], train[1], "in training, for two rows of padding, the real rows", 1e-6)
        close(runs[0][1][1], runs[1][1][1], "in training, for two rows of padding, the new states", 1e-6)
        same_shapes(self._apply(self._params, self._state, self._x, True, np.float32(real)), runs[0][1], "float rows")

    def has_the_right_gradient(self) -> None:
        """By params, hyperparameters and floating ``x``: equal to central differences in float64."""
        if not self._gradient:
            return
        with jax.enable_x64(True):
            x, hypers = cast(self._x, np.float64), cast(self._traced, np.float64)
            params, state = cast(jax.tree.map(np.asarray, (self._params, self._state)), np.float64)
            if self._strict and any(map(is_floating, jax.tree.leaves(x))):
                same_shapes(jax.eval_shape(self._layer.init, self._key, x), (params, state), "init for x of float64")
            tree = {"params": params, "hyper": hypers, "x": x}
            args = {path_of(path): np.asarray(a) for path, a in jax.tree_util.tree_flatten_with_path(tree)[0]}
            at = {name: a for name, a in args.items() if is_floating(a) and a.size}

            def objective(at):
                now = jax.tree.unflatten(jax.tree.structure(tree), {**args, **at}.values())
                (use, _), (train, _) = self._both(now["hyper"], now["params"], state, now["x"], self._key, self._real)
                made = jax.tree.leaves((use, train))
                return sum((y * np.cos(np.arange(y.size)).reshape(y.shape)).sum() for y in made)

            value_and_grad, h, draw = jax.jit(jax.value_and_grad(objective)), 1e-6, np.random.default_rng(0)
            value, grads = value_and_grad(at)
            for name, a in at.items():
                way = draw.normal(size=a.shape)
                up, down = (float(value_and_grad({**at, name: a + s * h * way})[0]) for s in (1, -1))
                slope, ours = (up - down) / (2 * h), float(np.sum(np.asarray(grads[name]) * way))
                allowed = 1e-5 * max(abs(slope), abs(ours)) + 1e-7 * (1 + abs(float(value)))
                assert abs(slope - ours) <= allowed, f"along {name}: gradient {ours:.8g}, differences {slope:.8g}"


RULES: tuple[str, ...] = tuple(name for name in vars(_Exam) if not name.startswith("_"))
"""The rules of the exam, in the order in which they are tried."""

STRICT: tuple[str, ...] = ("tells_what_does_not_fit", "computes_in_the_dtype_of_x")
"""Those that only ``strict`` asks."""


def _pair(call: str, result: Any) -> Any:
    assert isinstance(result, tuple) and len(result) == 2, f"{call} returned {type(result).__name__}, not a pair"
    return result


def _array(value: Any) -> Any:
    return jnp.asarray(value, jnp.float32 if np.asarray(value).dtype.kind == "f" else jnp.int32)


def _with_rows(shapes: Any, rows: int) -> Any:
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct((rows, *a.shape[1:]), a.dtype), shapes)

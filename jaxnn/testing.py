"""The exam that every layer sits, for the layers of this library and for those that others write."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.core.checks import SpecError
from jaxnn.core.codec import from_json, to_json
from jaxnn.core.layer import REGISTRY, is_spec
from jaxnn.core.tree import member, path_of, stack


def check_layer(
    layer: Any, x: Any, *, key: Any = None, hypers: Any = None, json: bool = True, gradient: bool = True
) -> None:
    """Check that a layer keeps the protocol; the rules are the functions of `RULES`, in their order.

    Args:
        layer: a spec with concrete hyperparameters.
        x: one batch of at least two rows: an array or a pytree of arrays, batch axis first. Keep it tiny.
        key: a typed key; None takes ``jax.random.key(0, impl="threefry2x32")``.
        hypers: a layer of the same structure with other legal numbers; None halves every number.
        json: False for a layer that holds a foreign function, which JSON refuses.
        gradient: False for a layer whose gradient is not the slope of its output, by design or at this ``x``.

    Raises:
        AssertionError: with the layer, the rule it breaks and how.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> check_layer(nn.Dense(3, "tanh"), jnp.ones((2, 4)))
    """
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        exam = _Exam(layer, x, key, hypers, json, gradient)
        for rule in (is_a_spec, *RULES):
            try:
                rule(exam)
            except Exception as error:
                reason = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
                raise AssertionError(f"{layer!r} breaks the rule {rule.__name__!r}: {reason}") from error


class _Exam:
    """A layer, its input, and what several rules share."""

    def __init__(self, layer: Any, x: Any, key: Any, hypers: Any, json: bool, gradient: bool):
        self.layer, self.x, self.json, self.gradient = layer, jax.tree.map(jnp.asarray, x), json, gradient
        self.hypers = hypers
        self.key = jax.random.key(0, impl="threefry2x32") if key is None else key
        self.shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), self.x)
        self.rows = jax.tree.leaves(self.x)[0].shape[0]
        self.leaves, self.tree = jax.tree.flatten(layer)
        self.traces = 0
        self.run = jax.jit(self.both)

    def both(self, leaves: list, params: Any, state: Any, x: Any, key: Any) -> tuple:
        """``apply`` in use and in training, with the hyperparameters as inputs."""
        self.traces += 1
        layer = jax.tree.unflatten(self.tree, leaves)
        return layer.apply(params, state, x), layer.apply(params, state, x, key=key, train=True)

    @property
    def traced(self) -> list:
        """The hyperparameters as arrays."""
        return [jnp.asarray(v, _number_dtype(v)) for v in self.leaves]

    @property
    def others(self) -> list:
        """Other legal hyperparameters as arrays."""
        if self.hypers is not None:
            leaves, tree = jax.tree.flatten(self.hypers)
            assert tree == self.tree, f"hypers must have the structure of the layer, got {self.hypers!r}"
            return [jnp.asarray(v, _number_dtype(v)) for v in leaves]
        halves = [v / 2 if jnp.issubdtype(v.dtype, jnp.floating) else v + 1 for v in self.traced]
        return [
            jnp.where(v == 0, jnp.asarray(0.125, h.dtype), h) if h.dtype.kind == "f" else h
            for v, h in zip(self.traced, halves, strict=True)
        ]


def is_a_spec(exam: _Exam) -> None:
    """A registered, frozen class whose leaves are single numbers; any object may stand for a leaf."""
    assert is_spec(exam.layer), "decorate its class with @jaxnn.spec"
    assert exam.rows >= 2, f"give check_layer an x of at least two rows, not {exam.rows}"
    for leaf in exam.leaves:
        assert np.ndim(leaf) == 0 and np.asarray(leaf).dtype.kind in "fiub", f"the leaf {leaf!r} is no single number"
    jax.tree.unflatten(exam.tree, [object()] * len(exam.leaves))


def equals_its_copy(exam: _Exam) -> None:
    """``==`` and ``hash`` go by value."""
    copy = jax.tree.unflatten(exam.tree, exam.leaves)
    assert copy == exam.layer and hash(copy) == hash(exam.layer), "a copy is not equal, or has another hash"
    other = jax.tree.unflatten(exam.tree, [float(v) for v in exam.others])
    assert not exam.leaves or other != exam.layer, f"{other!r} is equal to it"


def prints_itself(exam: _Exam) -> None:
    """``repr`` is the call that makes the layer, wherever it holds no functions or arrays."""
    text = repr(exam.layer)
    if "<" not in text and "Array(" not in text:
        assert eval(text, dict(REGISTRY)) == exam.layer, f"{text} makes another layer"


def goes_through_json(exam: _Exam) -> None:
    """`to_json` and `from_json` give an equal layer."""
    if exam.json:
        text = to_json(exam.layer)
        assert from_json(text) == exam.layer, f"{text} makes another layer"
        assert to_json(from_json(text)) == text, "written again it is another text"


def gives_two_results(exam: _Exam) -> None:
    """``init`` and ``apply`` return pairs; params and state are dicts under text names."""
    pair = exam.layer.init(exam.key, exam.x)
    assert isinstance(pair, tuple) and len(pair) == 2, f"init returned {type(pair).__name__}, not (params, state)"
    exam.params, exam.state = pair
    for name, tree in (("params", exam.params), ("state", exam.state)):
        assert isinstance(tree, dict), f"{name} is a {type(tree).__name__}, not a dict"
        for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
            assert hasattr(leaf, "dtype"), f"{name}/{path_of(path)} is {leaf!r}, not an array"
    exam.eager = []
    for train in (False, True):
        pair = exam.layer.apply(exam.params, exam.state, exam.x, key=exam.key, train=train)
        assert isinstance(pair, tuple) and len(pair) == 2, f"apply returned {type(pair).__name__}, not (y, state)"
        exam.eager.append(pair)


def init_reads_only_shapes(exam: _Exam) -> None:
    """``init`` takes a `jax.ShapeDtypeStruct` for the same result, and params do not depend on the number of rows."""
    _close(exam.layer.init(exam.key, exam.shapes), (exam.params, exam.state), "init of shapes and init of x", 0)
    promised = jax.eval_shape(exam.layer.init, exam.key, exam.x)
    _same_shapes(promised, (exam.params, exam.state), "init promised and made")
    many = jax.eval_shape(exam.layer.init, exam.key, _with_rows(exam.shapes, 4096))
    _same_shapes(many, promised, "init for 4096 rows and for few")


def keeps_promised_shapes(exam: _Exam) -> None:
    """`jax.eval_shape` of ``apply`` is what ``apply`` makes, one row of output for each of input, none for none."""
    for train, real in zip((False, True), exam.eager, strict=True):

        def apply(p, s, x, train=train):
            return exam.layer.apply(p, s, x, key=exam.key, train=train)

        _same_shapes(jax.eval_shape(apply, exam.params, exam.state, exam.x), real, f"apply(train={train})")
        for rows in {exam.rows, 1} if train else {exam.rows, 1, 0}:
            y, _ = jax.eval_shape(apply, exam.params, exam.state, _with_rows(exam.shapes, rows))
            for leaf in jax.tree.leaves(y):
                assert leaf.shape[:1] == (rows,), f"{rows} rows give outputs {leaf.shape} with train={train}"


def keeps_the_form_of_its_state(exam: _Exam) -> None:
    """The new state has the names, shapes and dtypes of the old one; in use it is the old one."""
    for (_, after), train in zip(exam.eager, (False, True), strict=True):
        _same_shapes(after, exam.state, f"state after apply(train={train}) and before")
    _close(exam.eager[0][1], exam.state, "state after apply(train=False) and before", 0)


def computes_in_the_dtype_of_x(exam: _Exam) -> None:
    """Under strict promotion: outputs have the dtype of a floating ``x``, params are float32 (float64 for float64)."""
    floats = [a.dtype for a in jax.tree.leaves(exam.x) if jnp.issubdtype(a.dtype, jnp.floating)]
    for dtype in (jnp.float32, jnp.bfloat16, jnp.float16) if floats else ():
        x = _cast(exam.shapes, dtype)
        params, state = jax.eval_shape(exam.layer.init, exam.key, x)
        for path, leaf in jax.tree_util.tree_flatten_with_path((params, state))[0]:
            wide = not jnp.issubdtype(leaf.dtype, jnp.floating) or leaf.dtype == jnp.float32
            assert wide, f"{path_of(path)} is {leaf.dtype} for x of {dtype.__name__}, float32 expected"
        for p in (params, _cast(params, dtype)):
            y, after = jax.eval_shape(lambda *a: exam.layer.apply(*a, key=exam.key, train=True), p, state, x)
            _same_shapes(after, state, f"state for x of {dtype.__name__} after and before")
            for leaf in jax.tree.leaves(y):
                good = not jnp.issubdtype(leaf.dtype, jnp.floating) or leaf.dtype == dtype
                assert good, f"outputs are {leaf.dtype} for x of {dtype.__name__}"
    if floats:
        half = jax.jit(exam.layer.apply)(exam.params, exam.state, _cast(exam.x, jnp.bfloat16))[0]
        for a, b in zip(jax.tree.leaves(half), jax.tree.leaves(exam.eager[0][0]), strict=True):
            a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
            off = np.abs(a - b).max(initial=0)
            assert off <= 0.1 * np.abs(b).max(initial=0) + 1e-3, f"bfloat16 outputs are off by {off:.2g}"


def is_the_same_under_jit(exam: _Exam) -> None:
    """Compiled with traced hyperparameters equals eager with concrete ones, with the same key."""
    exam.jitted = exam.run(exam.traced, exam.params, exam.state, exam.x, exam.key)
    _close(exam.jitted, tuple(exam.eager), "jit and eager", 1e-5)


def compiles_once(exam: _Exam) -> None:
    """Other hyperparameters, another key: no second trace."""
    before = exam.traces
    exam.other_key = jax.random.fold_in(exam.key, 1)
    exam.other = exam.run(exam.others, exam.params, exam.state, exam.x, exam.key)
    exam.drawn = exam.run(exam.traced, exam.params, exam.state, exam.x, exam.other_key)
    assert exam.traces == before, "other hyperparameters or another key trace it again"


def asks_for_a_key(exam: _Exam) -> None:
    """A layer that draws in training raises a `SpecError` without a key; every other one needs none."""
    keys = [jax.random.fold_in(exam.key, i) for i in range(2, 5)]
    runs = [exam.drawn, *(exam.run(exam.traced, exam.params, exam.state, exam.x, k) for k in keys)]
    draws = any(not _equal(r[1], exam.jitted[1]) for r in runs)
    try:
        jax.eval_shape(lambda *a: exam.layer.apply(*a, train=True), exam.params, exam.state, exam.x)
    except SpecError as error:
        assert draws, f"it draws nothing and asks for a key: {error}"
        assert "key" in str(error), f"the error says nothing about the key: {error}"
    else:
        assert not draws, "it draws in training and took key=None without an error"
    assert all(_equal(r[0], exam.jitted[0]) for r in runs), "in use, its outputs depend on the key"


def maps_over_hyperparameters(exam: _Exam) -> None:
    """`jax.vmap` over stacked hyperparameters equals the loop."""
    if exam.leaves:
        stacked = stack([exam.traced, exam.others])
        both = jax.jit(jax.vmap(exam.both, (0, None, None, None, None)))
        many = both(stacked, exam.params, exam.state, exam.x, exam.key)
        _close(member(many, 0), exam.jitted, "vmap over hyperparameters and solo", 1e-5)
        _close(member(many, 1), exam.other, "vmap over hyperparameters and solo", 1e-5)


def maps_over_members(exam: _Exam) -> None:
    """`jax.vmap` over members, each with its own params, state and key, equals the loop."""
    if exam.params or exam.state:
        params, state = exam.layer.init(exam.other_key, exam.shapes)
        solo = exam.run(exam.traced, params, state, exam.x, exam.other_key)
        both = jax.jit(jax.vmap(exam.both, (None, 0, 0, None, 0)))
        two = (stack([exam.params, params]), stack([exam.state, state]))
        many = both(exam.traced, *two, exam.x, jnp.stack([exam.key, exam.other_key]))
        _close(member(many, 0), exam.jitted, "vmap over members and solo", 1e-5)
        _close(member(many, 1), solo, "vmap over members and solo", 1e-5)


def keeps_rows_apart(exam: _Exam) -> None:
    """In use a row depends on no other row; in training not on rows that the state leaf ``mask`` marks as padding."""
    mask = jnp.ones(exam.rows).at[-1].set(0)
    state = jax.tree_util.tree_map_with_path(
        lambda path, leaf: (
            jnp.broadcast_to(mask.astype(leaf.dtype), leaf.shape + mask.shape)
            if path_of(path).rsplit("/", 1)[-1] == "mask"
            else leaf
        ),
        exam.state,
    )
    runs = [exam.run(exam.traced, exam.params, state, x, exam.key) for x in (exam.x, _other_last_row(exam.x))]
    ((use, _), (train, after)), ((use_other, _), (train_other, after_other)) = runs
    _close(_first(use), _first(use_other), "with another last row, the other rows in use", 1e-6)
    _close(_first(train), _first(train_other), "with other padding, the real rows in training", 1e-6)
    _close(after, after_other, "with other padding, the new state", 1e-6)


def has_the_right_gradient(exam: _Exam) -> None:
    """The gradient by params, hyperparameters and floating ``x`` equals central differences in float64."""
    if not exam.gradient:
        return
    with jax.enable_x64(True):
        x = jax.tree.map(lambda a: np.asarray(a, np.float64 if a.dtype.kind == "f" else a.dtype), exam.x)
        params, state = exam.layer.init(exam.key, x)
        leaves = [np.asarray(v, np.float64) if np.asarray(v).dtype.kind == "f" else v for v in exam.traced]
        args, tree = jax.tree_util.tree_flatten_with_path({"params": params, "hyper": leaves, "x": x})
        args = [(path_of(path), np.asarray(leaf)) for path, leaf in args]
        moving = [i for i, (_, leaf) in enumerate(args) if leaf.dtype.kind == "f" and leaf.size]
        for i in moving:
            assert args[i][1].dtype == np.float64, f"{args[i][0]} is {args[i][1].dtype} for x of float64"

        def objective(moved):
            flat = [leaf for _, leaf in args]
            for i, leaf in zip(moving, moved, strict=True):
                flat[i] = leaf
            tree_ = jax.tree.unflatten(tree, flat)
            (use, _), (train, _) = exam.both(tree_["hyper"], tree_["params"], state, tree_["x"], exam.key)
            return sum(_projection(y) for y in jax.tree.leaves((use, train)))

        value_and_grad = jax.jit(jax.value_and_grad(objective))
        at = [args[i][1] for i in moving]
        value, grads = value_and_grad(at)
        draw = np.random.default_rng(0)
        for k, i in enumerate(moving):
            direction, h = draw.normal(size=at[k].shape), 1e-6
            ends = [float(value_and_grad([*at[:k], at[k] + s * h * direction, *at[k + 1 :]])[0]) for s in (1, -1)]
            slope, ours = (ends[0] - ends[1]) / (2 * h), float(np.sum(np.asarray(grads[k]) * direction))
            allowed = 1e-5 * max(abs(slope), abs(ours)) + 1e-7 * (1 + abs(float(value)))
            assert abs(slope - ours) <= allowed, f"along {args[i][0]}: gradient {ours:.8g}, differences {slope:.8g}"


RULES: tuple[Callable[[Any], None], ...] = (
    equals_its_copy,
    prints_itself,
    goes_through_json,
    gives_two_results,
    init_reads_only_shapes,
    keeps_promised_shapes,
    keeps_the_form_of_its_state,
    computes_in_the_dtype_of_x,
    is_the_same_under_jit,
    compiles_once,
    asks_for_a_key,
    maps_over_hyperparameters,
    maps_over_members,
    keeps_rows_apart,
    has_the_right_gradient,
)
"""The rules of the exam, in the order in which they are tried."""


def _number_dtype(value: Any) -> Any:
    return jnp.float32 if np.asarray(value).dtype.kind == "f" else jnp.int32


def _projection(y: Any) -> Any:
    return jnp.sum(y * np.cos(np.arange(y.size)).reshape(y.shape)) if y.dtype.kind == "f" else jnp.zeros(())


def _with_rows(shapes: Any, rows: int) -> Any:
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct((rows, *a.shape[1:]), a.dtype), shapes)


def _first(tree: Any) -> Any:
    return jax.tree.map(lambda a: a[:-1], tree)


def _other_last_row(x: Any) -> Any:
    return jax.tree.map(lambda a: a.at[-1].set(3 - 2 * a[-1] if jnp.issubdtype(a.dtype, jnp.floating) else a[0]), x)


def _cast(tree: Any, dtype: Any) -> Any:
    def one(a):
        if not jnp.issubdtype(a.dtype, jnp.floating):
            return a
        return jax.ShapeDtypeStruct(a.shape, dtype) if isinstance(a, jax.ShapeDtypeStruct) else a.astype(dtype)

    return jax.tree.map(one, tree)


def _same_shapes(a: Any, b: Any, what: str) -> None:
    assert jax.tree.structure(a) == jax.tree.structure(b), (
        f"{what}: structures differ, {jax.tree.structure(a)} and {jax.tree.structure(b)}"
    )
    for (path, one), two in zip(jax.tree_util.tree_flatten_with_path(a)[0], jax.tree.leaves(b), strict=True):
        assert one.shape == two.shape and one.dtype == two.dtype, (
            f"{what}: {path_of(path)} is {one.dtype} {one.shape} and {two.dtype} {two.shape}"
        )


def _equal(a: Any, b: Any) -> bool:
    return all(np.array_equal(one, two) for one, two in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def _close(a: Any, b: Any, what: str, tolerance: float) -> None:
    _same_shapes(a, b, what)
    for (path, one), two in zip(jax.tree_util.tree_flatten_with_path(a)[0], jax.tree.leaves(b), strict=True):
        one, two = np.asarray(one, np.float64), np.asarray(two, np.float64)
        off = np.abs(one - two).max(initial=0)
        assert off <= tolerance * (1 + np.abs(two).max(initial=0)), f"{what} differ by {off:.2g} at {path_of(path)!r}"

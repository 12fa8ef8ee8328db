"""`grid`: hundreds of networks, trained in one compiled program for every structure."""

import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.core.tree import count
from jaxnn.data.batches import rows_of_a_step
from jaxnn.grid.plan import choose, over_members, padded, put, shardings
from jaxnn.grid.results import OWN, Cohort, Report, Runs
from jaxnn.grid.space import as_space
from jaxnn.train.fit import Prepared, check_model, numbers, prepare, whole
from jaxnn.train.loop import Shared, drive, member_keys, progress_bar
from jaxnn.train.program import Member, Setup, compile_both, programs
from jaxnn.train.run import init_member
from jaxnn.train.state import TrainState
from jaxnn.train.trial import TrialLike, check_names, split_hparams


def grid(
    trial: TrialLike,
    data: Any,
    space: Any,
    *,
    epochs: int,
    batch_size: int | None = 32,
    validation: Any = None,
    stop: Any = None,
    plan: Any = "auto",
    shuffle_seed: int = 0,
    shuffle: bool = True,
    standardise: bool = False,
    compute_dtype: Any = None,
    progress: bool = True,
) -> Runs:
    """Train every point of a space; members of one structure share one compiled program.

    Floats ride inside the program as one more array axis; sizes, names and functions split the points into
    cohorts, one program each. All members see the rows in the same order, so the comparison is paired. A member
    that diverges is frozen at its last finite weights, and changes nothing for the others.

    Args:
        trial: a function from hyperparameters to a `Trial`, or a `Trial` where only seeds vary.
        data: ``(x, y)``, ``(x, y, weight)`` or a data set.
        space: a dict of axes (their product), or a space of `jaxnn.space`. ``seed``, ``batch_size`` and
            ``epochs`` are axes too; `jaxnn.traced` takes whole numbers inside.
        epochs: passes over the data, at most, where ``epochs`` is no axis.
        batch_size: rows of a step, where ``batch_size`` is no axis; None for all rows in one step, in their own order.
        validation, stop, shuffle_seed, shuffle, standardise, compute_dtype: as in `fit`, for all members.
        plan: ``"auto"``, ``"map"``, ``"vmap"`` or a `Plan`. Under ``"map"`` a member equals its solo `fit` to the bit.
        progress: a bar for work longer than a second.

    Returns:
        `Runs`, one for each point, in the order of the space.

    Raises:
        ValueError: for data, axes or a plan that do not fit, before anything is compiled.

    Example:
        >>> import optax, numpy as np, jaxnn as nn
        >>> x = np.linspace(-1, 1, 32)[:, None]
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> runs = nn.grid(line, (x, 2 * x[:, 0]), dict(lr=[0.3, 0.1], seed=range(2)), epochs=5)
        >>> len(runs), runs.best("loss").hparams
        (4, {'lr': 0.3})
    """
    space = as_space(space)
    whole("epochs", epochs)
    if batch_size is not None:
        whole("batch_size", batch_size)
    prepared = prepare(data, validation, shuffle_seed, standardise)
    points = [Point.of(trial, p, epochs, batch_size, prepared.rows, shuffle) for p in space.points]
    cohorts: dict[Any, list[int]] = {}
    for i, point in enumerate(points):
        cohorts.setdefault(point.structure, []).append(i)
    for indices in cohorts.values():
        first = points[indices[0]]
        check_model(trial, first.structure[0], stop, first.inside, prepared)
    member_keys([p.seed for p in points])
    total = sum(p.epochs for p in points)
    results, reports = [], []
    with progress_bar(total, progress, f"grid of {len(points)}") as bar:
        for indices in cohorts.values():
            members = [points[i] for i in indices]
            shared = prepared.shared(shuffle_seed, members[0].structure[-1])
            common = (trial, stop, compute_dtype, plan, prepared, shared, bar)
            cohort, report = _train_cohort(np.array(indices), members, *common)
            results.append(cohort)
            reports.append(report)
    options = {
        "batch_size": batch_size, "validation": validation, "stop": stop, "shuffle_seed": shuffle_seed,
        "shuffle": shuffle, "standardise": standardise, "compute_dtype": compute_dtype, "epochs": epochs,
    }  # fmt: skip
    return Runs(trial, data, space, prepared, tuple(results), tuple(reports), options)


class Point(NamedTuple):
    """One point of the space, sorted into what is traced and what is structure."""

    inside: dict[str, np.ndarray]
    structure: tuple
    seed: int
    epochs: int

    @classmethod
    def of(
        cls, trial: TrialLike, point: dict[str, Any], epochs: int, batch_size: int | None, rows: int, shuffle: bool
    ) -> "Point":
        """Sort a point; checks the names of its hyperparameters."""
        own = {name: point[name] for name in OWN if name in point}
        hparams = {name: v for name, v in point.items() if name not in OWN}
        check_names(trial, hparams)
        for name in ("epochs", "batch_size"):
            if name in own and (name, own[name]) != ("batch_size", None):
                whole(name, own[name])
        inside, structure = split_hparams(hparams)
        shapes = tuple((name, v.shape, str(v.dtype)) for name, v in inside.items())
        batch = rows_of_a_step(own.get("batch_size", batch_size), rows, shuffle)
        return cls(inside, (structure, shapes, *batch), own.get("seed", 0), int(own.get("epochs", epochs)))


def _train_cohort(
    indices: np.ndarray, points: list[Point], trial: TrialLike, stop: Any, compute_dtype: Any, plan: Any,
    prepared: Prepared, shared: Shared, bar: Any,
) -> tuple[Cohort, Report]:  # fmt: skip
    structure, _, batch_size, _ = points[0].structure
    first_row = prepared.first_row
    one = _member(points[:1], stop)
    shape = jax.eval_shape(
        lambda member, key, x: init_member(trial, structure, member.stop, member.hparams, key, x),
        jax.tree.map(lambda a: a[0], one), member_keys([0])[0], first_row,
    )  # fmt: skip
    state_bytes = sum(a.size * a.dtype.itemsize for a in jax.tree.leaves(shape) if hasattr(a.dtype, "itemsize"))
    batch_bytes = 4 * count(jax.tree.map(lambda a: a[:1], prepared.data.x)) * max(batch_size, 256)
    chosen = choose(plan, len(points), work_of(shape.params, batch_size), 4 * state_bytes + 4 * batch_bytes)
    setup = Setup(trial, structure, batch_size, compute_dtype, chosen)
    by_member, replicated = shardings(chosen)
    shared = shared._replace(data=put(shared.data, replicated), held=put(shared.held, replicated), sharding=replicated)
    first_row = put(first_row, replicated)
    pair = programs(setup, over_members(chosen))
    states, histories, seconds, compiles, started = [], [], 0.0, 0, time.perf_counter()
    chunk = chosen.chunk or len(points)
    for first in range(0, len(points), chunk):
        dealt = np.arange(chunk).reshape(-1, chosen.devices).T.reshape(-1)  # so that early stoppers spread over devices
        part = padded(np.arange(first, min(first + chunk, len(points))), chunk)[dealt]
        own = [points[i] for i in part]
        keys = put(member_keys([p.seed for p in own]), by_member)
        member = put(_member(own, stop), by_member)
        begin, train, spent, n = compile_both(pair, (keys, member, first_row), shared.task(0, 0), by_member)
        seconds, compiles = seconds + spent, compiles + n
        real = min(first + chunk, len(points)) - first
        epochs = max(p.epochs for p in own)
        state, history = drive(train, member, begin(keys, member, first_row), shared, epochs, bar, real)
        order = np.argsort(dealt)[:real]
        states.append(to_host(state, order))
        histories.append({name: v[order] for name, v in history.items()})
    state = jax.tree.map(lambda *a: jnp.concatenate(a) if is_key(a[0]) else np.concatenate(a), *states)
    longest = max(v.shape[-1] for h in histories for v in h.values())
    history = {
        name: np.concatenate([_filled(h[name], longest) for h in histories]) for name in histories[0]
    }  # fmt: skip
    running = time.perf_counter() - started - seconds
    cohort = Cohort(indices, structure, compute_dtype, stop, state, history)
    return cohort, Report(dict(structure), len(points), chosen, seconds, running, compiles)


def _member(points: list[Point], stop: Any) -> Member:
    hparams = {name: np.stack([p.inside[name] for p in points]) for name in points[0].inside}
    stops = jax.tree.map(lambda a: np.repeat(a[None], len(points), 0), numbers(stop))
    return Member(hparams, stops, np.array([p.epochs for p in points], np.int32))


def work_of(params: Any, batch_size: int) -> int:
    """Multiply-adds of one step that members side by side do each by itself."""
    shapes = [leaf.shape for leaf in jax.tree.leaves(params) if len(leaf.shape) > 1]
    # A single layer sees the rows that all members share: side by side it is one large product.
    return 0 if [len(shape) for shape in shapes] == [2] else count(params) * batch_size


def is_key(leaf: Any) -> bool:
    """Whether a leaf is an array of typed random keys, which NumPy cannot hold."""
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def to_host(state: TrainState, members: np.ndarray) -> TrainState:
    """These members as NumPy arrays (keys stay keys): one is then cheap to take out."""
    return jax.tree.map(lambda a: a[members] if is_key(a) else np.asarray(a)[members], state)


def _filled(values: np.ndarray, length: int) -> np.ndarray:
    return np.pad(values, ((0, 0), (0, length - values.shape[1])), constant_values=np.nan)

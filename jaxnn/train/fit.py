"""`fit`: one network, trained in one compiled program."""

import functools
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.core.types import Batch
from jaxnn.data.arrays import as_batch, check_targets, narrow
from jaxnn.data.batches import in_order, rows_of_a_step
from jaxnn.data.split import Standardiser, standardise
from jaxnn.train.loop import Shared, drive, member_key, progress_bar
from jaxnn.train.program import Member, Setup, compile_both, programs
from jaxnn.train.result import Run
from jaxnn.train.run import EVALUATION_ROWS, member_trial, split_validation
from jaxnn.train.trial import TrialLike, check_names, split_hparams


def fit(
    trial: TrialLike,
    data: Any,
    hparams: dict[str, Any] | None = None,
    *,
    epochs: int,
    batch_size: int | None = 32,
    validation: Any = None,
    stop: Any = None,
    seed: int = 0,
    shuffle_seed: int = 0,
    shuffle: bool = True,
    standardise: bool = False,
    compute_dtype: Any = None,
    progress: bool = True,
) -> Run:
    """Train one network: initialisation, every epoch, validation and stopping in compiled programs.

    Hyperparameters that are floats, the seed and the number of epochs are inputs of the programs: changing them
    compiles nothing again.

    Args:
        trial: a `Trial`, or a function from hyperparameters to one. Keep the function itself between calls:
            programs are kept under it.
        data: ``(x, y)``, ``(x, y, weight)`` or a data set; rows first.
        hparams: hyperparameters by name.
        epochs: passes over the data, at most.
        batch_size: rows of a step; the last batch is filled up with rows of weight 0. None for all rows in one step,
            in their own order, as `lbfgs` needs.
        validation: a fraction of the rows in (0, 1), stratified by class, or a pair ``(x, y)``.
        stop: an `EarlyStopping`; the best weights are kept.
        seed: drives initialisation and dropout.
        shuffle_seed: drives the order of the rows and the validation part.
        shuffle: False keeps the rows in order.
        standardise: scale every feature to mean 0 and variance 1, by the training part alone.
        compute_dtype: such as ``jax.numpy.bfloat16``; parameters stay float32.
        progress: a bar for work longer than a second.

    Returns:
        A `Run`.

    Raises:
        ValueError: for data, labels or hyperparameters that do not fit, before anything is compiled.

    Example:
        >>> import optax, numpy as np, jaxnn as nn
        >>> x = np.linspace(-1, 1, 32)[:, None]
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> run = nn.fit(line, (x, 3 * x[:, 0] + 1), dict(lr=0.3), epochs=100)
        >>> run.predict(np.array([[2.0]])).round(2).tolist()
        [7.0]
    """
    hparams = dict(hparams or {})
    check_names(trial, hparams)
    whole("epochs", epochs)
    if batch_size is not None:
        whole("batch_size", batch_size)
    prepared = prepare(data, validation, shuffle_seed, standardise)
    key = member_key(seed)
    inside, structure = split_hparams(hparams)
    check_model(trial, structure, stop, inside, prepared)
    size, shuffle = rows_of_a_step(batch_size, prepared.rows, shuffle)
    setup = Setup(trial, structure, size, compute_dtype, None)
    member = Member(inside, numbers(stop), np.int32(epochs))
    shared = prepared.shared(shuffle_seed, shuffle)
    first_row = prepared.first_row
    begin, train, compile_seconds, compiles = compile_both(programs(setup), (key, member, first_row), shared.task(0, 0))
    started = time.perf_counter()
    with progress_bar(epochs, progress, "fit") as bar:
        state, history = drive(train, member, begin(key, member, first_row), shared, epochs, bar)
    timing = {"compile": compile_seconds, "run": time.perf_counter() - started, "compiles": compiles}
    return make_run(trial, hparams, stop, seed, state, history, prepared, compute_dtype, timing)


class Prepared(NamedTuple):
    """Data behind the door: checked, split, standardised."""

    data: Batch
    held: Batch | None
    standardiser: Standardiser | None
    classes: tuple[str, ...] | None
    features: tuple[str, ...] | None

    @property
    def rows(self) -> int:
        """Rows of the training part."""
        return len(self.data.y)

    @property
    def first_row(self) -> Any:
        """One row of inputs, whose shape is all that the initialiser reads."""
        return jax.tree.map(lambda a: a[:1], self.data.x)

    def shared(self, shuffle_seed: int, shuffle: bool) -> Shared:
        """The data on the device."""
        held = None if self.held is None else in_order(self.held, EVALUATION_ROWS)
        data, held = jax.device_put((self.data, held))
        return Shared(data, held, shuffle_seed, shuffle)


def prepare(data: Any, validation: Any, shuffle_seed: int, scale: bool) -> Prepared:
    """Check the data, hold out the validation part, and standardise both by the training part."""
    batch, held = split_validation(as_batch(data, wide=scale), validation, shuffle_seed, wide=scale)
    standardiser = None
    if scale:
        standardiser = standardise(batch.x, batch.weight)
        batch = narrow(batch._replace(x=standardiser.transform(batch.x)))
        held = None if held is None else narrow(held._replace(x=standardiser.transform(held.x)))
    names = (getattr(data, name, None) for name in ("classes", "features"))
    return Prepared(batch, held, standardiser, *(None if n is None else tuple(n) for n in names))


def check_model(trial: TrialLike, structure: tuple, stop: Any, inside: dict, prepared: Prepared) -> None:
    """Build the trial and run shapes through its model and loss, so that what does not fit fails here.

    Raises:
        ValueError: with the path of the layer, or both shapes, and the call to write instead.
    """
    concrete = member_trial(trial, structure, stop, {k: v.item() if v.ndim == 0 else v for k, v in inside.items()})
    if concrete.stop is not None and concrete.stop.metric.startswith("val_") and prepared.held is None:
        raise ValueError(
            f"early stopping looks at {concrete.stop.metric!r} and there is no validation part; write validation=0.2"
        )
    leaves, tree = jax.tree.flatten(prepared.data.x)
    rows = tuple((a.shape[1:], str(a.dtype)) for a in leaves)
    for what, part in (("the data", prepared.data), ("the validation data", prepared.held)):
        if part is not None:
            shape = _output_shape(trial, structure, tuple(inside), Unkeyed(concrete), tree, rows, len(part.y))
            check_targets(concrete.loss_function, concrete.task, shape, part.y, what)


class Unkeyed:
    """A value that takes no part in the key of a cache."""

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unkeyed)

    def __hash__(self) -> int:
        return 0


@functools.lru_cache(maxsize=256)
def _output_shape(
    trial: TrialLike, structure: tuple, names: tuple, built: Unkeyed, tree: Any, rows: tuple, n: int
) -> Any:
    """Shape and dtype of the outputs for ``n`` rows; a trial, its structure and the shape of a row decide it."""
    model = built.value.model
    x = jax.tree.unflatten(tree, [jax.ShapeDtypeStruct((n, *shape), dtype) for shape, dtype in rows])
    key = jax.eval_shape(lambda: jax.random.key(0, impl="threefry2x32"))

    def outputs(key: Any, x: Any) -> Any:
        params, state = model.init(key, x)
        return model.apply(params, state, x)[0]

    return jax.eval_shape(outputs, key, x)


def numbers(stop: Any) -> Any:
    """An `EarlyStopping` whose settings are arrays of the default dtypes: inputs of the program."""
    return jax.tree.map(lambda v: np.asarray(v, jnp.zeros(()).dtype), stop)


def make_run(
    trial: TrialLike,
    hparams: dict,
    stop: Any,
    seed: int,
    state: Any,
    history: dict,
    prepared: Prepared,
    compute_dtype: Any,
    timing: dict,
) -> Run:
    """The `Run` of a member, its trial built from concrete numbers."""
    inside, structure = split_hparams(hparams)
    concrete = member_trial(trial, structure, stop, {k: v.item() if v.ndim == 0 else v for k, v in inside.items()})
    named = {k: getattr(v, "values", v) if type(v).__name__ == "traced" else v for k, v in hparams.items()}
    done = int(state.epoch)
    return Run(
        concrete, named, seed, state, {k: v[:done] for k, v in history.items()},
        prepared.standardiser, prepared.classes, prepared.features, compute_dtype, timing,
    )  # fmt: skip


def whole(name: str, value: Any) -> None:
    """Raise unless ``value`` is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}; write {name}=32")

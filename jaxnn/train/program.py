"""Compiled programs: one per structure, kept, timed and counted."""

import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.core.types import Batch
from jaxnn.train.run import epoch, init_member, is_active, member_trial, select
from jaxnn.train.state import TrainState

CPU_OPTIONS = {"xla_backend_optimization_level": 1}
"""On the CPU level 1 compiles a small network four times as fast as the default and runs as fast."""
CPU_OPTIONS_ONCE = {"xla_backend_optimization_level": 0}
"""What runs once, the initialiser, gains nothing from being fast: level 0 compiles it in two thirds of that time."""


BESIDE = "beside"
"""The name of the axis of members that go side by side."""


class Setup(NamedTuple):
    """All that shapes a program and is not an array: equal setups share one."""

    trial: Any
    structure: tuple
    batch_size: int
    compute_dtype: Any
    plan: Any


class Task(NamedTuple):
    """What the members share inside a program.

    Args:
        data: training rows.
        held: validation rows as stacked batches, or None.
        orders: ``(capacity, rows)``, the order of the rows in each epoch of a chunk.
        count: how many of these epochs to do, int32.
    """

    data: Batch
    held: Batch | None
    orders: Any
    count: Any


class Member(NamedTuple):
    """What is a member's own.

    Args:
        hparams: traced hyperparameters.
        stop: an `EarlyStopping`, or None.
        epochs: after how many epochs it ends, int32.
    """

    hparams: Any
    stop: Any
    epochs: Any


def chunk(setup: Setup, member: Member, state: TrainState, task: Task) -> tuple[TrainState, dict[str, Any]]:
    """Some epochs of one member, fewer if it stops, diverges or has done its own.

    Returns:
        The state, and the history: arrays ``(capacity,)`` that hold NaN for epochs not done.
    """
    trial = member_trial(setup.trial, setup.structure, member.stop, member.hparams)

    def one(state: TrainState, order: Any) -> tuple[TrainState, dict[str, Any]]:
        return epoch(trial, state, task.data, order, setup.batch_size, task.held, setup.compute_dtype)

    row = jax.eval_shape(lambda s, t: one(s, t.orders[0])[1], state, task)
    history = {name: jnp.full(task.orders.shape[:1], jnp.nan, v.dtype) for name, v in row.items()}

    beside = setup.plan is not None and setup.plan.width > 1

    def goes(state: TrainState) -> Any:
        return is_active(state) & (state.epoch < member.epochs)

    def goes_on(carry: tuple) -> Any:
        i, state, _ = carry
        going = goes(state)
        # Side by side members go on while one of them does: so the counter, and with it the rows, are the same for all.
        return (i < task.count) & (jax.lax.pmax(going.astype(jnp.int32), BESIDE) > 0 if beside else going)

    def body(carry: tuple) -> tuple:
        i, before, history = carry
        state, row = one(before, task.orders[i])
        if beside:
            state = select(goes(before), state, before)
            row = {name: jnp.where(goes(before), v, jnp.full_like(v, jnp.nan)) for name, v in row.items()}
        return i + 1, state, {name: history[name].at[i].set(row[name]) for name in history}

    _, state, history = jax.lax.while_loop(goes_on, body, (jnp.int32(0), state, history))
    return state, history


class Program:
    """A function that is compiled once for every shape of its arguments, ahead of time.

    Args:
        function: what to compile.
        donate: argument numbers whose memory the result may take.
        cpu_options: of XLA, where the backend is the CPU.
    """

    def __init__(self, function: Callable, donate: tuple[int, ...] = (), cpu_options: dict | None = None):
        self.function = jax.jit(function, donate_argnums=donate)
        self.cpu_options = CPU_OPTIONS if cpu_options is None else cpu_options
        self.compiled: dict[Any, Any] = {}
        self.lock = threading.Lock()

    def __call__(self, *args: Any) -> Any:
        """The result, compiling first where shapes are new."""
        return self.ready(*args)()[0](*args)

    def ready(self, *args: Any) -> Callable[[], tuple[Any, bool]]:
        """Trace for arguments of these shapes; the function returned compiles, in any thread.

        It returns the program and whether it is new. Tracing stays here, as JAX keeps its settings by thread.
        """
        signature = _signature(args)
        if signature in self.compiled:
            return lambda: (self.compiled[signature], False)
        lowered = self.function.lower(*args)
        options: Any = self.cpu_options if jax.default_backend() == "cpu" else None

        def finish() -> tuple[Any, bool]:
            with self.lock:
                new = signature not in self.compiled
                if new:
                    self.compiled[signature] = lowered.compile(compiler_options=options)
                return self.compiled[signature], new

        return finish


def _signature(args: tuple) -> Any:
    leaves, tree = jax.tree.flatten(args)
    shapes = tuple(
        (np.shape(leaf), str(getattr(leaf, "dtype", type(leaf))), getattr(leaf, "weak_type", False), _devices(leaf))
        for leaf in leaves
    )
    settings: Any = jax.config
    config = (settings.jax_enable_x64, settings.jax_default_matmul_precision, settings.jax_numpy_dtype_promotion)
    return tree, shapes, config


def _devices(leaf: Any) -> Any:
    sharding = getattr(leaf, "sharding", None)
    return None if sharding is None or len(sharding.device_set) == 1 else sharding


@functools.lru_cache(maxsize=64)
def programs(setup: Setup, over_members: Callable | None = None) -> tuple[Program, Program]:
    """The two programs of a setup: one that initialises, one that trains a chunk of epochs.

    Args:
        setup: what shapes them.
        over_members: turns a function of (members, shared) for one member into one for many.
    """

    def start(keys_and_member: tuple, x: Any) -> TrainState:
        key, member = keys_and_member
        return init_member(setup.trial, setup.structure, member.stop, member.hparams, key, x)

    def go_on(member_and_state: tuple, task: Task) -> tuple[TrainState, dict[str, Any]]:
        member, state = member_and_state
        return chunk(setup, member, state, task)

    if over_members is not None:
        start, go_on = over_members(start), over_members(go_on)
    return (
        Program(lambda keys, member, x: start((keys, member), x), cpu_options=CPU_OPTIONS_ONCE),
        Program(lambda member, state, task: go_on((member, state), task), donate=(1,)),
    )


def compile_both(
    pair: tuple[Program, Program], init_args: tuple, task: Task, sharding: Any = None
) -> tuple[Any, Any, float, int]:
    """Compile the two programs side by side, as both cores are free for it.

    Args:
        pair: from `programs`.
        init_args: arguments of the first.
        task: the last argument of the second.
        sharding: how the state lies on several devices, or None for one.

    Returns:
        The two compiled programs, the seconds it took and how many were compiled.
    """
    started = time.perf_counter()
    starting, training = pair
    state = jax.eval_shape(starting.function, *init_args)
    if sharding is not None:
        state = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=sharding), state)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(starting.ready(*init_args))
        train, train_new = training.ready(init_args[1], state, task)()
        first, first_new = other.result()
    return first, train, time.perf_counter() - started, train_new + first_new

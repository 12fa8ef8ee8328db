"""Compiled programs: one per structure, kept, timed and counted."""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.core.platforms import written_for
from jaxnn.core.reads import key_of
from jaxnn.core.waiting import Task
from jaxnn.train.engine import Recipe, epochs, start
from jaxnn.train.layout import WHOLE, Alone, Layout

OPTIONS = {"cpu": {"xla_backend_optimization_level": 1}, "tpu": {"exec_time_optimization_effort": -1.0}}
"""For XLA. On a CPU level 1 compiles a small network four times as fast as the default and runs as fast; on a TPU less
effort compiles a thousand members in a quarter of the time, into about the same program."""
OPTIONS_ONCE = OPTIONS | {"cpu": {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}}
"""What runs once, the initialiser, gains nothing from being fast: level 0 and XLA's older emitters compile it in a
quarter of the time. Training would be compiled in two thirds of the time too, but takes 1.4 times as long."""
KEPT = 64
"""Programs, or pairs of them, that are kept."""


class Program:
    """A function that is compiled once for every shape of its arguments, ahead of time.

    Args:
        function: what to compile.
        options: of XLA, by platform.
        donate: argument numbers whose memory the result may take.
    """

    def __init__(self, function: Callable, options: dict[str, dict] = OPTIONS, donate: tuple[int, ...] = ()):
        self.plain, self.options = function, options
        self.function = jax.jit(function, donate_argnums=donate)
        self.compiled: dict[Any, Any] = {}
        self.traces: dict[Any, Any] = {}
        self.lock = threading.Lock()

    def __call__(self, *args: Any) -> Any:
        """The result, compiling first where shapes are new."""
        return self.ready(*args)()[0](*args)

    def traced(self, *args: Any) -> Any:
        """The trace for arguments of these shapes, which is kept to be compiled: looking at it first costs nothing."""
        signature = _signature(args)
        if signature not in self.traces:
            self.traces[signature] = self.function.trace(*args)
        return self.traces[signature]

    def ready(self, *args: Any) -> Callable[[], tuple[Any, bool]]:
        """Trace for arguments of these shapes; the function returned compiles, in any thread.

        It returns the program and whether it is new. Tracing stays here, as JAX keeps its settings by thread. Under
        `jax.disable_jit` the program is the function itself, and under `jax.debug_nans` a jitted one, in which JAX
        looks for NaN.
        """
        if settings().jax_disable_jit:
            return lambda: (self.plain, False)
        if settings().jax_debug_nans:
            return lambda: (self.function, False)
        signature = _signature(args)
        if signature in self.compiled:
            return lambda: (self.compiled[signature], False)
        lowered = Lowered(self.traced(*args).lower(), _options(self.options, _platform(args)))
        self.traces.pop(signature, None)

        def finish() -> tuple[Any, bool]:
            with self.lock:
                new = signature not in self.compiled
                if new:
                    self.compiled[signature] = lowered.compile()
                return self.compiled[signature], new

        return finish

    def lower(self, *args: Any) -> "Lowered":
        """The program for arguments of these shapes, as it is before XLA compiles it.

        Arguments may be abstract, `jax.ShapeDtypeStruct` with a sharding, on devices that need not be here.
        """
        return Lowered(self.function.lower(*args), _options(self.options, _platform(args)))


class Lowered(NamedTuple):
    """A program as it is before XLA compiles it.

    Args:
        stage: as JAX has it.
        options: for XLA on its platform, or None.
    """

    stage: jax.stages.Lowered
    options: Any

    def compile(self, more: dict[str, Any] | None = None) -> jax.stages.Compiled:
        """By XLA, as it is compiled to run; ``memory_analysis``, ``cost_analysis`` and ``as_text`` tell what XLA made.

        Args:
            more: options beside those of the platform.
        """
        return _compiled(self.stage, {**(self.options or {}), **(more or {})} or None)


def _compiled(lowered: Any, options: dict | None) -> Any:
    """The compiled program; an option that this XLA does not have is left out, as they come and go by version."""
    try:
        return lowered.compile(compiler_options=options)
    except jax.errors.JaxRuntimeError as error:
        unknown = re.search(r"No such compile option: '(\w+)'", str(error))
        if unknown is None or unknown[1] not in (options or {}):
            raise
        return _compiled(lowered, {name: v for name, v in (options or {}).items() if name != unknown[1]})


def needed(compiled: Any) -> int:
    """Bytes that a compiled program takes on each device, by the compiler: what comes in, what it makes on its way, and
    what goes out but for what takes the place of what came in. 0 where there is no telling.
    """
    analysis = compiled.memory_analysis() if hasattr(compiled, "memory_analysis") else None
    if analysis is None:
        return 0
    own = analysis.argument_size_in_bytes + analysis.output_size_in_bytes - analysis.alias_size_in_bytes
    return own + analysis.temp_size_in_bytes + analysis.generated_code_size_in_bytes


def settings() -> Any:
    """The settings of JAX, whose types do not tell what they are."""
    return jax.config


def _options(options: dict[str, dict], platform: str) -> dict | None:
    return options.get("gpu" if platform in ("cuda", "rocm") else platform)


def _platform(args: tuple) -> str:
    for leaf in jax.tree.leaves(args):
        sharding = getattr(leaf, "sharding", None)
        if sharding is not None:
            return next(iter(sharding.device_set)).platform
    return Alone().platform


def _signature(args: tuple) -> Any:
    leaves, tree = jax.tree.flatten(args)
    shapes = tuple(
        (np.shape(leaf), str(getattr(leaf, "dtype", type(leaf))), getattr(leaf, "weak_type", False), _place(leaf))
        for leaf in leaves
    )
    config = settings()
    chosen = (
        config.jax_enable_x64, config.jax_default_matmul_precision, config.jax_numpy_dtype_promotion,
        config.jax_threefry_partitionable, config.jax_default_device,
    )  # fmt: skip
    return tree, shapes, chosen


def _place(leaf: Any) -> Any:
    return getattr(leaf, "sharding", None)


class Programs:
    """The two programs of a recipe under a layout: one that initialises, one that trains a block of epochs."""

    def __init__(self, recipe: Recipe, layout: Layout):
        # A member that goes back would hide the NaN that JAX looks for.
        rewind = recipe.rewind and not settings().jax_debug_nans
        # What is fastest on one device by laying weights together would bring split ones together.
        platform = layout.platform if layout.spread is None else None
        self.recipe = replace(recipe, platform=platform, rewind=rewind, spread=layout.spread or WHOLE)
        self.layout = layout

        def begin(own: tuple, row: Any) -> Any:
            member, given = own
            with written_for(layout.platform):
                return start(self.recipe, member, row, given)

        def go_on(own: tuple, block: Any) -> Any:
            member, state = own
            with written_for(layout.platform):
                return epochs(self.recipe, member, state, block, layout.beside)

        beginning, training = layout.lay(begin), layout.lay(go_on)
        self.start = Program(beginning, OPTIONS_ONCE)
        self.train = Program(lambda member, state, block: training((member, state), block), OPTIONS, donate=(1,))

    def compile(self, own: tuple, row: Any, block: Any, like: Any = None) -> tuple[Any, Any, float, int]:
        """Compile both side by side, as both cores are free for it; only the second where there is a state already.

        Args:
            own: stacked members and the weights given to them, placed.
            row: one row of inputs, placed.
            block: the last argument of the second.
            like: the state, or None.

        Returns:
            The two compiled programs, the seconds it took and how many were compiled.
        """
        started = time.perf_counter()
        member, state = own[0], self.state(own, row) if like is None else like
        training = Task(self.train.ready(member, state, block))  # the longer one first: the other is traced meanwhile
        beginning = Task(self.start.ready(own, row) if like is None else lambda: (None, False))
        (begin, begin_new), (train, train_new) = beginning.result(), training.result()
        return begin, train, time.perf_counter() - started, train_new + begin_new

    def state(self, own: tuple, row: Any) -> Any:
        """The shapes of the state that the first makes of these arguments, placed as the members are."""
        placed = (getattr(leaf, "sharding", None) for leaf in jax.tree.leaves(own[0]))
        sharding = next((s for s in placed if s is not None), None)
        state = jax.eval_shape(self.start.function, own, row)
        leaves, tree = jax.tree.flatten(state)
        places = [sharding] * len(leaves) if self.layout.spread is None else jax.tree.leaves(self.layout.places(state))
        pairs = zip(leaves, places, strict=True)
        return tree.unflatten([jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=s) for a, s in pairs])


_KEPT: OrderedDict[Any, Any] = OrderedDict()


def programs(recipe: Recipe, layout: Layout) -> Programs:
    """The programs of a recipe, those of before where the trial function reads the same as then."""
    return remembered(recipe, layout, lambda: Programs(recipe, layout))


def remembered(recipe: Recipe, kind: Any, make: Callable[[], Any]) -> Any:
    """What ``make`` gives, or gave before for this kind and a trial function that reads the same.

    It has a ``recipe``, by which it traces; whatever is traced anew is traced by the trial function at hand.
    """
    key = key_of(recipe.trial), replace(recipe, trial=None), kind, settings().jax_debug_nans
    found = _KEPT.pop(key, None) or make()
    found.recipe = replace(found.recipe, trial=recipe.trial)
    _KEPT[key] = found
    while len(_KEPT) > KEPT:
        _KEPT.popitem(last=False)
    return found


def forget() -> None:
    """Let go of all programs that are kept; the next training of each compiles anew."""
    _KEPT.clear()

"""`ray`: the parts of a grid as tasks of a Ray cluster, with its scheduler, its retries and its object store."""

import warnings
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any


class RayExecutor(Executor):
    """A `concurrent.futures.Executor` of Ray; `ray` makes one."""

    def __init__(self, options: dict[str, Any], workers: int | None):
        self.options, self._workers = options, workers

    def __repr__(self) -> str:
        given = self.options | ({} if self._workers is None else {"workers": self._workers})
        return f"ray({', '.join(f'{name}={value!r}' for name, value in given.items())})"

    @property
    def workers(self) -> int:
        """Tasks that the cluster does at a time, as far as it is now; at least one."""
        if self._workers is not None:
            return self._workers
        have = _ray().cluster_resources()
        needs = {"CPU": self.options["num_cpus"], "GPU": self.options["num_gpus"]} | self.options.get("resources", {})
        return max(1, int(min((have.get(name, 0) // need for name, need in needs.items() if need), default=1)))

    def put(self, value: Any) -> Any:
        """Put a value into the object store, once for all tasks that are given what this returns."""
        return _ray().put(value)

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """``fn(*args)`` as a task; to cancel its future cancels it."""
        ray = _ray()
        ref = ray.remote(**self.options)(fn).remote(*args, **kwargs)
        future: Future = Future()

        def done(theirs: Future) -> None:
            if not future.set_running_or_notify_cancel():
                return
            error = theirs.exception()
            if error is None:
                future.set_result(theirs.result())
            else:
                future.set_exception(_own(error))

        def cancelled(future: Future) -> None:
            if future.cancelled():
                ray.cancel(ref)

        future.add_done_callback(cancelled)
        ref.future().add_done_callback(done)
        return future


def ray(
    num_cpus: float = 1, num_gpus: float = 0, max_retries: int = 3, workers: int | None = None, **options: Any
) -> RayExecutor:
    """Train the parts of a grid as tasks of Ray: ``nn.grid(..., on=nn.ray())``.

    A grid is divided into one part for each task that the cluster can do at a time; with ``plan=nn.Plan(chunk=64)`` no
    part has more than 64 members. Trial and data go into Ray's object store once, functions of a notebook included. A
    task whose worker or machine is lost runs again; with ``folder=``, on a file system that all machines share, it goes
    on from what was written, else from the beginning. Either way no member is lost and none counts twice.

    Ray is what it is without us: where ``ray.init()`` was not called, it connects to the cluster of the environment
    (``RAY_ADDRESS``), or starts one on this machine. Needs ``pip install 'jaxnn-grid[ray]'``.

    Args:
        num_cpus, num_gpus: of a task; JAX sees the GPUs that a task was given, and no others.
        max_retries: how often a task of a lost worker runs again.
        workers: into how many parts to divide a grid; None for what the cluster can do at a time.
        **options: others of `ray.remote`, such as ``resources``, ``memory`` and ``runtime_env``.

    Returns:
        An executor of `concurrent.futures`.

    Raises:
        ValueError: for numbers that are none.

    Source: P. Moritz et al., Ray, OSDI 2018.

    Example:
        >>> ray(num_gpus=1)
        ray(num_cpus=1, num_gpus=1, max_retries=3)
    """
    for name, value, least in (("num_cpus", num_cpus, 0), ("num_gpus", num_gpus, 0), ("max_retries", max_retries, -1)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= least:
            raise ValueError(f"{name} must be a number of at least {least}, got {value!r}; write nn.ray({name}=1)")
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise ValueError(f"workers must be a whole number of at least 1, got {workers!r}; write nn.ray(workers=4)")
    return RayExecutor(dict(num_cpus=num_cpus, num_gpus=num_gpus, max_retries=max_retries) | options, workers)


def _ray() -> Any:
    """The package, connected to a cluster."""
    try:
        import ray
    except ImportError:
        raise ImportError("nn.ray needs Ray; write pip install 'jaxnn-grid[ray]'") from None
    if not ray.is_initialized():
        with warnings.catch_warnings():  # Ray starts its processes at once, so that JAX need not fear for the fork
            warnings.simplefilter("ignore", RuntimeWarning)
            ray.init()
    return ray


def _own(error: BaseException) -> BaseException:
    """The error that a task raised, without what Ray wraps around it."""
    cause = getattr(error, "cause", None)
    if not isinstance(cause, BaseException):
        return error
    cause.__cause__ = error
    return cause

"""Shards: how the leaves of a tree lie on a mesh, by rules from their paths to its axes.

Only names and sizes of axes are read, so an abstract mesh will do, and no device is touched.
"""

import fnmatch
import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec

from jaxnn.core.tree import path_of

Rules: TypeAlias = tuple[tuple[str, PartitionSpec], ...]

_COLUMNS, _ROWS, _ENTRIES = PartitionSpec(None, "model"), PartitionSpec("model", None), PartitionSpec("model")

MEGATRON: Rules = (
    ("*query/kernel", _COLUMNS), ("*query/bias", _ENTRIES),
    ("*key/kernel", _COLUMNS), ("*key/bias", _ENTRIES),
    ("*value/kernel", _COLUMNS), ("*value/bias", _ENTRIES),
    ("*attention*/out/kernel", _ROWS),
    ("*mlp_in/kernel", _COLUMNS), ("*mlp_in/bias", _ENTRIES),
    ("*mlp_out/kernel", _ROWS),
    ("*embed/embedding", _ROWS), ("*embed_*/embedding", _ROWS),
    ("*head/kernel", _COLUMNS), ("*head/bias", _ENTRIES),
)  # fmt: skip
"""Tensor parallelism of a `TransformerBlock`, an `Embed` and a head over the axis ``"model"``.

The first product of attention and of the perceptron is split by columns, so by heads, and the second by rows: a block
sums over the axis twice, and nothing else moves. The table is split by vocabulary; norms and what is added after a sum
are whole. Source: Shoeybi et al., "Megatron-LM", 2019."""


def specs(tree: Any, rules: Rules, mesh: Any, fully: bool = False, params: Any = None) -> Any:
    """The `PartitionSpec` of every leaf: that of the first rule whose pattern its path fits, else whole.

    A rule speaks of a leaf's last axes; axes before them, such as the depth of a `Repeat`, are whole.

    Args:
        tree: parameters, arrays or shapes; or a state with a field ``params``, such as a `TrainState`, or that of an
            Optax optimizer beside ``params``. In a state, what has the path and the shape of a parameter, as moments
            have, or adds axes before it, takes the parameter's spec; the rest, as counters, is whole.
        rules: pairs of a pattern over the path, as ``"*mlp_in/kernel"``, and a `PartitionSpec`, such as `MEGATRON`;
            ``()`` for none.
        mesh: a `jax.sharding.Mesh` or `AbstractMesh`.
        fully: whether what a rule leaves whole is split over the axis ``"data"``, along the largest axis of the leaf
            that it divides: parameters, gradients and moments take the memory of one share (ZeRO-3, FSDP).
        params: the parameters that the state of an optimizer belongs to; None where the tree has them or is them.

    Returns:
        A tree of that structure, of `PartitionSpec`.

    Raises:
        ValueError: for an axis that the mesh lacks, a leaf with fewer axes than its rule, a size that does not divide,
            or rules that split no leaf at all.

    Source: Rajbhandari et al., "ZeRO", 2020; the rules are in the form of Flax's ``match_partition_rules``.

    Example:
        >>> from jax.sharding import AbstractMesh
        >>> mesh = AbstractMesh((2, 4), ("data", "model"))
        >>> kernel = jax.ShapeDtypeStruct((12, 768, 3072), "float32")
        >>> params = {"mlp_in": {"kernel": kernel}}
        >>> tuple(specs(params, MEGATRON, mesh)["mlp_in"]["kernel"])
        (None, None, 'model')
        >>> tuple(specs(params, (), mesh, fully=True)["mlp_in"]["kernel"])
        (None, None, 'data')
    """
    sizes = dict(mesh.shape)
    own = getattr(tree, "params", tree) if params is None else params
    found = _of_params(own, _checked(rules, sizes), sizes, fully)
    if own is tree:
        return found
    shapes = {path_of(path): jnp.shape(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(own)}
    paths = jax.tree_util.tree_leaves_with_path(found, is_leaf=_is_spec)
    known = {path_of(path): (shapes[path_of(path)], spec) for path, spec in paths}
    return jax.tree_util.tree_map_with_path(lambda path, leaf: _mirrored(path_of(path), jnp.shape(leaf), known), tree)


def _of_params(params: Any, rules: Rules, sizes: Mapping[str, int], fully: bool) -> Any:
    split = set()

    def one(path: tuple, leaf: Any) -> PartitionSpec:
        name, shape = path_of(path), jnp.shape(leaf)
        split.update(_names(spec_of(name, shape, rules, sizes)))
        return spec_of(name, shape, rules, sizes, fully)

    found = jax.tree_util.tree_map_with_path(one, params)
    wanted = {name for _, spec in rules for name in _names(spec) if sizes[name] > 1}
    if wanted and not split:
        names = [path_of(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)][:5]
        raise ValueError(
            f"the rules for {sorted(wanted)} split none of the leaves, of which the first are {names}; write rules for "
            'them, as in (("*dense_0/kernel", PartitionSpec(None, "model")),), or a mesh without these axes'
        )
    return found


def spec_of(
    path: str, shape: tuple[int, ...], rules: Rules, sizes: Mapping[str, int], fully: bool = False
) -> PartitionSpec:
    """The spec of the parameter at this path; ``sizes`` are those of the axes of the mesh, the rest as in `specs`."""
    rule = next((spec for pattern, spec in rules if fnmatch.fnmatchcase(path, pattern)), PartitionSpec())
    axes = _aligned(path, shape, rule, sizes)
    axes = _divided(axes, shape, sizes.get("data", 1)) if fully else axes
    return PartitionSpec(*axes) if _names(axes) else PartitionSpec()


def _checked(rules: Any, sizes: Mapping[str, int]) -> Rules:
    for rule in rules:
        pair = isinstance(rule, tuple) and len(rule) == 2
        if not pair or not isinstance(rule[0], str) or not _is_spec(rule[1]):
            raise ValueError(
                f'a rule is a pattern and a PartitionSpec, got {rule!r}; write ("*mlp_in/kernel", '
                'PartitionSpec(None, "model"))'
            )
        lacks = [name for name in _names(rule[1]) if name not in sizes]
        if lacks:
            raise ValueError(f"the rule {rule} splits over {lacks[0]!r}, and the mesh has the axes {tuple(sizes)}")
    return tuple(rules)


def _aligned(name: str, shape: tuple[int, ...], rule: PartitionSpec, sizes: Mapping[str, int]) -> tuple:
    """A rule's entries for each axis of a leaf, the last ones its own."""
    if len(rule) > len(shape):
        raise ValueError(
            f"{name} {shape} has fewer axes than its rule {rule}; write a rule of {len(shape)} for it before the others"
        )
    axes = (None,) * (len(shape) - len(rule)) + tuple(rule)
    for size, entry in zip(shape, axes, strict=True):
        parts = math.prod(sizes[n] for n in _names((entry,)))
        if size % parts:
            raise ValueError(
                f"{name} {shape} does not divide as {rule} over the mesh {dict(sizes)}: {size} is no multiple of "
                f"{parts}; write a size that is one, such as {-(-size // parts) * parts}, or leave the leaf whole by "
                f"the rule ({name!r}, PartitionSpec()) before the others"
            )
    return axes


def _divided(axes: tuple, shape: tuple[int, ...], parts: int) -> tuple:
    """The same with the largest axis that is whole split over ``"data"``, if it divides one."""
    free = [i for i, (n, a) in enumerate(zip(shape, axes, strict=True)) if a is None and n and n % parts == 0]
    if parts == 1 or "data" in _names(axes) or not free:
        return axes
    largest = max(free, key=lambda i: shape[i])
    return (*axes[:largest], "data", *axes[largest + 1 :])


def _mirrored(path: str, shape: tuple[int, ...], known: Mapping[str, tuple]) -> PartitionSpec:
    """The spec of the parameter whose path and shape this path and shape end with."""
    parts = path.split("/")
    for i in range(len(parts) + 1):  # the path of parameters that are one array is empty
        own, spec = known.get("/".join(parts[i:]), ((), None))
        if spec is not None:
            more = len(shape) - len(own)
            fits = more >= 0 and shape[more:] == own and _names(spec)
            return PartitionSpec(*(None,) * more, *spec) if fits else PartitionSpec()
    return PartitionSpec()


def _names(entries: Any) -> list[str]:
    """The axes of a mesh that a spec, or a part of it, speaks of."""
    return [n for entry in entries if entry for n in ((entry,) if isinstance(entry, str) else entry)]


def _is_spec(value: Any) -> bool:
    return isinstance(value, PartitionSpec)

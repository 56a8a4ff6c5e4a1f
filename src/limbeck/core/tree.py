"""Trees of tensors: nested dicts, tuples, lists and named tuples whose leaves are tensors.

The branches of a dict come in the order of their names, however it was made: what is read from a file, or comes from
compiled code, has them in another order than what a network began with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from limbeck.core.placing import onto

Tree = Any


def _children(tree: Tree) -> list[tuple[str, Tree]] | None:
    """The named branches of a node in a fixed order, or None for a leaf."""
    if isinstance(tree, dict):
        return sorted(((str(name), tree[name]) for name in tree), key=lambda pair: pair[0])
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return list(zip(tree._fields, tree, strict=True))
    if isinstance(tree, tuple | list):
        return [(str(index), branch) for index, branch in enumerate(tree)]
    return None


def _rebuild(like: Tree, branches: list[Tree]) -> Tree:
    if isinstance(like, dict):
        return dict(zip(sorted(like, key=str), branches, strict=True))
    if hasattr(like, "_fields"):
        return type(like)(*branches)
    return type(like)(branches)


def map(function: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """The tree of `function(leaf, leaf of each other tree)`; all trees have one structure.

    >>> map(lambda a, b: a + b, {"x": 1, "y": (2, 3)}, {"x": 10, "y": (20, 30)})
    {'x': 11, 'y': (22, 33)}
    >>> map(lambda a, b: a + b, {"x": 1, "y": 2}, {"y": 20, "x": 10})
    {'x': 11, 'y': 22}
    """
    named = _children(tree)
    if named is None:
        return function(tree, *others)
    aside = [_children(other) for other in others]
    for other in aside:
        if other is None or [name for name, _ in other] != [name for name, _ in named]:
            found = "a leaf" if other is None else [name for name, _ in other]
            raise ValueError(f"trees differ: branches {found}, expected {[name for name, _ in named]}")
    columns = [[branch for _, branch in other] for other in aside if other is not None]
    branches = [
        map(function, branch, *(column[index] for column in columns)) for index, (_, branch) in enumerate(named)
    ]
    return _rebuild(tree, branches)


def flatten(tree: Tree, prefix: str = "") -> dict[str, Any]:
    """Leaves by their path, names joined with "/"; a tree that is one leaf has the path "".

    >>> flatten({"x": 1, "y": (2, 3)})
    {'x': 1, 'y/0': 2, 'y/1': 3}
    """
    named = _children(tree)
    if named is None:
        return {prefix: tree}
    below = (flatten(branch, f"{prefix}/{name}" if prefix else name) for name, branch in named)
    return {path: leaf for each in below for path, leaf in each.items()}


def unflatten(like: Tree, flat: dict[str, Any], prefix: str = "") -> Tree:
    """The tree of the structure of `like` whose leaves are those of `flat`; KeyError where one is missing."""
    named = _children(like)
    if named is None:
        return flat[prefix]
    return _rebuild(like, [unflatten(branch, flat, f"{prefix}/{name}" if prefix else name) for name, branch in named])


def nest(flat: dict[str, Any]) -> Tree:
    """Nested dicts from paths: the inverse of `flatten` for trees of dicts.

    >>> nest({"x": 1, "y/0": 2})
    {'x': 1, 'y': {'0': 2}}
    """
    root: dict[str, Any] = {}
    for path, leaf in flat.items():
        *above, last = path.split("/")
        node = root
        for name in above:
            node = node.setdefault(name, {})
        node[last] = leaf
    return root


def branch(tree: Tree, path: str) -> Tree:
    """What a tree of dicts holds at a path, names joined with "/"; the whole tree for "".

    >>> branch({"x": 1, "y": {"z": 2}}, "y/z")
    2
    """
    for name in filter(None, path.split("/")):
        tree = tree[name]
    return tree


def select(tree: Tree, wanted: Callable[[Any], bool]) -> Tree:
    """The leaves of a tree of dicts that are wanted, in their branches; an empty dict where there are none.

    >>> select({"x": 1, "y": {"z": 2}}, lambda leaf: leaf > 1)
    {'y': {'z': 2}}
    """
    kept = {path: leaf for path, leaf in flatten(tree).items() if wanted(leaf)}
    return kept[""] if "" in kept else nest(kept)


def merge(left: Tree, right: Tree) -> Tree:
    """The leaves of two trees of dicts in one: what `select` took apart.

    >>> merge({"x": 1, "y": {"a": 3}}, {"y": {"z": 2}})
    {'x': 1, 'y': {'a': 3, 'z': 2}}
    """
    both = {**flatten(left), **flatten(right)}
    return both[""] if "" in both else nest(both)


def compact(tree: Tree) -> Tree:
    """The same numbers as they are stored: floats in 32 bits at most, integers in as few bits as hold those of a leaf.

    >>> made = compact({"x": torch.tensor([0.5], dtype=torch.float64), "y": torch.tensor([0, 300])})
    >>> made["x"].dtype, made["y"].dtype
    (torch.float32, torch.int16)
    """
    return map(_compact, tree)


def _compact(leaf: Tensor) -> Tensor:
    if leaf.dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        return leaf.detach().to(torch.float32 if leaf.dtype == torch.float64 else leaf.dtype)
    if leaf.dtype == torch.bool:
        return leaf
    low, high = (int(leaf.min()), int(leaf.max())) if leaf.numel() else (0, 0)
    for kind in (torch.uint8, torch.int8, torch.int16, torch.int32):
        if torch.iinfo(kind).min <= low and high <= torch.iinfo(kind).max:
            return leaf.to(kind)
    return leaf


def widen(tree: Tree) -> Tree:
    """The same numbers as they are worked with: integers in 64 bits, floats and truth values as they are."""
    return map(
        lambda leaf: leaf if leaf.is_floating_point() or leaf.dtype == torch.bool else leaf.to(torch.int64), tree
    )


def leaves(tree: Tree) -> list[Tensor]:
    """The leaves in the order of `flatten`."""
    return list(flatten(tree).values())


def detach(tree: Tree) -> Tree:
    """The same numbers, cut from any graph."""
    return map(lambda leaf: leaf.detach(), tree)


def move(tree: Tree, device: torch.device) -> Tree:
    """The same numbers on `device`."""
    return map(lambda leaf: onto(leaf, device), tree)


def dot(left: Tree, right: Tree) -> Tensor:
    """The inner product over all leaves, a 0-d tensor."""
    return torch.stack([(a * b).sum() for a, b in zip(leaves(left), leaves(right), strict=True)]).sum()


def norm(tree: Tree) -> Tensor:
    """The Euclidean norm over all leaves, a 0-d tensor."""
    return dot(tree, tree).sqrt()


def count(tree: Tree) -> int:
    """How many numbers the leaves hold."""
    return sum(leaf.numel() for leaf in leaves(tree))


def all_finite(tree: Tree) -> Tensor:
    """Whether every number of every leaf is finite: a 0-d truth value where the leaves lie, which is not read."""
    return torch.stack([torch.isfinite(leaf).all() for leaf in leaves(tree)]).all()


def finite(tree: Tree) -> bool:
    """Whether every number of every leaf is finite."""
    return all(bool(torch.isfinite(leaf).all()) for leaf in leaves(tree))


def read(number: Tensor) -> float:
    """The number in a 0-d tensor, for what Python decides by it.

    A step of a distillation reads from its device here and nowhere else, for whoever reads waits until the device has
    done all that it was given. `tests/conformance/test_another_device.py` counts the readings of every objective.
    """
    return float(number)


EXAMPLES = -1
"""The side of a shape that is as long as there are examples: the second axis of an adjacency."""


def rows(tree: Tree, index: Tensor) -> Tree:
    """The rows of every leaf at `index` (whole numbers, or a mask) of its first axis.

    The index is moved to where each leaf lies. It is best kept on the CPU: a mask is made into numbers first.
    """
    at = index.nonzero()[:, 0] if index.dtype == torch.bool else index
    return map(lambda leaf: leaf[onto(at, leaf.device)], tree)


def row(tree: Tree, index: int) -> Tree:
    """One row of every leaf, without its first axis."""
    return map(lambda leaf: leaf[index], tree)


def length(tree: Tree) -> int:
    """How many rows the leaves have."""
    return len(leaves(tree)[0])


def split(tree: Tree, size: int) -> list[Tree]:
    """The tree in parts of at most `size` rows.

    >>> [length(part) for part in split({"x": torch.zeros(5, 2), "y": torch.zeros(5)}, 2)]
    [2, 2, 1]
    """
    flat = {path: leaf.split(size) for path, leaf in flatten(tree).items()}
    parts = range(len(next(iter(flat.values()))))
    return [unflatten(tree, {path: pieces[part] for path, pieces in flat.items()}) for part in parts]


def cat(trees: Sequence[Tree]) -> Tree:
    """One tree of the rows of several, in order."""
    return map(lambda *parts: torch.cat(parts), *trees)


def flat_rows(tree: Tree) -> Tensor:
    """All numbers of each row side by side, (row, number), leaf by leaf."""
    return torch.cat([leaf.flatten(1) if leaf.dim() > 1 else leaf[:, None] for leaf in leaves(tree)], 1)


def shapes(shape: Tree, prefix: str = "") -> dict[str, tuple[int, ...]]:
    """The shapes in a tree of shapes, which is a tuple of numbers or a dict of such trees, by path.

    >>> shapes((3, 8, 8)), shapes({"x": (4,), "y": {"z": ()}})
    ({'': (3, 8, 8)}, {'x': (4,), 'y/z': ()})
    """
    if not isinstance(shape, dict):
        return {prefix: tuple(shape)}
    found: dict[str, tuple[int, ...]] = {}
    for name in sorted(shape):
        found.update(shapes(shape[name], f"{prefix}/{name}" if prefix else name))
    return found


def build(shape: Tree, count: int, make: Callable[[str, tuple[int, ...]], Tensor]) -> Tree:
    """`count` inputs of a tree of shapes, each leaf made by `make(path, shape of the leaf)`.

    >>> build({"x": (4,), "y": (EXAMPLES,)}, 2, lambda path, shape: torch.zeros(shape))["y"].shape
    torch.Size([2, 2])
    """
    sized = {
        path: make(path, (count, *(count if side == EXAMPLES else side for side in each)))
        for path, each in shapes(shape).items()
    }
    return sized[""] if "" in sized else nest(sized)


def numel(shape: Tree) -> int:
    """How many numbers one input of a tree of shapes has; a side of `EXAMPLES` counts as 1.

    >>> numel((3, 8, 8)), numel({"x": (4,), "y": (EXAMPLES,)})
    (192, 5)
    """
    return sum(math.prod(abs(side) for side in each) for each in shapes(shape).values())


def joined(shape: Tree) -> bool:
    """Whether inputs of a tree of shapes are tied to one another, so that a part is not read as within the whole."""
    return any(EXAMPLES in each for each in shapes(shape).values())


def plain_shape(shape: Tree) -> Tree:
    """A tree of shapes as JSON."""
    return {name: plain_shape(shape[name]) for name in shape} if isinstance(shape, dict) else list(shape)

"""Experts that others trained: replay buffers of trajectory matching (Cazenavette et al. 2022)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from limbeck.core.errors import InputError
from limbeck.core.tree import Tree
from limbeck.imported.contents import is_listed, said
from limbeck.imported.found import digest_of
from limbeck.imported.tensors import plain, read_torch

DIGITS = 16
"""Digits of the digest by which experts are named."""


def source_of(paths: Sequence[Path]) -> str:
    """What experts of files are named by: a digest of these, in their order; InputError for one that is not there."""
    for path in paths:
        if not path.is_file():
            raise InputError(f"{path}: found nothing, expected a replay_buffer_N.pt; check the path")
    return digest_of(paths)[:DIGITS]


def read_experts(path: Path, like: Mapping[str, Tensor]) -> Iterator[Tree]:
    """Each expert of a replay buffer, {"params": {EPOCH: parameters}}, in the order of the file.

    A buffer lists experts, an expert its parameters before the first epoch and after each, those as a list in the order
    of the network's modules. `like` has the parameters of the network, in that order. Raises InputError for anything
    else, and for parameters of another network.
    """
    experts = read_torch(path)
    if not is_listed(experts) or not experts or not all(map(is_listed, experts)):
        raise InputError(
            f"{path}: found {said(experts)}, expected a replay buffer: a list of experts, each a list of the "
            "parameters after each epoch; check the path"
        )
    lengths = {len(expert) for expert in experts}
    if len(lengths) > 1 or max(lengths) < 2:
        raise InputError(
            f"{path}: experts of {', '.join(map(str, sorted(lengths)))} snapshots, expected all alike and at least 2; "
            "name a whole buffer"
        )
    for number, expert in enumerate(experts):
        snapshots = enumerate(expert)
        yield {"params": {str(epoch): _snapshot(path, number, epoch, each, like) for epoch, each in snapshots}}


def _snapshot(path: Path, number: int, epoch: int, values: Any, like: Mapping[str, Tensor]) -> Tree:
    place = f"{path}: expert {number} after {epoch} epochs"
    if not is_listed(values) or len(values) != len(like):
        found = f"{len(values)} tensors" if is_listed(values) else said(values)
        raise InputError(f"{place}: {found}, expected the {len(like)} of the network; name theirs with --network")
    made: Tree = {}
    for (name, expected), value in zip(like.items(), values, strict=True):
        tensor = plain(value)
        if tensor is None or tensor.shape != expected.shape or not tensor.is_floating_point():
            raise InputError(
                f"{place}: {said(value)} where {name} of the network is of shape {tuple(expected.shape)}; name the "
                "network of the experts with --network"
            )
        if not bool(tensor.isfinite().all()):
            raise InputError(f"{place}: {name} holds NaN or infinite values, expected numbers; get the file anew")
        made[name] = tensor.to(expected.dtype)
    return made

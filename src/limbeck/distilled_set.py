"""The artefact: free parameters and a schedule in one safetensors file with a self-describing header."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from limbeck.codecs import codec_of, header_of
from limbeck.core import tree
from limbeck.core.contracts import AbstractCodec, AbstractParameterization, Batch, Budget, Schedule
from limbeck.core.errors import InputError
from limbeck.core.family import from_spec, to_spec
from limbeck.core.files import read_tensors, write_tensors
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.parameterizations import PARAMETERIZATIONS

FORMAT = 1
"""The version of the file's layout; a reader refuses a newer one."""

VIEW = Key(("view",))


@dataclass(frozen=True)
class DistilledSet(Dataset):
    """A few synthetic examples, how to train on them, and where they come from.

    As a `torch.utils.data.Dataset` it gives (input, class) pairs, or (input, soft target) pairs where the
    labels are soft; inputs are as a network sees them.
    """

    params: Tree
    """What is stored: the free parameters, a dict of tensors."""
    parameterization: AbstractParameterization
    schedule: Schedule
    codec: AbstractCodec
    """Between the units of the data and the examples as a network sees them."""
    classes: tuple[str, ...]
    data: dict[str, Any]
    """The name, options and fingerprint of the data."""
    spec: dict[str, Any]
    """Everything that determined the set: with the data, enough to make it again."""
    scores: tuple[dict[str, Any], ...] = ()
    version: str = field(default="")
    """The version of limbeck that made it."""

    @functools.cached_property
    def batch(self) -> Batch:
        """The synthetic examples as a network sees them: inputs (item, ...), targets (item, ...), classes (item,)."""
        with torch.no_grad():
            return self.parameterization.render(self.params, VIEW)

    @property
    def native(self) -> Tree:
        """The inputs in the units of the data: [0, 1] for pixels of real images, which distilled ones may leave."""
        return self.codec.decode(self.batch.inputs)

    @property
    def budget(self) -> Budget:
        """What the set costs to store."""
        return self.parameterization.cost(self.params)

    @property
    def label_mode(self) -> str:
        """ "hard" where every target is one class, else "soft"."""
        targets = self.batch.targets
        return "hard" if bool(((targets == 0) | (targets == 1)).all()) else "soft"

    @property
    def per_class(self) -> int:
        """The most items that any class has."""
        return int(self.batch.classes.bincount(minlength=len(self.classes)).max())

    @property
    def digest(self) -> str:
        """A digest of what a learner can see of the set: its examples and its schedule."""
        hasher = hashlib.sha256()
        for leaf in (*tree.leaves(tuple(self.batch)), *self.schedule):
            hasher.update(str((leaf.dtype, tuple(leaf.shape))).encode())
            hasher.update(leaf.detach().cpu().contiguous().numpy().tobytes())
        return hasher.hexdigest()

    def __len__(self) -> int:
        return len(self.batch.classes)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        batch = self.batch
        return batch.inputs[index], (batch.classes if self.label_mode == "hard" else batch.targets)[index]

    def scored(self, *scores: dict[str, Any]) -> DistilledSet:
        """The same set that carries `scores` besides its own; a newer score replaces an older one of the same kind.

        What the set was called when it was scored is left out: it is this set, wherever its file comes to lie.
        """
        kind = ("network", "split", "metric", "protocol")
        new = {tuple(score[field] for field in kind) for score in scores}
        kept = [score for score in self.scores if tuple(score[field] for field in kind) not in new]
        return replace(self, scores=(*kept, *({**score, "set": ""} for score in scores)))

    def header(self) -> dict[str, Any]:
        """The JSON header of the file."""
        return {
            "format": FORMAT,
            "version": self.version,
            "classes": list(self.classes),
            "data": self.data,
            "spec": self.spec,
            "parameterization": to_spec(self.parameterization),
            "codec": header_of(self.codec),
            "labels": self.label_mode,
            "budget": self.budget._asdict(),
            "scores": list(self.scores),
        }

    def save(self, path: str | Path) -> None:
        """Write the set to `path`, whole or not at all; InputError where it cannot be written."""
        tensors = {
            **tree.flatten(self.params, "params"),
            **tree.flatten(self.schedule, "schedule"),
            **tree.flatten(self.codec.to_tensors(), "codec"),
        }
        write_tensors(Path(path), tensors, self.header())

    @classmethod
    def load(cls, path: str | Path) -> DistilledSet:
        """Read a set; no pickle is involved. InputError for a missing, damaged, foreign or newer file."""
        tensors, header = read_tensors(Path(path))
        found = header.get("format")
        if not isinstance(found, int) or "parameterization" not in header:
            raise InputError(f"{path}: not a distilled set; expected a file that `limbeck distill` wrote")
        if found > FORMAT:
            raise InputError(
                f"{path}: format {found}, but this limbeck reads up to {FORMAT}; upgrade limbeck "
                f"(the file was written by version {header.get('version', '?')})"
            )
        try:
            parts = tree.nest(tensors)
            loaded = cls(
                params=parts["params"],
                parameterization=_parameterization(header["parameterization"]),
                schedule=Schedule(**parts["schedule"]),
                codec=codec_of(header["codec"], parts.get("codec", {})),
                classes=tuple(header["classes"]),
                data=header["data"],
                spec=header["spec"],
                scores=tuple(header["scores"]),
                version=header["version"],
            )
            _check(loaded)
        except (KeyError, TypeError, ValueError, RuntimeError, IndexError) as error:
            raise InputError(
                f"{path}: damaged ({type(error).__name__}: {error}); copy or make the file again"
            ) from error
        return loaded


def _parameterization(spec: Any) -> AbstractParameterization:
    part: AbstractParameterization = from_spec(spec)
    if type(part) not in PARAMETERIZATIONS.parts.values():
        raise ValueError(f"{spec} is not a parameterization")
    return part


def _check(loaded: DistilledSet) -> None:
    """Raise ValueError where the parts of a file do not belong together."""
    batch = loaded.batch
    count = len(batch.classes)
    if count == 0 or len(batch.inputs) != count or batch.targets.shape != (count, len(loaded.classes)):
        raise ValueError(f"{len(batch.inputs)} inputs, {count} classes, targets {tuple(batch.targets.shape)}")
    if not 0 <= int(batch.classes.min()) <= int(batch.classes.max()) < len(loaded.classes):
        raise ValueError(f"a class outside 0..{len(loaded.classes) - 1}")
    if not tree.finite(tuple(batch)) or not tree.finite(loaded.schedule):
        raise ValueError("a value that is not finite")
    if int(loaded.schedule.order.max()) >= count:
        raise ValueError("a schedule of items that are not there")

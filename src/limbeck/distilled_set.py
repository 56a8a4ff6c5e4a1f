"""The artefact: what is stored of a set and its schedule in one safetensors file with a self-describing header."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from limbeck.codecs import codec_of
from limbeck.core import tree
from limbeck.core.contracts import (
    AbstractCodec,
    AbstractParameterization,
    AbstractTask,
    Batch,
    Budget,
    ByTask,
    Parameters,
    Schedule,
)
from limbeck.core.errors import DamagedError, InputError
from limbeck.core.family import from_spec
from limbeck.core.files import read_tensors, write_tensors
from limbeck.core.key import Key
from limbeck.core.later import is_put_off, without_gradients
from limbeck.core.promises import fault_of
from limbeck.core.tree import Tree
from limbeck.header import DESCRIBED, check_header, described, header_of, made_by
from limbeck.learn.losses import loss_name, loss_named
from limbeck.learn.rules import rule_name, rule_named
from limbeck.parameterizations import PARAMETERIZATIONS
from limbeck.starts import STARTS

if TYPE_CHECKING:
    from torch.utils.data import DataLoader
if TYPE_CHECKING or not is_put_off():
    from torch.utils.data import Dataset
else:
    # Commands do not ask whether a set is one, and all that torch asks of it is its length and its items.
    Dataset = object

VIEW = Key(("view",))
HARD, SOFT, REAL = "hard", "soft", "real"
"""What targets are: one class each, weights of the classes, or neither."""
LEARNED, TAUGHT = "learned", "teacher's"
"""Whose soft targets are: learned with the set, or what a trained network says of each item."""


@dataclass(frozen=True, eq=False, repr=False)
class DistilledSet(Dataset):
    """A few synthetic examples, how to train on them, and where they come from.

    As a `torch.utils.data.Dataset` it gives (input, class) pairs where the labels are hard, else (input, target) pairs;
    inputs are as a network sees them. Sets are equal where a learner sees the same of them.
    """

    params: Parameters
    """What is learned and what is kept of the examples."""
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
    initialisation: Tree | None = None
    """The parameters of a network that the set is to be trained from; None: from any."""

    @functools.cached_property
    def stored(self) -> Parameters:
        """What lies on disk, from which everything else is rendered: a set is the same before and after its file."""
        return tree.map(lambda leaf: leaf.detach().cpu(), self.parameterization.stored(self.params))

    @functools.cached_property
    def batch(self) -> Batch:
        """The synthetic examples as a network sees them: inputs, targets, and the class (item,) of each."""
        return self._rendered(VIEW)

    @functools.cached_property
    def binding(self) -> bool:
        """Whether the set is meant to be trained on exactly as it says, and another training says little of it.

        So it is where it carries the parameters to begin with or a training loss of its own, and where its recipe
        learned a rate for each step.
        """
        recipe = self.spec.get("recipe")
        learned = recipe is not None and from_spec(recipe["schedule"]).binding
        return learned or self.initialisation is not None or not isinstance(self.schedule.loss, ByTask)

    @property
    def views(self) -> bool:
        """Whether training sees another view of the set at each step."""
        return self.parameterization.views

    def view(self, key: Key, step: int) -> Batch:
        """What step `step` of a training under `key` sees of the whole set; `batch` where there is one view."""
        return self._rendered(key.fold("view", step)) if self.views else self.batch

    @without_gradients
    def _rendered(self, key: Key) -> Batch:
        batch = self.parameterization.render(self.stored, key)
        return batch._replace(inputs=self.codec.shown(batch.inputs))

    @property
    def native(self) -> Tree:
        """The inputs in the units of the data: [0, 1] for pixels of real images, which distilled ones may leave.

        Of images: inputs * std + mean in each channel, where whitening, if there is any, is undone before.
        """
        return self.codec.decode(self.batch.inputs)

    @property
    def budget(self) -> Budget:
        """What the set costs to store, with the parameters to be trained from and the labels of its loss, if any."""
        return Budget.of((self.stored, self.initialisation or {}, self.schedule.labels))

    @functools.cached_property
    def label_mode(self) -> str:
        """ "hard" where every target is one class, "soft" where it is weights of the classes, else "real"."""
        targets = self.batch.targets
        count = len(self.classes)
        if count < 2 or not isinstance(targets, Tensor) or targets.shape != (len(self), count):
            return REAL
        one = ((targets == 0) | (targets == 1)).all() & (targets.sum(1) == 1).all()
        return HARD if bool(one) else SOFT

    @property
    def represents(self) -> bool:
        """Whether its targets are numbers that say more of an item than its class does, where there are classes."""
        return self.label_mode == REAL and len(self.classes) > 1

    @property
    def label_kind(self) -> str:
        """Whose labels they are: "hard", "learned" or "teacher's"; "soft" where nobody says, "real" where no classes.

        Labels that a teacher gave and that are learned from there on are learned.
        """
        recipe = self.spec.get("recipe")
        if self.label_mode == SOFT and self.parameterization.taught:
            return TAUGHT
        if self.label_mode != SOFT or recipe is None:
            return self.label_mode
        if "targets" in self.params.learned and recipe["steps"]:
            return LEARNED
        # By its class, as a start of a package that is not here can be no instance.
        start = STARTS.parts.get(str(recipe.get("start", {}).get("part")).removeprefix(f"{STARTS.kind}/"))
        return TAUGHT if getattr(start, "taught", False) else SOFT

    @property
    def per_class(self) -> int:
        """The most items that any class has."""
        return int(self.batch.classes.bincount(minlength=len(self.classes)).max())

    @functools.cached_property
    def digest(self) -> str:
        """A digest of what a learner can see of the set: its examples, its schedule and where it is trained from."""
        seen = {"batch": self.batch, "schedule": self.schedule, "initialisation": self.initialisation or {}}
        if self.views:
            seen["params"] = self.stored
        hasher = hashlib.sha256(rule_name(self.schedule.rule).encode())
        if not isinstance(self.schedule.loss, ByTask):
            hasher.update(loss_name(self.schedule.loss).encode())
        for path, leaf in tree.flatten(seen).items():
            hasher.update(str((path, leaf.dtype, tuple(leaf.shape))).encode())
            hasher.update(leaf.detach().cpu().contiguous().numpy().tobytes())
        return hasher.hexdigest()

    def check_fits(self, name: str, task: AbstractTask) -> None:
        """InputError where the set, called `name`, cannot be of the data of a task."""
        if self.classes != tuple(task.classes):
            raise InputError(f"{name}: of the classes {', '.join(self.classes)}; expected those of {task.name}")
        shape = tree.map(lambda leaf: tuple(leaf.shape[1:]), self.batch.inputs)
        if isinstance(task.shape, tuple) and shape != task.shape:
            raise InputError(f"{name}: inputs of the shape {shape}, expected {task.shape}, those of {task.name}")

    def __len__(self) -> int:
        return len(self.batch.classes)

    def __getitem__(self, index: int) -> tuple[Tree, Tree]:
        batch = self.batch
        label = batch.classes if self.label_mode == HARD else batch.targets
        return tree.map(lambda leaf: leaf[index], (batch.inputs, label))

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, DistilledSet) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    def loader(self, batch_size: int | None = None, shuffle: bool = True, **options: Any) -> DataLoader:
        """Batches of the set for a training loop of yours, of all items by default; `options` are those of DataLoader.

        Pairs are as the set gives them: (inputs, classes) where labels are hard, else (inputs, targets).
        """
        from torch.utils.data import DataLoader

        return DataLoader(self, len(self) if batch_size is None else batch_size, shuffle, **options)

    def __repr__(self) -> str:
        data, size = self.data.get("name", "unknown data"), self.budget.bytes
        first = f"DistilledSet({data}, {len(self)} items, {self.label_kind} labels, {size:,} bytes, {self.digest[:12]};"
        count = len(self.classes)
        classes = f"{count} classes, {self.per_class} per class, " if count > 1 else ""
        return f"{first}\n             {classes}{made_by(self.spec)})"

    def _repr_html_(self) -> str:
        from limbeck.show import html

        return html(self)

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
        return header_of(self)

    def save(self, path: str | Path) -> None:
        """Write the set to `path`, whole or not at all; InputError where it cannot be written."""
        tensors = {
            **tree.flatten(self.stored, "params"),
            **tree.flatten(self.schedule, "schedule"),
            **tree.flatten(self.codec.to_tensors(), "codec"),
            **tree.flatten(self.initialisation or {}, "initialisation"),
        }
        write_tensors(Path(path), tensors, self.header())

    @classmethod
    def load(cls, path: str | Path) -> DistilledSet:
        """Read a set; no pickle is involved. InputError for a missing, damaged or foreign file, or another format."""
        tensors, header = read_tensors(Path(path))
        check_header(path, header)
        try:
            parts = tree.nest(tensors)
            params = parts["params"]
            loaded = cls(
                params=Parameters(params.get("learned", {}), params.get("fixed", {})),
                parameterization=_parameterization(header["parameterization"]),
                schedule=Schedule.from_tensors(
                    parts["schedule"], rule_named(header["rule"]), loss_named(header.get("loss", "task-loss"))
                ),
                codec=codec_of(header["codec"], parts.get("codec", {})),
                classes=tuple(header["classes"]),
                data=header["data"],
                spec=header["spec"],
                scores=tuple(header["scores"]),
                version=header["version"],
                initialisation=parts.get("initialisation"),
            )
            _check(loaded, header)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        except (KeyError, TypeError, ValueError, RuntimeError, IndexError, AttributeError) as error:
            reason = (str(error).splitlines() or [""])[0]
            raise DamagedError(
                f"{path}: damaged ({type(error).__name__}: {reason}); copy or make the file again"
            ) from error
        return loaded


def _parameterization(spec: Any) -> AbstractParameterization:
    part: AbstractParameterization = from_spec(spec)
    if type(part) not in PARAMETERIZATIONS.parts.values():
        raise ValueError(f"{spec} is not a parameterization")
    return part


def _check(loaded: DistilledSet, header: dict[str, Any]) -> None:
    """Raise ValueError where the parts of a file do not belong together."""
    batch, count = loaded.batch, len(loaded)
    if wrong := fault_of(batch):
        raise ValueError(wrong)
    if not 0 <= int(batch.classes.min()) <= int(batch.classes.max()) < max(len(loaded.classes), 1):
        raise ValueError(f"a class outside 0..{len(loaded.classes) - 1}")
    if loaded.label_mode != header["labels"] or loaded.budget._asdict() != header["budget"]:
        raise ValueError(f"{loaded.label_mode} labels in {loaded.budget.bytes} bytes, the header says otherwise")
    if header.keys() & DESCRIBED and any(header.get(name) != said for name, said in described(loaded).items()):
        raise ValueError("what is stored, and of how many items, is not what the header says")
    if not tree.finite(loaded.stored) or not tree.finite((loaded.schedule, loaded.initialisation or {})):
        raise ValueError("a value that is not finite")
    if any(len(leaf) != count for leaf in tree.leaves(loaded.schedule.labels)):
        raise ValueError("labels of its training loss for other items than there are")
    if int(loaded.schedule.order.max()) >= count:
        raise ValueError("a schedule of items that are not there")

"""What a store holds of sets that were explained and scored before: read again, never computed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any

import torch

from limbeck.core.contracts import AbstractProtocol, AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.family import part_name, to_spec
from limbeck.core.findings import Finding
from limbeck.core.version import ALGORITHM
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import Score
from limbeck.explanation import EFFORTS, SPLIT
from limbeck.protocols import protocols
from limbeck.recipes import SELECTIONS
from limbeck.recipes.baselines import BASELINES, BYTES
from limbeck.runs.again import known_again
from limbeck.runs.scoring import NamedSet, entries_of, known
from limbeck.runs.session import Session
from limbeck.runs.store import Store

DEVICES = ("cpu", "cuda")
"""The kinds of devices whose scores are read back; none needs to be here."""
READ_BACK = tuple(dict.fromkeys((*BASELINES, *(f"{name}:{BYTES}" for name in BASELINES if name in SELECTIONS))))
"""The baselines whose scores are read back."""
SCORED = {field.name for field in fields(Score) if field.default is MISSING}


@dataclass(frozen=True)
class Kept:
    """A finding that was kept, and how thoroughly it was asked."""

    finding: Finding
    efforts: tuple[str, ...]
    """The names of the budgets that ask so; none where a probe had options of its own."""
    evaluation_size: int
    """How many test examples it was measured on; 0 for all."""
    written: float
    """When, in seconds since 1970."""

    @property
    def rank(self) -> tuple[int, float]:
        """How much it counts beside others of its probe: by how thorough, then by how new.

        The full budget comes before all; what was measured on all test examples before what was not.
        """
        return (2 if "full" in self.efforts else int(self.evaluation_size == 0), self.written)

    @property
    def thoroughness(self) -> str:
        """How it was asked, in words."""
        examples = f"at most {self.evaluation_size:,} test examples" if self.evaluation_size else "all test examples"
        return f"{' and '.join(self.efforts) or 'own options'}, {examples}"


def findings(
    store: Store, distilled_sets: Sequence[tuple[str, DistilledSet]], network: str, fingerprint: str
) -> list[list[Kept]]:
    """For each set, under its name, one kept finding of each probe: the one of the highest `Kept.rank`.

    Those of the network of that name on the data of that fingerprint, by the algorithms of now; probes in the order of
    the budgets, then by name.
    """
    best: dict[tuple[str, str], Kept] = {}
    for document, written in store.noted():
        kept = _kept(document, written)
        basis = (document.get("network"), document.get("data"), document.get("algorithm"))
        if kept is None or basis != (network, fingerprint, ALGORITHM):
            continue
        place = (str(document.get("set")), kept.finding.probe)
        best[place] = max(best.get(place, kept), kept, key=lambda one: one.rank)
    order = [part_name(type(probe)) for probe in EFFORTS["full"].probes]
    found = []
    for name, distilled in distilled_sets:
        mine = [kept for (digest, _), kept in best.items() if digest == distilled.digest]
        mine.sort(key=lambda kept: (_index(order, kept.finding.probe), kept.finding.probe))
        found.append([replace(kept, finding=replace(kept.finding, set=name)) for kept in mine])
    return found


def scores(session: Session, sets: Sequence[NamedSet], task: AbstractTask) -> list[dict[str, Any]]:
    """The rows that `limbeck evaluate` would give as far as learners were trained before, for every published protocol.

    Networks are the one that each set was distilled with and those of the scores in its header. Where its header has a
    row of a set over more distillations than the store has, or one that the store has not, the header's stands there,
    under the name that the set has now.
    """
    headed = (
        {**score, "set": name}
        for name, _, distilled in sets
        for score in distilled.scores
        if score.keys() >= SCORED and score["split"] == SPLIT
    )
    carried = {_place(row): row for row in headed}
    networks = [distilled.spec["network"] for _, _, distilled in sets] + [row["network"] for row in carried.values()]
    here = dict.fromkeys(name for network in networks for name in _names(task, network))
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for device in map(torch.device, DEVICES):
        again = known_again(session, task, sets, device)
        for protocol in protocols().values():
            if not _learns(protocol, task, tuple(here)):
                continue
            try:
                entered = entries_of(session, task, sets, tuple(here), protocol, READ_BACK, again)
            except InputError:
                if not protocol.uses_own:
                    raise
                # By a schedule that leads nowhere nothing was ever scored.
                continue
            for score in known(session, [each.on(device) for each in entered], protocol):
                row = score.row()
                # Learners of several devices are no one sample: those of the device that trained the most stand there.
                rows[_place(row)] = max(rows.get(_place(row), row), row, key=_breadth)
    kept = {place: row for place, row in carried.items() if place not in rows or row["seeds"] > rows[place]["seeds"]}
    return [*kept.values(), *(row for place, row in rows.items() if place not in kept)]


def _breadth(row: Mapping[str, Any]) -> tuple[int, int]:
    """How much a row rests on: by distillations, then by learners."""
    return row["seeds"], row["n"]


def _place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells a row of scores from every other."""
    return tuple(row[name] for name in ("set", "network", "protocol", "per_class", "beside"))


def _names(task: AbstractTask, network: str) -> tuple[str, ...]:
    """The full name of a network; none of one that is unknown here: another package may have brought it elsewhere."""
    try:
        return (task.network(network).name,)
    except InputError:
        return ()


def _learns(protocol: AbstractProtocol, task: AbstractTask, networks: Sequence[str]) -> bool:
    """Whether a protocol has learners of a task: one that brings its own may have none."""
    try:
        return all(protocol.learner(task, task.network(each)) is not None for each in networks[:1])
    except InputError:
        return False


def _kept(document: dict[str, Any], written: float) -> Kept | None:
    """The finding of a document; None, with a warning, where it holds none."""
    try:
        finding = Finding.of(document["finding"])
        evaluation_size = int(document["evaluation"][1])
        # What a budget asks for but on other examples is not what that budget finds.
        alike = {name: effort for name, effort in EFFORTS.items() if effort.evaluation_size == evaluation_size}
        efforts = tuple(name for name, effort in alike.items() if document["probe"] in map(to_spec, effort.probes))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        warnings.warn(f"a finding that cannot be read ({type(error).__name__}: {error}) is left out", stacklevel=2)
        return None
    return Kept(finding, efforts, evaluation_size, written)


def _index(order: list[str], name: str) -> int:
    return order.index(name) if name in order else len(order)

"""An evaluation as a whole: sets and baselines under networks, their learners trained side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from limbeck.core.contracts import Problem
from limbeck.core.errors import InputError
from limbeck.core.family import to_spec
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import AbstractContestant, OfAll, OfSet, Score, baseline, place, summarise
from limbeck.learn.protocol import Protocol
from limbeck.runs.executor import Job, fan_out
from limbeck.runs.store import Store
from limbeck.tasks import ImageTask, reload

SPLIT = "test"
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Contest:
    """Who is scored under which networks, by which protocol and how many learners each."""

    entries: tuple[tuple[AbstractContestant, str, dict[str, Any]], ...]
    """Each contestant, and the kind and fields by which a worker makes it again."""
    networks: tuple[str, ...]
    protocol: Protocol
    repeats: int
    steps: int
    data: dict[str, Any]
    data_root: Path | None
    task: ImageTask

    @classmethod
    def of(
        cls,
        distilled_sets: Sequence[tuple[str, Path, DistilledSet]],
        networks: Sequence[str],
        protocol: Protocol,
        repeats: int,
        baselines: Sequence[str],
        data: str,
        data_root: Path | None,
    ) -> Contest:
        """The sets (name, file, set), then each baseline once for every stored size among them.

        Raises InputError for sets of different data, and for a baseline or network that is not known.
        """
        source = one_source(distilled_sets, data)
        first = distilled_sets[0][2]
        task = reload(source, data_root)
        names = tuple(task.network(network).name for network in networks or (first.spec["network"],))
        entries: list[tuple[AbstractContestant, str, dict[str, Any]]] = [
            (OfSet.of(name, distilled), "set", {"path": str(path)}) for name, path, distilled in distilled_sets
        ]
        for known in baselines:
            for one in dict.fromkeys(baseline(known, distilled, task) for _, _, distilled in distilled_sets):
                entries.append((one, "all" if isinstance(one, OfAll) else "start", asdict(one)))
        steps = _steps(protocol, len(first))
        return cls(tuple(entries), names, protocol, repeats, steps, source, data_root, task)

    def hold(
        self, store: Store, workers: int, device: torch.device, watch: Callable[[int, int, str], None]
    ) -> list[Score]:
        """The row of every contestant under every network, in that order of networks, then contestants."""
        rounds = [(network, *entry) for network in self.networks for entry in self.entries]
        asked = [(one, seed) for one in rounds for seed in range(self.repeats)]
        found = [self._known(store, network, entry, seed) for (network, entry, *_), seed in asked]
        missing = [index for index, value in enumerate(found) if value is None]
        done = len(asked) - len(missing)

        def tell(index: int) -> None:
            nonlocal done
            done += 1
            (network, entry, *_), _member = asked[missing[index]]
            watch(done, len(asked), f"{entry.name} on {network}")

        jobs = [self._job(store, device, *asked[index][0], asked[index][1]) for index in missing]
        for index, value in zip(missing, fan_out(jobs, workers, tell), strict=True):
            found[index] = value
        groups = [found[start : start + self.repeats] for start in range(0, len(found), self.repeats)]
        return [
            summarise(entry, network, self.protocol, SPLIT, [value for value in values if value is not None])
            for (network, entry, *_), values in zip(rounds, groups, strict=True)
        ]

    def under(self, protocol: Protocol) -> Contest:
        """The same contest by another protocol."""
        (first, *_), *_others = self.entries
        assert isinstance(first, OfSet)
        return replace(self, protocol=protocol, steps=_steps(protocol, len(first.distilled)))

    def standing(self, store: Store) -> list[Score]:
        """The rows as far as they are known: all learners 0, 1, ... up to the first that is not in the store.

        Nothing is trained; a contestant without a learner has no row. How many are asked for does not matter.
        """
        rows = []
        for network in self.networks:
            for entry, *_ in self.entries:
                values: list[float] = []
                while (value := self._known(store, network, entry, len(values))) is not None:
                    values.append(value)
                if values:
                    rows.append(summarise(entry, network, self.protocol, SPLIT, values))
        return rows

    def _known(self, store: Store, network: str, entry: AbstractContestant, seed: int) -> float | None:
        """The score of a learner that was trained before."""
        problem = Problem(self.task, self.task.network(network), CPU, store)
        found = store.recall(problem.address(*place(entry, self.protocol, self.steps, SPLIT, seed)))
        return None if found is None else float(found["accuracy"])

    def _job(
        self,
        store: Store,
        device: torch.device,
        network: str,
        _entry: AbstractContestant,
        kind: str,
        fields: dict[str, Any],
        seed: int,
    ) -> Job:
        return {
            "do": "score",
            "store": str(store.root.absolute()),
            "device": str(device),
            "data": self.data,
            "data_root": None if self.data_root is None else str(self.data_root),
            "network": network,
            "kind": kind,
            "entry": fields,
            "protocol": to_spec(self.protocol),
            "steps": self.steps,
            "split": SPLIT,
            "member": seed,
        }


def _steps(protocol: Protocol, count: int) -> int:
    """How many steps a protocol trains on a set of `count` items."""
    return len(protocol.schedule(count, Key()).learning_rates)


def one_source(distilled_sets: Sequence[tuple[str, Path, DistilledSet]], data: str) -> dict[str, Any]:
    """The reference of the data that all the sets are of, found under the name `data` where one is given.

    Raises InputError for sets of different data.
    """
    first = distilled_sets[0][2]
    for name, _, distilled in distilled_sets[1:]:
        if distilled.data["fingerprint"] != first.data["fingerprint"]:
            raise InputError(
                f"{name}: of other data than {distilled_sets[0][0]}; ask about sets of different data apart"
            )
    return {**first.data, "name": data or first.data["name"]}

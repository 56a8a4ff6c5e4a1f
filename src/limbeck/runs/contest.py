"""An evaluation as a whole: sets and baselines under networks, their learners trained side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from limbeck.core.family import to_spec
from limbeck.core.key import Key
from limbeck.core.refusal import Refusal
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import AbstractContestant, OfAll, OfSet, Score, baseline, summarise
from limbeck.learn.protocol import Protocol
from limbeck.runs.executor import Job, fan_out
from limbeck.runs.store import Store
from limbeck.tasks import reload

SPLIT = "test"


@dataclass(frozen=True)
class Contest:
    """Who is scored under which networks, by which protocol and how many learners each."""

    entries: tuple[tuple[AbstractContestant, str, dict[str, Any]], ...]
    """Each contestant, and the kind and fields by which a worker makes it again."""
    networks: tuple[str, ...]
    protocol: Protocol
    members: int
    steps: int
    data: dict[str, Any]
    data_root: Path | None

    @classmethod
    def of(
        cls,
        subjects: Sequence[tuple[str, Path, DistilledSet]],
        networks: Sequence[str],
        protocol: Protocol,
        members: int,
        baselines: Sequence[str],
        data: str,
        data_root: Path | None,
    ) -> Contest:
        """The sets (name, file, set), then each baseline once for every stored size among them.

        Raises Refusal for sets of different data, and for a baseline or network that is not known.
        """
        source = one_source(subjects, data)
        first = subjects[0][2]
        task = reload(source, data_root)
        names = tuple(task.network(network).name for network in networks or (first.spec["network"],))
        entries: list[tuple[AbstractContestant, str, dict[str, Any]]] = [
            (OfSet.of(name, subject), "set", {"path": str(path)}) for name, path, subject in subjects
        ]
        for known in baselines:
            for one in dict.fromkeys(baseline(known, subject, task) for _, _, subject in subjects):
                entries.append((one, "all" if isinstance(one, OfAll) else "start", asdict(one)))
        steps = len(protocol.schedule(len(first), Key()).step_sizes)
        return cls(tuple(entries), names, protocol, members, steps, source, data_root)

    def hold(
        self, store: Store, workers: int, device: torch.device, watch: Callable[[int, int, str], None]
    ) -> list[Score]:
        """The row of every contestant under every network, in that order of networks, then contestants."""
        rounds = [(network, *entry) for network in self.networks for entry in self.entries]
        jobs = [self._job(store, device, *one, member) for one in rounds for member in range(self.members)]
        done = 0

        def tell(index: int) -> None:
            nonlocal done
            done += 1
            network, entry, *_ = rounds[index // self.members]
            watch(done, len(jobs), f"{entry.name} on {network}")

        found = fan_out(jobs, workers, tell)
        groups = [found[start : start + self.members] for start in range(0, len(found), self.members)]
        return [
            summarise(entry, network, self.protocol, SPLIT, values)
            for (network, entry, *_), values in zip(rounds, groups, strict=True)
        ]

    def _job(
        self,
        store: Store,
        device: torch.device,
        network: str,
        _entry: AbstractContestant,
        kind: str,
        fields: dict[str, Any],
        member: int,
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
            "member": member,
        }


def one_source(subjects: Sequence[tuple[str, Path, DistilledSet]], data: str) -> dict[str, Any]:
    """The reference of the data that all the sets are of, found under the name `data` where one is given.

    Raises Refusal for sets of different data.
    """
    first = subjects[0][2]
    for name, _, subject in subjects[1:]:
        if subject.data["fingerprint"] != first.data["fingerprint"]:
            raise Refusal(f"{name}: of other data than {subjects[0][0]}; ask about sets of different data apart")
    return {**first.data, "name": data or first.data["name"]}

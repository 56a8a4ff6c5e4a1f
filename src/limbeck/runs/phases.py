"""Several distillations one after the other, with the experts that they follow, as counted phases of a longer work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from limbeck.core.errors import InputError
from limbeck.distilled_set import DistilledSet
from limbeck.runs.library import Library, followed
from limbeck.runs.plan import Plan, carry_out
from limbeck.runs.store import Store

Watch = Callable[[str, float, float, str], None]
"""watch(phase, done, total, doing): `done` of `total` of a phase are done, in units of the phase's own."""


@dataclass
class Phases:
    """The phases of a study, counted, and the distillations that come first."""

    store: Store
    plans: Mapping[str, Plan]
    watch: Watch
    begun: int = 0

    def __post_init__(self) -> None:
        self.count = len(self.plans) + 2 + sum(len(self._libraries(plan)) for plan in self.plans.values())

    def begin(self, name: str) -> Callable[[float, float, str], None]:
        """Tell that a phase begins; what is to be told of it."""
        self.begun += 1
        phase = f"{self.begun} of {self.count}: {name}"
        self.watch(phase, 0, 0, "")
        return lambda done, total, doing: self.watch(phase, done, total, doing)

    def distil(
        self, folder: Path, data_root: Path | None, workers: int, device: torch.device, compiled: bool | None
    ) -> dict[str, Path]:
        """Carry out every plan, after training the experts it follows, and tell the files of the sets."""
        paths = {}
        for name, plan in self.plans.items():
            for library in self._libraries(plan):
                self._train(library, f"experts for {name}", workers, device, data_root)
            tell = self.begin(f"distil {name}")

            def stepped(
                step: int,
                total: int,
                loss: float | None,
                score: float | None,
                tell: Callable[[float, float, str], None] = tell,
            ) -> None:
                said = [] if loss is None else [f"loss {loss:.4g}"]
                said += [] if score is None else [f"validation {100 * score:.1f} %"]
                tell(step, total, ", ".join(said) or "steps")

            made, _ = carry_out(plan, self.store, device, stepped, compile=compiled)
            paths[name] = folder / f"{name}.safetensors"
            keep(made, paths[name])
        return paths

    def _train(self, library: Library, name: str, workers: int, device: torch.device, data_root: Path | None) -> None:
        tell = self.begin(name)
        library.complete(workers, device, data_root, lambda done, count: tell(done, count, "trained"))

    def _libraries(self, plan: Plan) -> list[Library]:
        """The experts that a plan follows, unless it was carried out before."""
        network = plan.task.network(plan.network)
        parts = [] if self.store.at(plan.spec).result.exists() else followed(plan.recipe)
        return [Library(self.store, plan.task, network, experts) for experts in parts]


def keep(made: DistilledSet, path: Path) -> None:
    """Write a set, unless the file has it with these scores or more: one that is the same stays untouched."""
    try:
        there = DistilledSet.load(path)
    except InputError:
        made.save(path)
        return
    same = (there.digest, there.spec, there.data) == (made.digest, made.spec, made.data)
    if not same or any(score not in there.scores for score in made.scores):
        made.save(path)

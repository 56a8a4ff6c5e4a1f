"""An examination as a whole: the experiments of all probes on all sets, side by side, and the findings they lead to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from limbeck.core.family import part_name, spec_id, to_spec
from limbeck.core.findings import Finding
from limbeck.core.probing import AbstractExperiment, AbstractProbe, ProbeContext
from limbeck.learn.compiled import pays
from limbeck.probes.experiments.training import REAL_BATCH, Training
from limbeck.runs.executor import Job, fan_out
from limbeck.runs.store import Store

GAIN = 2.0
"""How much faster compiled training is than eager, about: 2.6 times at ConvNet width 16 and 1.4 at width 32."""
STARTING, COMPILING = 5.0, 35.0
"""About how many seconds a worker takes to start, and to compile."""
TRIAL = Training(None, steps=3, batch=REAL_BATCH, reads=())
"""What the speed of this machine is measured by."""

Watch = Callable[[float, float, str], None]
"""watch(done, total, doing): about how many seconds of work are done, and there are in all."""


class Work(NamedTuple):
    """An experiment on the set of a file, and about how many floating point operations it takes."""

    experiment: AbstractExperiment
    context: ProbeContext
    path: Path
    flops: float


@dataclass(frozen=True)
class Examination:
    """Sets (each a case and the file it is in) under probes."""

    distilled_sets: tuple[tuple[ProbeContext, Path], ...]
    probes: tuple[AbstractProbe, ...]
    data: dict[str, Any]
    data_root: Path | None

    def stages(self) -> list[list[Work]]:
        """All experiments, each once, in stages that need nothing but those before; the longest of a stage first."""
        found: dict[str, Work] = {}
        depths: dict[str, int] = {}

        def add(experiment: AbstractExperiment, context: ProbeContext, path: Path) -> int:
            name = spec_id(context.address(experiment))
            if name not in found:
                found[name] = Work(experiment, context, path, experiment.flops(context))
                depths[name] = max((1 + add(need, context, path) for need in experiment.needs()), default=0)
            return depths[name]

        for context, path in self.distilled_sets:
            for probe in self.probes:
                for experiment in probe.experiments(context):
                    add(experiment, context, path)
        stages: list[list[Work]] = [[] for _ in range(max(depths.values(), default=-1) + 1)]
        for name, work in sorted(found.items(), key=lambda pair: -pair[1].flops):
            stages[depths[name]].append(work)
        return stages

    def carry_out(
        self,
        store: Store,
        workers: int,
        watch: Watch,
        tell: Callable[[float], None],
        compiled: bool | None = None,
    ) -> None:
        """Do the experiments that are missing, each kept as soon as it is done.

        `tell(seconds)` is told first about how long they will take, by a short measurement. Whether they run as
        compiled code is decided by all there are, so that an examination that was interrupted goes on as it began.
        """
        stages = self.stages()
        missing = [
            [work for work in stage if not store.holds(work.context.address(work.experiment))] for stage in stages
        ]
        missing = [stage for stage in missing if stage]
        if not missing:
            return
        context = self.distilled_sets[0][0]
        if compiled is None:
            compiled = pays(sum(work.flops for stage in stages for work in stage), context.problem.device)
        rate = speed(context) * (GAIN if compiled else 1) * workers
        before = STARTING + (COMPILING if compiled else 0)
        total = sum(work.flops for stage in missing for work in stage) / rate + before * len(missing)
        tell(total)
        done = 0.0
        for stage in missing:

            def finished(work: Work) -> None:
                nonlocal done
                done += work.flops / rate
                watch(done, total, part_name(type(work.experiment)))

            watch(done, total, part_name(type(stage[0].experiment)))
            jobs = [self._job(store, work, compiled) for work in stage]
            fan_out(jobs, workers, lambda index, stage=stage: finished(stage[index]))  # type: ignore[misc]
            done += before

    def findings(self, store: Store, watch: Watch) -> Iterator[Finding]:
        """The finding of every probe on every set, probe by probe; each is kept in the store."""
        count = len(self.probes) * len(self.distilled_sets)
        for index, (probe, context) in enumerate(
            (probe, context) for probe in self.probes for context, _ in self.distilled_sets
        ):
            watch(index, count, part_name(type(probe)))
            finding = probe.find(context)
            store.note(address_of(context, probe), finding.document())
            yield finding

    def _job(self, store: Store, work: Work, compiled: bool) -> Job:
        problem = work.context.problem
        return {
            "do": "experiment",
            "store": str(store.root.absolute()),
            "device": str(problem.device),
            "compiled": compiled,
            "data": self.data,
            "data_root": None if self.data_root is None else str(self.data_root),
            "network": problem.network.name,
            "set": str(work.path),
            "name": work.context.distilled.name,
            "judged": work.context.judged,
            "experiment": to_spec(work.experiment),
        }


def address_of(context: ProbeContext, probe: AbstractProbe) -> dict[str, Any]:
    """Where a finding is kept: all that determines it."""
    return {
        "probe": to_spec(probe),
        "set": context.distilled.digest,
        "data": context.problem.task.fingerprint,
        "network": context.problem.network.name,
        "judged": [context.split, context.judged],
    }


def speed(context: ProbeContext) -> float:
    """The floating point operations a second of training on real data, eagerly: a short measurement."""
    for _ in range(2):  # The first time is to warm up.
        begun = time.perf_counter()
        TRIAL.run(context)
        seconds = time.perf_counter() - begun
    return TRIAL.flops(context) / seconds

"""Appendices A, B and F of Yang et al. (ICML 2024) at small scale: one row for each number that was found.

    python benchmarks/appendix_b.py --stage idc|fred|tiny|rates|starts|all --out FOLDER [--minutes 40]
    python benchmarks/appendix_b.py --stage all --data digits --network convnet-w4-d2 --toy --out FOLDER

- idc, fred: sets as IDC and FreD make them (figure 19) of CIFAR-10. Is real data that is added to them of use, and do
  learners of them predict like learners of real data that were stopped early, or like those of few real examples?
- tiny: the same of Tiny ImageNet's 10 classes at 64 pixels, beside a set of pixels (figure 18).
- rates: sets of trajectory matching whose learning rate is learned, and whose rate stays (figure 15): where that rate
  goes, how the loss curves along real training, and what learners come to.
- starts: sets of back-propagation through training that began as real images, as nearly grey ones, and as noise (table
  2): what other networks come to on them, each by the best of the same draws of training settings.

These are likenesses: IDC's tiles are matched by gradients of networks that are trained on the set, not on real images,
and learners of its sets see no CutMix; FreD's masks and coefficients are those of the source. Real images, as many of
each class, go through the same, and are printed beside. How long a stage takes is said before it, from a few steps that
are tried; the folder keeps what is done, and the same command goes on from there. With --minutes a stage is stopped
after so many. LIMBECK_DATA names the folder of the data.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch

import limbeck
from limbeck.composition import Recipe
from limbeck.computations import Chosen, Mixture, Search, Training
from limbeck.computations.experts import Experts, followed
from limbeck.core.contracts import AbstractSchedule, AbstractStart, AbstractTask
from limbeck.core.findings import Fact, Finding
from limbeck.core.progress import AbstractProgress
from limbeck.distilled_set import DistilledSet
from limbeck.explanation import context_of, effort_of
from limbeck.forecast import Measured, forecast
from limbeck.judging import protocol_of
from limbeck.learn.optim import SGD, Adam
from limbeck.learn.rules import Momentum
from limbeck.objectives import Distribution, Gradient, Trajectory, Unrolled
from limbeck.parameterizations import Frequency, Multiformation
from limbeck.probes.agreement import Agreement
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.cross_architecture import CrossArchitecture
from limbeck.probes.curvature import Curvature
from limbeck.probes.mixing import Mixing
from limbeck.runs.experts import complete_experts, missing_experts
from limbeck.runs.graph import Graph, Request
from limbeck.runs.plan import Plan, run_plan
from limbeck.runs.session import Session
from limbeck.schedules import Fixed, UnconstrainedRates
from limbeck.starts import Noise, Real, Xavier
from limbeck.statistics.decisions import LEAST
from limbeck.statistics.estimates import estimate

READ = effort_of("quick", ("mixing",)).evaluation_size
"""Test examples that learners are read on, as `limbeck explain --effort quick` does."""
WIDE = 0.01
"""The learning rate that the paper trains by, and that learned ones begin at."""


@dataclass(frozen=True)
class Sizes:
    """How much is done of everything."""

    matching: int = 300
    """Steps of gradient matching."""
    means: int = 1000
    """Steps of distribution matching."""
    trajectories: int = 80
    """Steps of trajectory matching."""
    unrolled: int = 150
    """Steps of back-propagation through training."""
    inner: int = 20
    """Steps of a student, and of a training that is gone back through."""
    experts: int = 4
    epochs: int = 10
    seeds: int = 3
    """Distillations of trajectory matching; of back-propagation through training there is one for each start."""
    learners: int = 5
    mixing: Mixing = Mixing(added=(0, 2, 10, 50), repeats=5)
    agreement: Agreement = Agreement(matched=10, subsets=24, trajectories=6, decayed=0, repeats=5)
    curvature: Curvature = Curvature(places=3, images=20, relative=0.15, most=32, starts=1, iterations=20, ends=1)
    crossed: CrossArchitecture = CrossArchitecture(
        ("lenet", "mlp", "convnet-w16-batch", "vit"), draws=4, repeats=3, beside=3, steps=(50, 100), sample=1000
    )


SMALL = Sizes(
    matching=60,
    means=200,
    mixing=Mixing(added=(0, 2, 10), repeats=3),
    agreement=Agreement(matched=6, subsets=8, trajectories=4, decayed=0, repeats=3),
)
"""Of images of 64 pixels, each of which takes four times as long."""
TOY = Sizes(
    matching=2, means=3, trajectories=4, unrolled=2, inner=2, experts=1, epochs=3, seeds=2, learners=2,
    mixing=Mixing(added=(0, 2), repeats=2),
    agreement=Agreement(matched=3, subsets=3, trajectories=3, decayed=0, repeats=2),
    curvature=Curvature(
        every=50, places=1, images=2, relative=0.5, most=4, starts=1, iterations=2, ends=1, repeats=1
    ),
    crossed=CrossArchitecture(("mlp",), draws=2, repeats=2, beside=2, steps=(5,), sample=20),
)  # fmt: skip
"""Enough to see that it runs."""


class Row(NamedTuple):
    """A number that was found, and what as many real images come to."""

    stage: str
    set: str
    found: Fact
    real: Fact | None = None
    said: str = ""
    """What the probe says of it, once for each finding."""

    def line(self) -> str:
        """The row of a table."""
        beside = told(self.real) if self.real else ""
        return f"| {self.stage} | {self.set} | {self.found.name} | {told(self.found)} | {beside} | {self.said} |"


def told(fact: Fact) -> str:
    """A number with its interval and n."""
    value, low, high = (f"{each:.4g}" for each in fact[1:4])
    return value if fact.n < 2 else f"{value} ({low} to {high}, n {fact.n})"


class Told(Exception):
    """It was said how long a stage takes."""


class Lines(AbstractProgress):
    """Tells phases and about how long they take, a line each."""

    def phase(self, name: str) -> None:
        """A line."""
        print(f"  {name}", flush=True)

    def estimate(self, seconds: float) -> None:
        """Known to the minute."""
        if seconds >= 60:
            print(f"  about {seconds / 60:.0f} core minutes", flush=True)

    def update(self, done: float, total: float, doing: str, news: str = "", unit: str = "") -> None:
        """Nothing: it may go to a file."""


@dataclass(frozen=True)
class Work:
    """What a stage is done with."""

    stage: str
    session: Session
    data: str
    network: str
    out: Path
    sizes: Sizes
    only_told: bool = False

    @functools.cached_property
    def task(self) -> AbstractTask:
        """The data."""
        return limbeck.load(self.data, root=self.session.data_root)

    def plan(self, recipe: Recipe, ipc: int, seed: int = 0) -> Plan:
        """A distillation, which is not checked on the way."""
        return Plan(self.task, recipe, self.network, ipc, seed, checks=0)

    def tell(self, plans: Mapping[str, Sequence[Plan]], probes: Sequence[AbstractProbe]) -> None:
        """Say how long distillations and what is asked of them take; Told where that is all that is asked for."""
        recipes = [each.recipe for seeds in plans.values() for each in seeds]
        measured = Measured(probes, READ, protocol_of(recipes, "yang2024"), (), 0)
        print(f"{self.stage}: {forecast(self.session, plans, measured)}", flush=True)
        if self.only_told:
            raise Told
        experts = [each for recipe in recipes for each in followed(recipe)]
        if missing_experts(self.session, self.task, self.network, experts):
            complete_experts(self.session, self.task, self.network, experts, f"{self.stage}: experts")
            print(f"{self.stage}: {forecast(self.session, plans, measured)}", flush=True)

    def made(self, plans: Mapping[str, Sequence[Plan]]) -> dict[str, list[Path]]:
        """The files of all sets: one for each plan."""
        found: dict[str, list[Path]] = {}
        for name, seeds in plans.items():
            for plan in seeds:
                path = self.out / f"{self.stage}-{name}-{plan.seed}.safetensors"
                self.session.progress.phase(f"{self.stage}: distil {name}, seed {plan.seed}")
                run_plan(plan, self.session)[0].save(path)
                found.setdefault(name, []).append(path)
        return found

    def asked(self, paths: Mapping[str, Path], probes: Sequence[AbstractProbe]) -> Iterator[Row]:
        """What probes find of sets, a row for each number."""
        self.session.progress.phase(f"{self.stage}: explain {', '.join(paths)}")
        files = [str(path) for path in paths.values()]
        findings = limbeck.explain(files, probes=probes, effort="quick", network=self.network, session=self.session)
        names = dict(zip(files, paths, strict=True))
        for finding in findings:
            if finding.set in names:
                yield from rows_of(self.stage, names[finding.set], finding)

    def read(self, paths: Sequence[Path], asked: Sequence[Training | Chosen]) -> list[list[float]]:
        """For each set the test accuracies of the same learners."""
        problem = self.session.problem(self.task, self.network)
        contexts = [(context_of(problem, str(path), DistilledSet.load(path), READ), path) for path in paths]
        requests = [Request(each, context, path) for context, path in contexts for each in asked]
        Graph(requests, self.task.reference).complete(self.session)
        return [[float(context.outcome(each, "accuracy").flatten()[-1]) for each in asked] for context, _ in contexts]


def rows_of(stage: str, name: str, finding: Finding) -> Iterator[Row]:
    """The numbers of a finding, each beside that of real images; the first has the verdict."""
    beside = {fact.name: fact for fact in finding.control}
    for number, fact in enumerate(finding.facts):
        yield Row(stage, name, fact, beside.get(fact.name), "" if number else finding.verdict)


def paired(name: str, ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> Fact:
    """The mean difference of equal learners, with its interval over distillations, or where they are few over these."""
    apart = [[a - b for a, b in zip(*pair, strict=True)] for pair in zip(ours, theirs, strict=True)]
    if len(apart) >= LEAST:
        return estimate(f"{name}, over distillations", [sum(each) / len(each) for each in apart])
    return estimate(f"{name}, over learners of one distillation", apart[0])


def gradient_matched(work: Work, part: Multiformation | Frequency) -> Recipe:
    """Gradient matching of augmented images, as `dsa`, in few steps."""
    return Recipe(
        parameterization=part,
        objective=Gradient(outer=10, inner=10),
        optimizer=SGD(learning_rate=1.0, momentum=0.5),
        steps=work.sizes.matching,
    )


def mean_matched(work: Work, part: Frequency | None = None) -> Recipe:
    """Distribution matching, in few steps."""
    plain = Recipe(objective=Distribution(), optimizer=SGD(learning_rate=4.0, momentum=0.5), steps=work.sizes.means)
    return plain if part is None else replace(plain, parameterization=part)


def of_sets(work: Work, plans: Mapping[str, Sequence[Plan]]) -> list[Row]:
    """Mixing and agreement of the first set of every name."""
    probes = (work.sizes.mixing, work.sizes.agreement)
    work.tell(plans, probes)
    first = {name: paths[0] for name, paths in work.made(plans).items()}
    return list(work.asked(first, probes))


def idc(work: Work) -> list[Row]:
    """Figure 19, left: four images to a page, by gradient matching."""
    return of_sets(work, {"idc": [work.plan(gradient_matched(work, Multiformation()), 5)]})


def fred(work: Work) -> list[Row]:
    """Figure 19, right: frequencies by gradient and by distribution matching; the source keeps 32 and 64 of 1,024."""
    pixels = work.task.shape[1] * work.task.shape[2]
    fewer, more = Frequency(max(1, pixels // 32)), Frequency(max(1, pixels // 16))
    return of_sets(
        work,
        {
            "fred-dc": [work.plan(gradient_matched(work, fewer), 1)],
            "fred-dm": [work.plan(mean_matched(work, more), 1)],
        },
    )


def tiny(work: Work) -> list[Row]:
    """Figure 18: images of 64 pixels."""
    pixels = work.task.shape[1] * work.task.shape[2]
    return of_sets(
        work,
        {
            "dm": [work.plan(mean_matched(work), 10)],
            "idc": [work.plan(gradient_matched(work, Multiformation()), 2)],
            "fred-dm": [work.plan(mean_matched(work, Frequency(max(1, pixels // 16))), 1)],
        },
    )


def matched(work: Work, schedule: AbstractSchedule, steps: int) -> Recipe:
    """Trajectory matching, by a schedule."""
    sizes = work.sizes
    experts = Experts(count=sizes.experts, epochs=sizes.epochs)
    return Recipe(
        objective=Trajectory(experts=experts, latest=sizes.epochs - 2),
        schedule=schedule,
        schedule_optimizer=Adam(learning_rate=1e-4),
        optimizer=SGD(learning_rate=1000.0, momentum=0.5),
        steps=steps,
    )


def rates(work: Work) -> list[Row]:
    """Figure 15: a learned rate against one that stays, and where the learned one goes."""
    sizes = work.sizes
    stays = Fixed(steps=sizes.inner, learning_rate=WIDE, optimizer=Momentum(0.0))
    learns = UnconstrainedRates(around=stays, shared=True)
    # A run of fewer steps is the beginning of one of more.
    points = [max(1, sizes.trajectories * part // 4) for part in (1, 2, 4)]
    plans = {
        f"learned-{steps}": [work.plan(matched(work, learns, steps), 10, seed) for seed in range(sizes.seeds)]
        for steps in points
    }
    plans["fixed"] = [work.plan(matched(work, stays, points[-1]), 10, seed) for seed in range(sizes.seeds)]
    work.tell(plans, (sizes.curvature,))
    made = work.made(plans)
    found = []
    for steps in points:
        sets = [DistilledSet.load(path) for path in made[f"learned-{steps}"]]
        values = [float(each.schedule.learning_rates[0]) for each in sets]
        found.append(Row(work.stage, "learned", estimate(f"learned rate after {steps} steps, from {WIDE:g}", values)))
    ours, theirs = made[f"learned-{points[-1]}"], made["fixed"]
    for name, protocol in (("own rates", "own"), (f"rate {WIDE:g}", "yang2024")):
        learners = [Training(Mixture(), seed, protocol_of((), protocol)) for seed in range(sizes.learners)]
        read, beside = work.read(ours, learners), work.read(theirs, learners)
        gain = paired(f"accuracy by {name}, learned less fixed", read, beside)
        found.append(Row(work.stage, "learned", gain))
    return [*found, *work.asked({"learned": ours[0], "fixed": theirs[0]}, (sizes.curvature,))]


def starts(work: Work) -> list[Row]:
    """Table 2: what a set began as, on other networks, each trained by the best of its draws."""
    sizes, probe = work.sizes, work.sizes.crossed
    begun: dict[str, AbstractStart] = {"real": Real(), "xavier": Xavier(), "noise": Noise()}
    recipe = Recipe(
        objective=Unrolled(per_class=32),
        schedule=Fixed(steps=sizes.inner, learning_rate=WIDE, optimizer=Momentum(0.9)),
        optimizer=Adam(learning_rate=0.01),
        steps=sizes.unrolled,
    )
    plans = {name: [work.plan(replace(recipe, start=start), 10)] for name, start in begun.items()}
    work.tell(plans, (probe,))
    made = work.made(plans)
    found = []
    for name in ("", *probe.architectures):
        network = work.task.network(name).name if name else ""
        search = Search(
            Mixture(), network, probe.learning_rates, steps=probe.steps, batches=probe.batches, sample=probe.sample
        )
        learners = [Chosen(search, probe.draws, seed) for seed in range(1, probe.repeats + 1)]
        values = {start: work.read(paths, learners) for start, paths in made.items()}
        called = name or work.network
        for start in ("xavier", "noise"):
            gain = paired(f"accuracy on {called}, real less {start} start", values["real"], values[start])
            found.append(Row(work.stage, "real", gain))
    return [*found, *work.asked({name: paths[0] for name, paths in made.items()}, (probe,))]


class Stage(NamedTuple):
    """What is done, of what, with which network."""

    do: Callable[[Work], list[Row]]
    data: str = "cifar10"
    network: str = "convnet-w16"
    sizes: Sizes = Sizes()


STAGES = {
    "idc": Stage(idc),
    "fred": Stage(fred),
    "tiny": Stage(tiny, "tiny_imagenet_10", "convnet-w16-d4", SMALL),
    "rates": Stage(rates),
    "starts": Stage(starts),
}


def main() -> None:
    """Do the stages that are asked for, and write a table of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stage", required=True, choices=[*STAGES, "all"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", default="", help="other data for all stages")
    parser.add_argument("--network", default="")
    parser.add_argument("--toy", action="store_true", help="a few steps of everything, to see that it runs")
    parser.add_argument("--tell", action="store_true", help="say how long it takes, and do nothing")
    parser.add_argument("--minutes", type=float, default=None, help="when to stop a stage; what is done is kept")
    parser.add_argument("--data-root", default=None)
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    for name in STAGES if given.stage == "all" else (given.stage,):
        stage = STAGES[name]
        sizes = TOY if given.toy else stage.sizes
        with Session(
            given.out / "runs", workers=1, data_root=given.data_root, progress=Lines(), minutes=given.minutes
        ) as session:
            data, network = given.data or stage.data, given.network or stage.network
            try:
                rows = stage.do(Work(name, session, data, network, given.out, sizes, given.tell))
            except Told:
                continue
        lines = [
            "| stage | set | number | found | as many real images | said |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        table = "\n".join([*lines, *(row.line() for row in rows)])
        (given.out / f"{name}.md").write_text(table + "\n")
        print(table, flush=True)


if __name__ == "__main__":
    main()

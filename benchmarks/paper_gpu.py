"""Yang et al. (ICML 2024) at full width, on an accelerator, in pieces of some minutes: sets, scores, probes, claims.

    python benchmarks/paper_gpu.py --out FOLDER --minutes 9 [--stage paper|rates|published|all] [--pack FOLDER]
    python benchmarks/paper_gpu.py --toy --out FOLDER

Called again, it goes on; the exit code is 75 until all is done, and 1 where nothing was kept of a call. The settings of
the first call hold for all. FOLDER/paper-gpu.md has what is there so far. LIMBECK_DATA names the folder of the data.

- paper: four sets at 10 images a class, ConvNet width 128, at published settings: dc (GM), dm, mtt (TM) and bptt, and
  bptt from an Xavier start for table 2; each with as many of the published steps as fit into --set-minutes, by a trial
  of a few. mtt follows --experts experts (100 in the source) for the 16 epochs that a student may see. Then scores by
  the methods' own protocols and by that of the paper, every probe at --effort, and the claims of `paper_small.py`.
- rates: a step of limbeck's objectives beside the published loops of `literal.py`, in turn, in medians.
- published: other methods at their published settings, each for --published-minutes, scored by the protocol of its
  source or by that of the method it builds on.

With several --workers distillations and learners share the device, which one of this size does not fill; the steps that
fit are told for one alone. What must be kept to go on elsewhere is FOLDER; with --pack it is put into four files of 15
MiB at most after every call, and read from there where FOLDER has less. Experts are larger: where they had no room they
are trained again.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import paper_small
from objective_step import differences
from paper_small import METHODS, Answer, Found, less, mark, points, rows, together
from pieces import Folder, Stage, go_on, pack, unpack
from steps import LITERAL, Bench, Cell

import limbeck
from limbeck.composition import Recipe
from limbeck.computations.experts import Experts, followed
from limbeck.core.contracts import AbstractProtocol, AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.family import part_name
from limbeck.core.files import write_text
from limbeck.core.findings import Fact, Finding
from limbeck.core.progress import AbstractProgress, Silent
from limbeck.explanation import EFFORTS, askable
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.cross_architecture import CrossArchitecture
from limbeck.probes.mixing import Mixing
from limbeck.probes.tables.cross_architecture import NetworkRow
from limbeck.probes.tables.mixing import MixingRow
from limbeck.probes.tables.recognition import RecognitionRow
from limbeck.probes.verdicts.mixing import gain
from limbeck.probes.verdicts.substitution import ACCURACY
from limbeck.protocols import Epochs, named
from limbeck.recipes import RECIPES, recipe_for
from limbeck.runs.distilling import distil_together
from limbeck.runs.executors import AbstractExecutor
from limbeck.runs.experts import complete_experts
from limbeck.runs.plan import Plan
from limbeck.runs.session import Session, device_of
from limbeck.runs.trial import fitting
from limbeck.starts import Xavier
from limbeck.statistics.decisions import ABOVE, BELOW, corrected

SETS = ("dm", "dc", "mtt", "bptt")
XAVIER = "bptt-xavier"
OWN = {"dm": "dm", "dc": "dc", "mtt": "mtt"}
"""The protocols that the sources judge by; that of bptt is the paper's."""
PAPERS = "yang2024"
PUBLISHED_ACCURACY = {"bptt": 0.589, "mtt": 0.536, "dc": 0.460, "dm": 0.427}
"""By the paper's protocol, in its notebooks."""
NOISE = 0.01
"""How far two runs of the paper lie apart (N9): a set that is not further below is as strong as the paper's."""
LAST_EPOCH = 16
"""The last epoch of an expert that a student of mtt, fred-mtt or ddif at these sizes sees."""
OTHERS = (
    ("idc", 1, False, "idc"),
    ("idc", 10, False, "idc"),
    ("fred-dc", 1, False, "dc"),
    ("fred-dm", 2, False, "dm"),
    ("fred-mtt", 1, False, "mtt"),
    ("rtp", 1, False, PAPERS),
    ("ddif", 1, False, "mtt"),
    ("ddif-dm", 1, False, "dm"),
    ("frepo", 1, True, "frepo"),
    ("frepo", 10, True, "frepo"),
)
"""The methods that are run at published settings: their size, whether data are whitened, and who judges."""
STEPPED = ("dm", "dc", "dsa", "mtt", "bptt-stored")
"""The methods whose steps are timed; the loop of bptt that stores weights is the authors' own."""
STUDENT = {"mtt": 30, "bptt-stored": 150}
"""Published steps of a student."""
LAST = ("influence", "semantics", "cross-architecture")
"""The probes that take longest."""

FULL: dict[str, Any] = {
    "data": "cifar10_exact",
    "network": "convnet-w128",
    "ipc": 10,
    "set_minutes": 60.0,
    "published_minutes": 9.0,
    "experts": 20,
    "effort": "full",
    "repeats": 5,
    "toy": False,
}
TOY: dict[str, Any] = {
    **FULL,
    "data": "digits",
    "network": "convnet-w4-d1",
    "ipc": 2,
    "experts": 1,
    "repeats": 2,
    "toy": True,
}
TOY_PROBES = (
    Mixing(added=(0, 2), repeats=2),
    CrossArchitecture(("mlp",), draws=2, repeats=2, beside=2, steps=(5,), sample=20),
)
FEW = {"inner": 1, "longest": 2, "steps": 1, "outer": 2, "interval": 2, "per_class": 4, "judged": 4, "latest": 1}
"""How much of its own an objective does in a toy run."""


@dataclass(frozen=True)
class Work:
    """What stages are done with."""

    folder: Folder
    settings: Mapping[str, Any]
    session: Session

    def task(self, whitened: bool = False) -> AbstractTask:
        """The data."""
        return _task(self.settings["data"], whitened)

    @property
    def toy(self) -> bool:
        """Whether a few steps of everything are enough."""
        return self.settings["toy"]

    def plan(self, method: str, ipc: int, whitened: bool = False) -> Plan:
        """The distillation of a method at its published setting, which is not checked on the way."""
        task = self.task(whitened)
        recipe = recipe_for(method, "cifar10", ipc, whitened)
        if hasattr(recipe.objective, "experts"):
            experts = Experts(count=self.settings["experts"], epochs=3 if self.toy else LAST_EPOCH)
            latest = min(recipe.objective.latest, experts.epochs + 1 - recipe.objective.reach)
            recipe = replace(recipe, objective=replace(recipe.objective, experts=experts, latest=latest))
        return Plan(task, small(recipe) if self.toy else recipe, self.settings["network"], ipc, checks=0)

    def fitted(self, plan: Plan, minutes: float) -> Plan:
        """With as many steps as fit into so many minutes; experts that it follows are trained first."""
        complete_experts(self.session, plan.task, plan.network, followed(plan.recipe))
        return plan if self.toy else fitting(plan, self.session, minutes)

    def protocol(self, name: str) -> AbstractProtocol:
        """Who judges; in a toy run for a few epochs."""
        found = named(name)
        return replace(found, epochs=3) if self.toy and isinstance(found, Epochs) else found

    def set_of(self, name: str) -> Path:
        """The file of a set."""
        return self.folder.place / "sets" / f"{name}.safetensors"

    # The stages.

    def sets(self) -> dict[str, Any]:
        """The sets, side by side where there are workers."""
        plans = {name: self.plan(name, self.settings["ipc"]) for name in SETS}
        plans[XAVIER] = replace(plans["bptt"], recipe=replace(plans["bptt"].recipe, start=Xavier()))
        fitted = {name: self.fitted(plan, self.settings["set_minutes"]) for name, plan in plans.items()}
        for name, made in distil_together(self.session, fitted, "sets").items():
            made.save(self.set_of(name))
        steps = {name: [fitted[name].recipe.steps, plan.recipe.steps] for name, plan in plans.items()}
        return {"steps, of published": steps, "experts, of published": [self.settings["experts"], 100]}

    def scores(self) -> dict[str, Any]:
        """What learners of each set come to, by the protocol of its source and by the paper's."""
        asked = [(name, judge) for name in SETS for judge in (OWN.get(name), PAPERS) if judge]
        return {"rows": [self.scored(name, judge) for name, judge in asked]}

    def scored(self, name: str, judge: str) -> dict[str, Any]:
        """The row of a set, and what as many random real images come to."""
        ours, *real = limbeck.evaluate(
            self.set_of(name),
            protocol=self.protocol(judge),
            repeats=self.settings["repeats"],
            baselines=("random",),
            session=self.session,
        )
        # A baseline that is trained as a set says names its file, which may lie elsewhere tomorrow.
        beside = {**real[0].row(), "beside": name} if real else None
        return {"method": name, **ours.row(), "set": name, "protocol": judge, "real": beside}

    def probes(self) -> list[tuple[str, str | AbstractProbe]]:
        """The probes that can be asked of the data, by name; those that take longest last."""
        of_effort = TOY_PROBES if self.toy else EFFORTS[self.settings["effort"]].probes
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            asked = [(part_name(type(each)), each) for each in askable(of_effort, self.task())]
        return sorted(asked, key=lambda each: LAST.index(each[0]) if each[0] in LAST else -1)

    def probed(self, name: str, probe: str | AbstractProbe) -> dict[str, Any]:
        """The findings of a probe on the sets."""
        asked = [*SETS, XAVIER] if name == "cross-architecture" else SETS
        findings = limbeck.explain(
            [self.set_of(each) for each in asked],
            probes=[probe],
            effort="quick" if self.toy else self.settings["effort"],
            network=self.settings["network"],
            session=self.session,
        )
        return {"findings": [{**each.document(), "set": Path(each.set).stem} for each in findings]}

    def rate(self, method: str) -> dict[str, Any]:
        """Seconds of a step by both ways, in turn, and how far their results are apart."""
        width, pairs, steps = (4, 1, 2) if self.toy else (128, 15, STUDENT.get(method, 0))
        bench = Bench(
            Cell(method, width, 1 if self.toy else 10, steps, 1 if self.toy else 0), device=self.session.device
        )
        ways: dict[str, list[float]] = {"eager": [], LITERAL: []}
        apart = []
        for number in range(pairs + 1):
            found = {}
            for way, seconds in ways.items():
                found[way], wall, _ = bench.step(way, number)
                # The first step of each way holds what is done once.
                seconds += [wall] if number else []
            apart.append(max(differences(found["eager"], found[LITERAL]).values()))
        ours, theirs = (statistics.median(each) for each in ways.values())
        return {
            "seconds": {"limbeck": ours, "published loop": theirs},
            "loop over limbeck": theirs / ours,
            "difference": statistics.median(apart),
            "n": pairs,
        }

    def published(self, method: str, ipc: int, whitened: bool, judge: str) -> dict[str, Any]:
        """A method at its published setting for some minutes, and its score."""
        plan, name = self.plan(method, ipc, whitened), f"{method}-{ipc}"
        fitted = self.fitted(plan, self.settings["published_minutes"])
        distil_together(self.session, {name: fitted}, name)[name].save(self.set_of(name))
        steps = [fitted.recipe.steps, plan.recipe.steps]
        said = [each.mean for each in RECIPES[method].expected if (each.data, each.ipc) == ("cifar10", ipc)]
        return {**self.scored(name, judge), "steps, of published": steps, "published": said[0] if said else None}

    def stages(self, wanted: str) -> list[Stage]:
        """All of a kind, in their order."""
        rates = [Stage(f"rate {method}", functools.partial(self.rate, method)) for method in STEPPED]
        others = [Stage(f"published {each[0]}:{each[1]}", functools.partial(self.published, *each)) for each in OTHERS]
        if self.toy:
            rates, others = rates[:1], [others[0], others[8]]
        # Steps are timed without any data.
        kinds = {"paper": [] if wanted == "rates" else self.paper(), "rates": rates, "published": others}
        return kinds.get(wanted) or [stage for kind in kinds.values() for stage in kind]

    def paper(self) -> list[Stage]:
        """Those of the paper."""
        probes = [Stage(f"probe {name}", functools.partial(self.probed, name, probe)) for name, probe in self.probes()]
        return [Stage("sets", self.sets), Stage("scores", self.scores), *probes]


@functools.cache
def _task(data: str, whitened: bool) -> AbstractTask:
    return limbeck.load(data, zca=whitened)


def small(recipe: Recipe) -> Recipe:
    """A few steps of a recipe, each of little work."""

    def fewer(part: Any) -> Any:
        return replace(part, **{name: few for name, few in FEW.items() if hasattr(part, name)})

    objective, part, schedule = fewer(recipe.objective), recipe.parameterization, recipe.schedule
    if hasattr(objective, "training") and objective.training is not None:
        objective = replace(objective, training=fewer(objective.training))
    around = getattr(schedule, "around", None)
    schedule = replace(schedule, around=replace(around, steps=2)) if around else replace(schedule, steps=2)
    if hasattr(part, "fit_steps"):
        part = replace(part, fit_steps=2)
    return replace(recipe, objective=objective, parameterization=part, schedule=schedule, steps=3)


# What the claims that `paper_small.py` leaves open are asked of.


def strong(found: Found) -> bool:
    """Whether every set is as strong as the paper's, up to the noise of its runs."""
    try:
        reached = {method: found[method]["substitution"].fact(ACCURACY).high for method in METHODS}
    except KeyError:
        return False
    return all(reached[method] >= PUBLISHED_ACCURACY[method] - NOISE for method in METHODS)


def networks(*names: str) -> Any:
    """The test accuracy of networks that were trained on real images."""

    def ask(found: Found) -> Answer:
        read = rows(RecognitionRow, found["dm"]["recognition"])
        told = [
            f"{row.network} {points(fact)} ({row.steps} steps)"
            for row in read
            for fact in [Fact("", row.test_accuracy, row.low_test, row.high_test, row.n)]
            if row.network.startswith(names)
        ]
        if not told:
            raise KeyError(names)
        return Answer(", ".join(told), "", paper_small.REPORTED)

    return ask


def converged(found: Found) -> Answer:
    """Whether all sets and real images alone come to the same with 250 real images of every class."""
    series = {}
    for method in METHODS:
        finding = found[method]["mixing"]
        row = paper_small.only(row for row in rows(MixingRow, finding) if row.added_per_class == 250)
        n = finding.fact(gain(250)).n
        series[METHODS[method]] = Fact("", row.set_and_real, row.low, row.high, n)
        series["random"] = Fact("", row.real_alone, row.low_alone, row.high_alone, n)
    values = list(series.values())
    pairs = [(one, other) for place, one in enumerate(values) for other in values[:place]]
    apart = [less(one, other, corrected(2 * len(pairs))) for one, other in pairs]
    marks = [each for fact in apart for each in (mark(fact, 0.013, BELOW), mark(fact, -0.013, ABOVE))]
    return Answer(", ".join(f"{name} {points(fact)}" for name, fact in series.items()), "", together(marks))


def transfers(xavier: Finding | None) -> Any:
    """Whether a set that began as real images does better on every network than one of Xavier's start."""

    def ask(found: Found) -> Answer:
        if xavier is None:
            raise KeyError(XAVIER)
        finding = found["bptt"]["cross-architecture"]
        sides = []
        for each in (finding, xavier):
            n = each.facts[0].n
            read = rows(NetworkRow, each)[1:]
            sides.append({row.network: Fact("", row.set, row.low_set, row.high_set, n) for row in read})
        real, grey = sides
        marks = [mark(less(real[name], grey[name], corrected(len(real))), 0, ABOVE) for name in real]
        told = ", ".join(f"{name} {points(real[name])} against {points(grey[name])}" for name in real)
        return Answer(told, "", together(marks))

    return ask


def by_own_protocols(scores: Sequence[Mapping[str, Any]]) -> Any:
    """What the sets come to by the protocols of their sources."""

    def ask(found: Found) -> Answer:
        read = [row for row in scores if row["protocol"] == OWN.get(row["method"])]
        if not read:
            raise KeyError("scores")
        told = ", ".join(f"{METHODS[row['method']]} {score(row)}" for row in read)
        real = ", ".join(f"{METHODS[row['method']]} {score(row['real'])}" for row in read if row["real"])
        return Answer(told, f"random real {real}" if real else "", paper_small.REPORTED)

    return ask


def score(row: Mapping[str, Any]) -> str:
    """A score in per cent."""
    return points(Fact("", row["mean"], row["low"], row["high"], row["n"]))


def claims(folder: Folder) -> list[str]:
    """The rows of the paper's claims, by what is there so far; before them stand the marks at small width."""
    documents = sorted((folder.place / "results").glob("probe-*.json"))
    found, xavier = paper_small.read(documents), None
    for path in documents:
        for document in paper_small.documents(path):
            finding = Finding.of(document)
            xavier = finding if finding.set == XAVIER else xavier
    scores = (folder.result("scores") or {"rows": []})["rows"]
    asked = {
        "N10, N11": networks("convnet"),
        "N12": networks("resnet"),
        "M6": converged,
        "F1 to F6": transfers(xavier),
        "Q1 to Q6": by_own_protocols(scores),
    }
    weak = not strong(found)
    known = at_small_width()
    claimed = [
        row._replace(
            ask=asked.get(row.id, row.ask),
            by_strength=row.by_strength and weak,
            before=known[place] if known else row.before,
        )
        for place, row in enumerate(paper_small.ROWS)
    ]
    return paper_small.table(found, claimed)


def at_small_width() -> list[str]:
    """The marks of the table at small width, row by row; none where it has other rows."""
    path = Path(__file__).parent / "results" / "paper-small.md"
    lines = path.read_text().splitlines() if path.exists() else []
    read = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    marks = {(cells[0], cells[1]): cells[-1] for cells in read if len(cells) > 2}
    asked = [(row.id, row.claim) for row in paper_small.ROWS]
    return [marks[each] for each in asked] if all(each in marks for each in asked) else []


def written(folder: Folder, stages: Sequence[Stage], settings: Mapping[str, Any]) -> list[str]:
    """What is there so far."""
    results, todo = folder.results(), [stage.name for stage in stages if folder.result(stage.name) is None]
    seconds = folder.state["seconds"]
    lines = ["# The paper at full width", "", f"Settings: {', '.join(f'{k} {v}' for k, v in settings.items())}.", ""]
    sets = results.get("sets")
    if sets:
        made = ", ".join(f"`{name}` {at:,} of {of:,}" for name, (at, of) in sets["steps, of published"].items())
        count, of = sets["experts, of published"]
        lines += [f"Steps made, of published: {made}. Experts: {count} of {of}.", ""]
    lines += [*claims(folder), ""]
    lines += ["| method | protocol | test accuracy | random real | on |", "| --- | --- | --- | --- | --- |"]
    scored = results.get("scores") or {"rows": [], "made on": {"device": ""}}
    for row in scored["rows"]:
        cells = (f"`{row['method']}`", f"`{row['protocol']}`", score(row), score(row["real"]) if row["real"] else "")
        lines.append(f"| {' | '.join(cells)} | {scored['made on']['device']} |")
    lines += [
        "",
        "| step of | limbeck, s | published loop, s | ratio | difference | n | on |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, found in results.items():
        if name.startswith("rate "):
            ours, theirs = found["seconds"].values()
            lines.append(
                f"| `{name[5:]}` | {ours:.4f} | {theirs:.4f} | {found['loop over limbeck']:.2f} | "
                f"{found['difference']:.1e} | {found['n']} | {found['made on']['device']} |"
            )
    lines += [
        "",
        "| recipe | IPC | steps made, of published | protocol | test accuracy | published | random | seconds | on |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, found in results.items():
        if name.startswith("published "):
            (method, ipc), (at, of) = name[10:].split(":"), found["steps, of published"]
            said = "" if found["published"] is None else f"{100 * found['published']:.1f}"
            real = score(found["real"]) if found["real"] else ""
            lines.append(
                f"| `{method}` | {ipc} | {at:,} of {of:,} | `{found['protocol']}` | {score(found)} | {said} | {real} | "
                f"{seconds.get(name, 0):.0f} | {found['made on']['device']} |"
            )
    return [*lines, "", f"Not done yet: {', '.join(todo)}." if todo else "All that was asked for is done."]


class Lines(AbstractProgress):
    """Tells phases, notes, and about how long they take, a line each."""

    def phase(self, name: str) -> None:
        """A line."""
        print(f"  {name}", flush=True)

    def estimate(self, seconds: float) -> None:
        """Known to the minute."""
        if seconds >= 60:
            print(f"  about {seconds / 60:.0f} minutes", flush=True)

    def notes(self, lines: Sequence[str]) -> None:
        """A line each."""
        for line in lines:
            print(f"  {line}", flush=True)

    def update(self, done: float, total: float, doing: str, news: str = "", unit: str = "") -> None:
        """Nothing: it may go to a file."""


def main(words: Sequence[str] | None = None, executor: str | AbstractExecutor = "local") -> int:
    """Go on for some minutes, and write what is there; an exit code."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--out", type=Path, required=True)
    made.add_argument("--minutes", type=float, default=9.0, help="of this call")
    made.add_argument("--stage", choices=("paper", "rates", "published", "all"), default="all")
    made.add_argument("--toy", action="store_true", help="a few steps of everything, to see that it runs")
    for name in ("data", "network", "effort"):
        made.add_argument(f"--{name}", help=f"by default {FULL[name]}")
    for name in ("ipc", "experts", "repeats"):
        made.add_argument(f"--{name}", type=int, help=f"by default {FULL[name]}")
    made.add_argument("--set-minutes", type=float, help="of each of the paper's sets at most, by default 60")
    made.add_argument("--published-minutes", type=float, help="of each published method, by default 9")
    made.add_argument("--device", default="")
    made.add_argument("--workers", type=int, help="processes on the device; by default 4, on a processor 1")
    made.add_argument("--pack", type=Path, help="a folder for what must be kept to go on, read where --out has less")
    given = made.parse_args(words)
    device = device_of(given.device)
    workers = given.workers or (1 if device.type == "cpu" else 4)
    if given.pack is not None:
        unpack(given.pack, given.out)
    folder, usual = Folder(given.out), TOY if given.toy else FULL
    asked = {name: value for name, value in vars(given).items() if name in FULL and value not in (None, False)}
    settings = folder.settle(asked, usual)
    with Session(
        folder.runs,
        device=device,
        workers=workers,
        executor=executor,
        progress=Silent() if settings["toy"] else Lines(),
    ) as session:
        work = Work(folder, settings, session)
        stages = work.stages(given.stage)
        code = go_on(folder, stages, given.minutes, device)
    write_text(given.out / "paper-gpu.md", "\n".join(written(folder, stages, settings)) + "\n")
    if given.pack is not None:
        left = pack(folder, given.pack)
        size = sum(path.stat().st_size for path in left) / 2**20
        print(f"packed into {given.pack}; {len(left)} files of {size:.0f} MiB had no room", flush=True)
    return code


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except InputError as error:
        raise SystemExit(str(error)) from error

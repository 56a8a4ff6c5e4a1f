"""Tasks that are no image tasks go through every verb; what does not apply is refused in one line.

Each test is one verb, asked of the five miniature tasks of tests/strange_tasks.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import strange_tasks
from limbeck import DistilledSet, distill, evaluate, explain, export, write_report
from limbeck.codecs import CODECS
from limbeck.composition import Recipe
from limbeck.computations import Mixture
from limbeck.computations.contract import ProbeContext
from limbeck.core import tree
from limbeck.core.contracts import AbstractObjective, AbstractTask, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.estimators import Backprop, Evolution
from limbeck.explanation import askable
from limbeck.learn.optim import SGD
from limbeck.objectives import Distribution, Unrolled
from limbeck.probes.continuation import Continuation
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.curvature import Curvature
from limbeck.probes.influence import Influence
from limbeck.probes.mimicry import Mimicry
from limbeck.probes.recognition import Recognition
from limbeck.probes.semantics import Semantics
from limbeck.probes.surface import Surface
from limbeck.protocols import Epochs
from limbeck.recipes import recipe_for
from limbeck.runs import worker
from limbeck.runs.executors import AbstractExecutor, Job
from limbeck.runs.session import Session
from limbeck.schedules import Fixed, LearnedRates
from limbeck.show import draw
from limbeck.tasks.register import TASKS, Known

SHORT = Fixed(steps=3, learning_rate=0.05)
DM = Recipe(objective=Distribution(per_class=8), schedule=SHORT, steps=2)
BPTT = Recipe(
    objective=Unrolled(per_class=8), schedule=LearnedRates(SHORT), schedule_optimizer=SGD(learning_rate=0.01), steps=2
)
FEW_STEPS = Epochs(epochs=3)

CHEAP: dict[str, AbstractProbe] = {
    "curvature": Curvature(100, 2, images=1, relative=0.5, most=8, starts=1, iterations=4, ends=1, repeats=1),
    "influence": Influence(repeats=1, items=1, controlled=1, added=1),
    "recognition": Recognition((("", 300),), every=100, sample=20, shown=10, controls=3),
    "mimicry": Mimicry(repeats=1, controls=3, sample=20, shown=5, every=100),
    "continuation": Continuation(repeats=1, every=100, steps=3),
    "semantics": Semantics(items=2, repeats=3, controlled=2),
    "surface": Surface(100, 1, 3, points=3, images=1, iterations=3, subsets=(1,), bent=1, sample=20, repeats=2),
}
CLASSES = ("pairs", "graph", "sentences")
"""The tasks that are scored by accuracy; the others are scored by an error, and by where a cart comes to rest."""

tasks = pytest.mark.parametrize("task", [pytest.param(make(None), id=n) for n, make in strange_tasks.LOADERS.items()])


class Here(AbstractExecutor):
    """Jobs one after the other in this process."""

    def run(self, jobs: list[Job], told: Callable[[int, float], None], seconds: Sequence[float] = ()) -> None:
        for index, job in enumerate(jobs):
            worker.do(job)
            told(index, 1.0)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A store for all tests here, in a process that knows the tasks and their codecs by name."""
    with pytest.MonkeyPatch.context() as known:
        for name, loader in strange_tasks.LOADERS.items():
            known.setitem(TASKS.parts, name, Known("strange", loader))
        for codec in strange_tasks.CODECS:
            known.setitem(CODECS.parts, codec.__name__.lower(), codec)
        with Session(tmp_path_factory.mktemp("runs"), device="cpu", workers=1, executor=Here()) as made:
            yield made


def distilled(task: AbstractTask, recipe: str | Recipe, session: Session) -> DistilledSet:
    """Two items per class; what was made before is found in the store."""
    return distill(task, recipe, ipc=2, network="small", checks=1, session=session)


def saved(task: AbstractTask, session: Session) -> Path:
    """The file of a set whose schedule is learned."""
    path = session.store.root / f"{task.name}.safetensors"
    distilled(task, BPTT, session).save(path)
    return path


def refused(ask: Callable[[], Any]) -> str:
    """The one line by which something is refused."""
    with pytest.raises(InputError) as caught:
        ask()
    line = str(caught.value)
    assert line and "\n" not in line
    return line


@tasks
@pytest.mark.parametrize("recipe", [DM, BPTT], ids=["matching", "unrolled"])
def test_distil_moves_every_number_that_is_learned(task: AbstractTask, recipe: Recipe, session: Session) -> None:
    start, end = (distilled(task, replace(recipe, steps=steps), session) for steps in (0, 2))
    pairs = zip(tree.leaves(start.batch.inputs), tree.leaves(end.batch.inputs), strict=True)
    assert not any(torch.equal(before, after) for before, after in pairs)
    assert all(bool(leaf.isfinite().all()) for leaf in tree.leaves(end.batch))
    assert bool((end.schedule.learning_rates != start.schedule.learning_rates).any()) == (recipe is BPTT)
    assert end.scores[-1]["metric"] == task.metrics[0].name


@pytest.mark.parametrize("task", [strange_tasks.Graph(), strange_tasks.Forecast()], ids=lambda task: task.name)
@pytest.mark.parametrize("name", ["dc", "cafe", "idm", "mtt"])
def test_a_published_method_makes_a_set_or_refuses(task: AbstractTask, name: str, session: Session) -> None:
    published = recipe_for(name, task.name, 2)
    recipe = replace(published, steps=min(published.steps, 1))
    try:
        made = distilled(task, recipe, session)
    except InputError as error:
        assert "limbeck experts" in str(error) and "\n" not in str(error)
    else:
        assert made.per_class == 2 and made.classes == task.classes


@tasks
def test_save_and_load_lose_nothing(task: AbstractTask, session: Session) -> None:
    path, made = saved(task, session), distilled(task, BPTT, session)
    loaded = DistilledSet.load(path)
    assert loaded == made and loaded.codec.header() == task.codec.header()
    assert tree.flatten(loaded.native).keys() == tree.flatten(task.native("train", torch.arange(2))).keys()
    loaded.save(path.with_name("again.safetensors"))
    assert path.with_name("again.safetensors").read_bytes() == path.read_bytes()


@tasks
@pytest.mark.parametrize("protocol", ["own", FEW_STEPS], ids=["own", "few steps"])
def test_evaluate_reports_the_first_metric_of_sets_and_baselines(
    task: AbstractTask, protocol: str | Epochs, session: Session
) -> None:
    baselines = ("random", "full")
    rows = evaluate(saved(task, session), protocol=protocol, repeats=1, baselines=baselines, session=session)
    assert [row.set for row in rows[1:]] == list(baselines)
    low, high = task.metrics[0].limits
    for row in rows:
        assert (row.metric, row.unit, row.higher_is_better) == tuple(task.metrics[0]) and low <= row.mean <= high
    if protocol == "own":
        sign = 1 if task.metrics[0].higher_is_better else -1
        assert max(rows, key=lambda row: sign * row.mean).set == "full", "better than any: higher or lower, as it says"


@tasks
@pytest.mark.parametrize("name", CHEAP)
def test_explain_answers_or_refuses_in_one_line(task: AbstractTask, name: str, session: Session) -> None:
    def ask() -> Any:
        return explain(saved(task, session), probes=[CHEAP[name]], session=session)

    if CHEAP[name].by_accuracy and task.name not in CLASSES:
        scored = " and ".join(metric.name for metric in task.metrics)
        assert refused(ask) == (
            f"probe {name}: expected a task that is scored by accuracy; {task.name} is scored by {scored}; "
            "leave this probe out"
        )
    elif name in ("influence", "mimicry") and task.name == "graph":
        assert "between which there is a distance" in refused(ask)
    else:
        (finding,) = ask()
        assert finding.probe == name and finding.verdict and "nan" not in finding.verdict.split()


def test_of_several_probes_those_that_do_not_apply_are_left_out_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="left out: probe continuation: expected a task that is scored by accuracy"):
        left = askable([CHEAP["continuation"], CHEAP["influence"]], strange_tasks.Forecast())
    assert left == (CHEAP["influence"],)
    assert askable(tuple(CHEAP.values()), strange_tasks.Pairs()) == tuple(CHEAP.values())


@tasks
def test_report_has_a_page_without_pictures_and_show_refuses(task: AbstractTask, session: Session) -> None:
    path, page = saved(task, session), session.store.root / "page.html"
    evaluate(path, protocol="own", repeats=1, baselines=("random",), session=session)
    explain(path, probes=[CHEAP["curvature"]], session=session)
    made = write_report([path], out=page, session=session)
    assert made.rows and made.findings and task.metrics[0].name in page.read_text().lower()
    assert "no picture" in refused(lambda: draw(DistilledSet.load(path), page.with_suffix(".png")))


@dataclass(frozen=True)
class Driving(AbstractObjective):
    """How far a cart stays from 0 under a learner of a few steps on the set: a number that has no derivative."""

    steps: int = 20

    def init(self, problem: Problem, key: Key) -> Tree:
        return {}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tensor:
        network, batch = problem.network, synthetic.batch
        params = tree.map(torch.Tensor.requires_grad_, network.init(Key(("driver",))))
        for _ in range(self.steps):
            outputs = network.apply(params, tree.map(torch.Tensor.detach, batch.inputs)).outputs
            slope = torch.autograd.grad(problem.task.loss(outputs, batch.targets).mean(), list(params.values()))
            params = {
                name: (value - 0.3 * by).detach().requires_grad_()
                for (name, value), by in zip(params.items(), slope, strict=True)
            }
        scored = problem.task.evaluate(lambda inputs: network.apply(params, inputs).outputs, "train", key)
        return torch.tensor(scored["distance"])

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        return state


def test_a_score_without_a_derivative_is_distilled_by_evolution_and_refused_by_backprop(session: Session) -> None:
    task = strange_tasks.Control()
    problem = Problem(task, task.network("small"), torch.device("cpu"), session.store)
    recipe = Recipe(objective=Driving(), estimator=Evolution(pairs=4, sigma=0.3), optimizer=SGD(0.3), steps=3)
    distances = [
        float(Driving().loss({}, problem, Synthetic.of(made.batch, made.schedule), Key(())))
        for made in (distilled(task, replace(recipe, steps=steps), session) for steps in (0, 3))
    ]
    assert distances[1] < distances[0]
    assert "--estimator evolution" in refused(lambda: distilled(task, replace(recipe, estimator=Backprop()), session))


def test_the_items_of_a_graph_keep_the_edges_among_themselves_alone(session: Session) -> None:
    task = strange_tasks.Graph()
    made = distilled(task, "random", session)
    context = ProbeContext(session.problem(task, "small"), set=made)
    chosen = Mixture(items=(0, 3)).batch(context).inputs
    assert torch.equal(chosen["edges"], made.batch.inputs["edges"][[0, 3]][:, [0, 3]])
    both = Mixture(items=(0, 3), real=2).batch(context).inputs["edges"]
    assert both.shape == (6, 6) and not both[:2, 2:].any() and torch.equal(both[:2, :2], chosen["edges"])


@tasks
@pytest.mark.parametrize("format", ["npz", "pt"])
def test_export_as_arrays_and_the_lines_beside_it_run(
    format: str, task: AbstractTask, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, path = distilled(task, BPTT, session), tmp_path / f"out.{format}"
    export(made, format, path, session=session)
    name = "x" if format == "npz" else "inputs"
    held = dict(np.load(path)) if format == "npz" else torch.load(path, weights_only=True)
    for seen, inputs in (("", made.native), ("_normalised", made.batch.inputs)):
        for leaf, numbers in tree.flatten(inputs, name + seen).items():
            assert torch.equal(torch.as_tensor(held[leaf]), numbers)
    assert torch.equal(torch.as_tensor(held["learning_rates"]), made.schedule.learning_rates)
    (lines,) = re.findall(r"```python\n(.*?)```", path.with_name(f"{path.name}.README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(lines, "README", "exec"), {})


@tasks
@pytest.mark.parametrize("format", ["png", "folder", "hf", "ddranking"])
def test_export_as_pictures_is_refused_and_says_what_to_use(
    format: str, task: AbstractTask, session: Session, tmp_path: Path
) -> None:
    line = refused(lambda: export(distilled(task, DM, session), format, tmp_path / "out", session=session))
    assert line.startswith(f"--format {format}: the set ") and "choose --format " in line
    assert not (tmp_path / "out").exists()

"""Whether the items of a set show what the true data show: real examples, class means, or neither."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.computations import AllReal, Mixture, Nearness, Steps, Training, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.leave_one_out import spread, whole
from limbeck.computations.training import DEFAULT_TRAINING, REAL_BATCH, accuracies
from limbeck.core import tree
from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.key import Key
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.looks import Looks
from limbeck.probes.tables.mimicry import (
    FEATURES,
    INPUTS,
    ConfusionRow,
    KindRow,
    LabelRow,
    LookRow,
    NearestRow,
    RealLookRow,
)
from limbeck.probes.verdicts.mimicry import ERRORS, Errors, alike_in_words, errors, verdict
from limbeck.protocols import Own
from limbeck.statistics.chance import Chance
from limbeck.statistics.confusion import FEWEST, confusion, errors_alike
from limbeck.statistics.crossed import of_controls_within
from limbeck.statistics.decisions import LEAST
from limbeck.statistics.labels import label_weights

FAINT = 0.005
"""The least weight of a soft target that is listed."""
STEPS = 600
"""Of learners of real data where no accuracy tells when they level off: the fewest after which that is asked."""
Confusion = Float[Tensor, "class predicted"]


@dataclass(frozen=True)
class Mimicry(AbstractProbe):
    """What the items look like, and whether their learners err like learners of the true data.

    Each item is held against all real training examples, in the units of the data and in the features of learners of
    real data: how far its nearest one is, and how much of its variance the class means explain. As many numbers are
    taken of real examples that the learners have not seen, and what is usual of these tells what an item looks like
    (`statistics.resemblance`): like class means, where they explain more of it than of 95 % of unseen real examples;
    like neither, where it is farther from any real example than 95 % of these; else like a real example. So of unseen
    real ones 5 % look like class means and at most 5 % like neither. It is said what most items look like: where all of
    Wilson's interval over items lies above one half, and for class means and neither above what as many random real
    training examples come to. Where that is not decided, it is said whether items lie nearer to real examples, or are
    more like class means, than unseen real ones: by mean ranks among these, which is one half of one more of them.

    On the evaluation examples, the confusion matrix of each learner of the set is held against the mean one of learners
    of real data, by the correlation of the entries off the diagonal. Whether they err more or less alike than learners
    of random real examples do is decided by how far one more control would lie. All intervals hold at once: half of the
    error is for what items look like, half for how learners err.

    Pictures beside their labels and two confusion matrices side by side are what a study of sets of one step took for
    interpretation (OpenReview CCoa6XgO8F), without numbers, a null or a second seed.
    """

    repeats: int = 3
    """Learners of real data, of the set and of each control: as many seeds."""
    controls: int = 5
    items: int = 100
    """How many items are looked at, at even distances in the set; 0 for all."""
    sample: int = 1000
    """How many unseen real examples say what is usual."""
    neighbours: int = 3
    """How many of the nearest training examples are listed."""
    shown: int = 200
    """How many unseen real examples are listed."""
    every: int = 10
    """Steps between two readings of a training, at its beginning."""

    question = "Do its items show the features of the true data?"
    tables = (KindRow, LookRow, NearestRow, RealLookRow, LabelRow, ConfusionRow)

    def __post_init__(self) -> None:
        at_least(self, 1, "repeats", "sample", "neighbours", "every")
        at_least(self, 0, "items", "shown")
        at_least(self, LEAST, "controls")

    def check(self, task: AbstractTask) -> None:
        """Refuse a task of which nothing can be asked: no distances between examples, and no errors to compare."""
        super().check(task)
        if tree.joined(task.shape) and _no_errors(task):
            raise InputError(
                f"probe mimicry: expected examples between which there is a distance, or classes to confuse; those of "
                f"{task.name} are as long as the batch that they are in, and {_no_errors(task)}; leave this probe out"
            )

    def _real(self, task: AbstractTask) -> list[Training]:
        """Learners of real data; of a task that may take episodes to score, none is scored on its way."""
        if _by_accuracy(task):
            return [real_trajectory(seed, self.every) for seed in range(self.repeats)]
        at = Steps(STEPS, REAL_BATCH)
        return [Training(AllReal(), seed, at, reads=(), keeps=(STEPS,)) for seed in range(self.repeats)]

    def _ours(self, context: ProbeContext) -> list[Training]:
        """Learners of the set: as it says, where it is bound to that; from where it says, one."""
        if _no_errors(context.problem.task):
            return []
        if not _as_it_says(context):
            return [whole(seed) for seed in range(self.repeats)]
        seeds = self.repeats if context.distilled.initialisation is None else 1
        return [Training(Mixture(), seed, Own()) for seed in range(seeds)]

    def _spaces(self, context: ProbeContext) -> dict[str, list[Nearness]]:
        """What is computed in each space; none where there is no distance between examples."""
        if tree.joined(context.problem.task.shape):
            return {}
        seen: dict[str, list[Training | None]] = {INPUTS: [None], FEATURES: [*self._real(context.problem.task)]}
        settings = (self.items, self.controls, self.sample, self.neighbours)
        return {space: [Nearness(each, *settings) for each in learners] for space, learners in seen.items()}

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The learners, and where items and what is beside them lie, controls among it; of these the learners."""
        if context.draw is not None:
            return tuple(self._ours(context))
        near = (each for of_space in self._spaces(context).values() for each in of_space)
        return (*self._ours(context), *self._real(context.problem.task), *near)

    def find(self, context: ProbeContext) -> Finding:
        """What its items look like in each space, and how its learners err."""
        task = context.problem.task
        items = spread(len(context.distilled), self.items)
        looks = [
            Looks(context, space, [context.outcome(each) for each in asked], items, self.controls)
            for space, asked in self._spaces(context).items()
        ]
        found = [each.resemblance(len(looks)) for each in looks]
        erring, alike, beside, confused = self._erring(context)
        classes, labels = context.distilled.batch.classes[list(items)], _labels(task)
        names = task.classes
        pairs = list(zip(looks, found, strict=True))
        return self.finding(
            context,
            verdict(found, erring),
            [*(fact for each, its in pairs for fact in each.facts(its)), *alike],
            tables=(
                KindRow.table(row for each, its in pairs for row in each.kind_rows(its)),
                LookRow.table(row for each in looks for row in each.look_rows(names, classes)),
                NearestRow.table(row for each in looks for row in each.nearest_rows(names, labels)),
                RealLookRow.table(row for each in looks for row in each.real_rows(self.shown)),
                self._targets(context, items),
                confused,
            ),
            control=[*(fact for each, its in pairs for fact in each.control_facts(its)), *beside],
            method=self._method(context, len(items)),
            caveats=self._caveats(looks, context),
        )

    def _erring(self, context: ProbeContext) -> tuple[Errors | str, tuple[Fact, ...], tuple[Fact, ...], Table]:
        """How far learners of the set err like those of real data, or why that is not known.

        And the numbers of it, those of controls, and the confusions.
        """
        task, abouts = context.problem.task, (context, *context.controls(self.controls))
        if why := _no_errors(task):
            return why, (), (), ConfusionRow.table([])
        real = torch.stack(self._confusions(context, self._real(task))).mean(0)
        ours, *theirs = (self._confusions(each, self._ours(each)) for each in abouts)
        among, *controls = [[errors_alike(each, real) for each in of] for of in (ours, *theirs)]
        table = _confused(task, real, torch.stack(ours).mean(0), torch.stack(sum(theirs, [])).mean(0))
        above = Chance.of(context.examples.classes).exceeded(accuracies(context, self._ours(context)), context.level)
        if len(ours) >= LEAST and not above:
            return "they are not shown to be above chance", (), (), table
        if any(value != value for of in (among, *controls) for value in of):
            return "some learners make no errors, or all alike", (), (), table
        beside = of_controls_within([[Fact.once(ERRORS, sum(each) / len(each))] for each in controls], ())
        if len(ours) < self.repeats:
            alone = Fact.once(ERRORS, among[0])
            why = f"they all begin alike and are one draw: {alike_in_words(alone, beside[0].value)}"
            return why, (alone,), beside, table
        found = errors(among, controls, context.level)
        return found, (found.alike, found.beyond), beside, table

    def _confusions(self, context: ProbeContext, trainings: list[Training]) -> list[Confusion]:
        count, classes = len(context.problem.task.classes), context.examples.classes
        return [confusion(context.outcome(each, "predictions")[-1], classes, count) for each in trainings]

    def _targets(self, context: ProbeContext, items: tuple[int, ...]) -> Table:
        """The weights of soft targets over classes."""
        batch, names = context.distilled.batch, context.problem.task.classes
        weights = label_weights(batch.targets, len(names))
        if weights is None or bool((weights.amax(1) == 1).all()):
            return LabelRow.table([])
        return LabelRow.table(
            LabelRow(item, names[int(batch.classes[item])], names[label], weight)
            for item in items
            for label, weight in enumerate(weights[item].tolist())
            if weight >= FAINT
        )

    def _method(self, context: ProbeContext, items: int) -> str:
        task = context.problem.task
        for_long = "until they level off" if _by_accuracy(task) else f"for {STEPS} steps"
        looks = (
            f"{items} of {len(context.distilled)} items, as many of {self.controls} controls of random real training "
            f"examples, and up to {self.sample} evaluation examples, which the learners have not seen, held against "
            "all training examples by Euclidean distance, in the units of the data and in the features of "
            f"{self.repeats} learners (seeds) of real data, SGD 0.01 momentum 0.9 in batches of {REAL_BATCH} "
            f"{for_long}; usual is what 95 % of those evaluation examples are; intervals over items (Wilson)"
        )
        if _no_errors(task):
            return looks
        return (
            f"{looks}; learners of the set and of controls: {self.repeats} seeds, {DEFAULT_TRAINING}; errors: the "
            "correlation over pairs of classes of the shares mistaken, with the mean of the learners of real data, on "
            f"{len(context.rows)} evaluation examples, beside one more control (predictive interval)"
        )

    def _caveats(self, looks: list[Looks], context: ProbeContext) -> tuple[str, ...]:
        found = [said for each in looks for said in each.caveats]
        if not looks:
            name = context.problem.task.name
            found.append(f"examples of {name} are as long as their batch: there is no distance between them")
        if self._ours(context) and _as_it_says(context):
            found.append("learners of the set are trained as it says, those of random real examples are not")
        return (
            *found,
            "random real examples of the controls are training examples, so that each is a copy of one",
            "a distance in the units of the data is no distance to the eye: a shifted image is far from itself",
        )


def _by_accuracy(task: AbstractTask) -> bool:
    return "accuracy" in {metric.name for metric in task.metrics}


def _no_errors(task: AbstractTask) -> str:
    """Why the errors of learners cannot be compared; "" where they can."""
    if not _by_accuracy(task):
        return f"the data are scored by {' and '.join(metric.name for metric in task.metrics)}, not by accuracy"
    return "" if len(task.classes) >= FEWEST else "of fewer than three classes each is mistaken in one way alone"


def _as_it_says(context: ProbeContext) -> bool:
    """Whether a set is bound to its own training, and that can be had under this network."""
    begins = context.distilled.initialisation
    if begins is None or not context.distilled.binding:
        return context.distilled.binding
    here = context.problem.network.init(Key(("mimicry",)))
    shapes = [{path: leaf.shape for path, leaf in tree.flatten(each).items()} for each in (begins, here)]
    return shapes[0] == shapes[1]


def _labels(task: AbstractTask) -> Int[Tensor, " row"]:
    """The class of every training row."""
    groups = task.groups("train")
    labels = torch.zeros(1 + max(int(rows.max()) for rows in groups if len(rows)), dtype=torch.int64)
    for label, rows in enumerate(groups):
        labels[rows] = label
    return labels


def _confused(task: AbstractTask, *means: Confusion) -> Table:
    """The mean confusions of learners of real data, of the set and of controls."""
    names = task.classes
    return ConfusionRow.table(
        ConfusionRow(names[label], names[other], *(float(each[label, other]) for each in means))
        for label, other in torch.stack(means).sum(0).nonzero().tolist()
    )

"""The public verbs: they put tasks, recipes, the loop and the graph of computations together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from limbeck import explanation
from limbeck.composition import Recipe
from limbeck.core.contracts import AbstractProtocol, AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.expect import few_enough
from limbeck.core.findings import Finding, Findings
from limbeck.core.score import Scores
from limbeck.core.values import typed
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import Score
from limbeck.forecast import Measured, foretell
from limbeck.judging import protocol_for
from limbeck.parameterizations.budgets import per_class_of
from limbeck.probes.contract import AbstractProbe
from limbeck.recipes import recipe_for
from limbeck.recipes.baselines import BASELINES, check_baselines
from limbeck.runs.again import distilled_again, other_seeds
from limbeck.runs.allowance import check_minutes
from limbeck.runs.asking import Question, ask, ask_until_decided
from limbeck.runs.choosing import USUAL, choose
from limbeck.runs.looking import score_until, until_of
from limbeck.runs.plan import Plan, finished, run_plan
from limbeck.runs.scoring import NamedSet, entries_of, one_reference, score
from limbeck.runs.session import Session
from limbeck.runs.trial import fitting
from limbeck.sizes import over_sizes
from limbeck.tasks import load, reload

Sets = DistilledSet | str | Path | Sequence[DistilledSet | str | Path]
"""A set or several, each in memory or in a file."""

DECIDING = 10.0
"""How many minutes draws are added for, where nothing else is said."""


@typed
def distill(
    task: AbstractTask | str | Path,
    recipe: str | Recipe = "",
    *,
    ipc: int | None = None,
    within: int | None = None,
    network: str = "convnet",
    steps: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    checks: int | None = None,
    session: Session | None = None,
) -> DistilledSet:
    """Distil `task`, or the data that `load` takes, into `ipc` synthetic examples of every class.

    So many are stored plainly, labels aside; a parameterization makes of that storage as many as it can. In place of
    `ipc` a set may take at most `within` bytes as it is stored, with labels and whatever decodes it.

    A `recipe` by name has the settings published for these data at this size, or for what is nearest to that. Without
    one it is "dm", and with `minutes` the one that measurements say is best for as much work of such data. A run is
    kept in the session's store by all that determines it: called again after an interruption it goes on where it was,
    and called again after its end it computes nothing. The validation accuracy of one fresh learner is measured
    `checks` times on the way, by default 4 times where that is cheap beside the steps and else never.

    With `minutes` there are as many steps as fit into them here, which a short trial tells, and no more than the recipe
    has. What it told is kept in the store, so that the same call gives the same set; anywhere else, as many `steps` do.

    Raises InputError for unknown names, for a class with fewer than `ipc` images, for a run that another process holds,
    for both `steps` and `minutes`, for both sizes or neither, and where the loss diverges.
    """
    task = task_of(task, session)
    if steps is not None and minutes is not None:
        raise InputError(f"steps {steps}, minutes {minutes:g}: expected one of them")
    size = size_of(task, ipc, within)
    with opened(session) as used:
        if recipe == "" and minutes is not None:
            _, composed, why = choose(task, network, size, minutes, used)
            used.progress.notes([why])
        elif isinstance(recipe, Recipe):
            composed = recipe
        else:
            composed = recipe_for(recipe or USUAL, task.name, size, bool(task.reference.get("zca")))
        composed = composed if steps is None else replace(composed, steps=steps)
        plan = Plan(task, composed, network, size, seed, checks, within)
        return run_plan(plan if minutes is None else fitting(plan, used, minutes), used)[0]


@typed
def evaluate(
    sets: Sets,
    *,
    networks: Sequence[str] = (),
    protocol: str | AbstractProtocol = "",
    repeats: int = 5,
    until_decided: bool = False,
    half_width: float | None = None,
    most: int | None = None,
    baselines: Sequence[str] = BASELINES,
    seeds: int = 1,
    data: str = "",
    session: Session | None = None,
) -> list[Score]:
    """Score sets on the test split beside their baselines: one row for each set or baseline and network.

    `protocol` is by default "yang2024", and "own" where all sets are meant to be trained on as they say. `networks` is
    by default the one that the first set was distilled with. All sets must be of the same data. Baselines
    are selections of real examples, as many per class as the set has ("random") or as fit in its bytes
    ("random:bytes"), all of them both ways ("all-coresets"), or "full" for all real training data. `repeats` fresh
    learners are trained for a row. `data` names the data where they are no longer where the set says. Every learner is
    kept, so an evaluation that was interrupted, or asked for more learners, goes on where it was, and probes that ask
    for the same learner find it.

    With `until_decided` those are the first of them: where a set is not told from a baseline, from all real data, or
    from the others of its size, both get twice as many, and so on, until all is decided or there are `most`, by
    default 20. With `half_width`, until the ends of each set's interval lie no further from its mean: in points of a
    share, else in the unit of the metric. Each of K looks has a K-th of the error, so intervals are wider than those of
    plain scores; n differs by row, and two rows are compared by as many learners of each.

    A score is of one set, and its interval over learners; of a set that says where its learners begin there is one.
    With `seeds` from 2 on it is of the recipe of the set, which is carried out with seeds 0, 1, ... (what was done
    before is found): the interval is over distillations, with `repeats` learners of each. Fewer than 3 decide nothing.

    Raises InputError for unknown names, other data, repeats or seeds < 1, for several seeds of a set that has no
    recipe, as an imported one, and for several where learners are added.
    """
    if repeats < 1 or seeds < 1:
        raise InputError(f"repeats {repeats}, seeds {seeds}: expected at least one of each")
    few_enough(repeats=repeats, seeds=seeds)
    check_baselines(baselines)
    several = not isinstance(sets, DistilledSet | str | Path) and len(sets) > 1
    until = until_of(repeats, most, until_decided, half_width, seeds, not (several or baselines))
    with opened(session) as used:
        listed = loaded(sets, used)
        chosen, said = protocol_for({name: made for name, _, made in listed}, protocol)
        reference = one_reference(listed, data)
        task = reload(reference, used.data_root)
        used.progress.notes([*task.notes, *said])
        names = [task.network(each).name for each in networks or (listed[0][2].spec["network"],)]
        if seeds > 1:
            _foretell_again(used, task, listed, seeds, Measured((), 0, chosen, baselines, repeats, names))
        again = distilled_again(used, task, listed, seeds)
        entered = entries_of(used, task, listed, names, chosen, baselines, again)
        if until is not None:
            named = [name for name, _, _ in listed]
            return Scores(score_until(used, entered, reference, chosen, named, until))
        return Scores(score(used, entered, reference, chosen, repeats))


@typed
def explain(
    sets: Sets,
    *,
    probes: Sequence[str | AbstractProbe] = (),
    effort: str = "standard",
    network: str = "",
    attributes: str | Path = "",
    annotator: str | Callable[[Path, str], str] = "",
    data: str = "",
    until_decided: bool = False,
    minutes: float | None = None,
    session: Session | None = None,
) -> list[Finding]:
    """What each set is worth, what it holds and where it must not be used: a finding of each probe on each set.

    Where sets differ in how many items a class has, one more, of the name "budget", says what that changes.

    `probes`, by name or with fields of your own, are by default all; `effort` (quick, standard or full) says how
    thoroughly those by name ask, full by the sizes of Yang et al. (ICML 2024). `network` is by default the one that the
    first set was distilled with. A probe that cannot be asked of the task is left out with a warning, and refused where
    it is all that was asked for. What was computed for one probe or set is found again by the others, and by a call
    after an interruption. `data` is as in `evaluate`. With `until_decided`, probes whose verdict is open are asked
    again with more draws until all are decided or about so many `minutes`, by default 10, are over; what that does to
    their errors is accounted for.

    The attributes that the probe semantics looks for are by default measured of the pixels. `attributes` is a parquet
    file that has them: a column `index`, the row in the test split, and columns of booleans or text. `annotator`
    answers annotator(path of a PNG file, prompt) in words that become attributes: a function, or a command line to
    which the path and the prompt are added, without a shell; answers of a command are kept.

    Raises InputError for unknown names, for sets of different data, for data other than those a set was made from, for
    a file without such columns, for a command that fails, for no time, and for time that nothing is to fill.
    """
    if minutes is not None and not until_decided:
        raise InputError(f"minutes {minutes:g}: they bound until_decided; what bounds all work is Session(minutes=...)")
    if minutes is not None:
        check_minutes(minutes)
    given = explanation.attributes_of(attributes, annotator)
    asked = explanation.effort_of(effort, tuple(probes), given)
    with opened(session) as used:
        listed = loaded(sets, used)
        reference = one_reference(listed, data)
        task = reload(reference, used.data_root)
        used.progress.notes(task.notes)
        problem = used.problem(task, network or listed[0][2].spec["network"])
        contexts = [
            (explanation.context_of(problem, name, distilled, asked.evaluation_size), path)
            for name, path, distilled in listed
        ]
        askable = explanation.askable(asked.probes, task)
        questions = [Question(probe, *each) for probe in askable for each in contexts]
        if until_decided:
            findings = ask_until_decided(used, questions, reference, 60 * (minutes or DECIDING))
        else:
            findings = ask(used, questions, reference)
    by_size = over_sizes(findings, {name: distilled for name, _, distilled in listed})
    return Findings([*findings, by_size] if by_size else findings)


def _foretell_again(
    session: Session, task: AbstractTask, listed: Sequence[NamedSet], seeds: int, measured: Measured
) -> None:
    """Say about how long it takes to carry out recipes with other seeds and to score all, where any is to be."""
    plans = other_seeds(task, listed, seeds)
    if any(finished(session.store.at(each.spec_on(session.device))) is None for of in plans.values() for each in of):
        foretell(session, plans, measured, {name: [made] for name, _, made in listed})


def task_of(data: AbstractTask | str | Path, session: Session | None) -> AbstractTask:
    """The task that is given, or that of data by their name or place, looked for where the session says."""
    return data if isinstance(data, AbstractTask) else load(data, root=None if session is None else session.data_root)


def size_of(task: AbstractTask, ipc: int | None, within: int | None) -> int:
    """The items per class that settings are taken for; InputError where neither or both sizes are given."""
    if (ipc is None) == (within is None):
        raise InputError(f"ipc {ipc}, within {within}: expected one of them, items per class or bytes")
    return per_class_of(task, ipc, within)


@contextmanager
def opened(session: Session | None) -> Iterator[Session]:
    """The session, which whoever made it closes, or one for the length of the block, in which progress is shown."""
    if session is not None:
        with session.progress.shown():
            yield session
        return
    with Session() as made, made.progress.shown():
        yield made


def loaded(sets: Sets, session: Session) -> list[NamedSet]:
    """Each set with its name and a file that workers can read it from; one in memory is written into the store.

    A file is called as it is given, and is one set however often it is; those in memory are "set", or "set 1", "set 2"
    and so on where they are several. Raises InputError where there is none.
    """
    listed = [sets] if isinstance(sets, DistilledSet | str | Path) else list(sets)
    if not listed:
        raise InputError("no sets: expected at least one")
    several = sum(isinstance(each, DistilledSet) for each in listed) > 1
    found: dict[str, NamedSet] = {}
    for number, each in enumerate(listed, 1):
        if isinstance(each, DistilledSet):
            name, path, distilled = f"set {number}" if several else "set", _kept(each, session), each
        else:
            name, path = str(each), Path(each)
            distilled = found[name][2] if name in found else DistilledSet.load(path)
        found[name] = (name, path, distilled)
    return list(found.values())


def _kept(distilled: DistilledSet, session: Session) -> Path:
    """The file of a set that is in memory, in the store of a session."""
    path = session.store.root / "sets" / f"{distilled.digest[:32]}.safetensors"
    distilled.save(path)
    return path

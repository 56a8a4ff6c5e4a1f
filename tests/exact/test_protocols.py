"""Protocols: the published ones as published, and the set's own as the set says, to the bit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import limbeck
from limbeck.computations import Coreset, Mixture, Training
from limbeck.computations.contract import ProbeContext
from limbeck.computations.level import Level
from limbeck.core.contracts import AbstractProtocol, ByTask, NoCache, Problem, Schedule
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import Entry, entries
from limbeck.learn.augment import Siamese
from limbeck.learn.losses import BySquaredError
from limbeck.learn.rules import Adam, Momentum
from limbeck.learn.training import fit
from limbeck.parameterizations import Pixels
from limbeck.parameterizations.pixels import held
from limbeck.protocols import PROTOCOLS, Epochs, Own, named
from limbeck.starts import Real
from limbeck.tasks import load

CPU = torch.device("cpu")
KEY = Key(("protocols",))
RATES = [7.0, 0.5, 0.1]


def problem() -> Problem:
    task = load("digits")
    return Problem(task, task.network("convnet-w8-d2"), CPU, NoCache())


def carrying(schedule: Schedule, initialisation: Any = None) -> DistilledSet:
    """Twenty real scans that say how they are to be trained on."""
    on = problem()
    batch = on.real(KEY, 2)
    return DistilledSet(
        params=held(batch),
        parameterization=Pixels(),
        schedule=schedule,
        codec=on.task.codec,
        classes=on.task.classes,
        data={"name": "digits", "fingerprint": on.task.fingerprint},
        spec={"network": "convnet-w8-d2"},
        initialisation=initialisation,
    )


def by_heavy_ball(params: dict[str, Tensor], order: Tensor, gradient: Callable) -> None:
    velocity = {name: torch.zeros_like(leaf) for name, leaf in params.items()}
    for rate, rows in zip(RATES, order, strict=True):
        for name, slope in gradient(params, rows).items():
            velocity[name] = torch.tensor(0.8) * velocity[name] + slope + torch.tensor(0.01) * params[name]
            params[name] = params[name] - rate * velocity[name]


def by_adam(params: dict[str, Tensor], order: Tensor, gradient: Callable) -> None:
    first = {name: torch.zeros_like(leaf) for name, leaf in params.items()}
    second = {name: torch.zeros_like(leaf) for name, leaf in params.items()}
    beta1, beta2 = torch.tensor(0.8), torch.tensor(0.95)
    for step, (rate, rows) in enumerate(zip([rate / 100 for rate in RATES], order, strict=True), 1):
        for name, slope in gradient(params, rows).items():
            first[name] = beta1 * first[name] + (1 - beta1) * slope
            second[name] = beta2 * second[name] + (1 - beta2) * slope**2
            mean = first[name] / (1 - beta1.double() ** step)
            spread = (second[name] / (1 - beta2.double() ** step)).sqrt()
            params[name] = params[name] - rate * mean / (spread + 1e-4)


@pytest.mark.parametrize(
    ("part", "by_hand", "scale"),
    [(Momentum(0.8, 0.01), by_heavy_ball, 1.0), (Adam(0.8, 0.95, 1e-4), by_adam, 0.01)],
    ids=["heavy-ball", "adam"],
)
def test_own_gives_the_accuracy_of_training_exactly_as_the_set_says(
    part: Any, by_hand: Callable, scale: float, tmp_path: Path
) -> None:
    order = torch.stack([KEY.fold(step).permutation(20)[:15] for step in range(3)])
    made = carrying(Schedule(scale * torch.tensor(RATES), order, part.rule()))
    made.save(tmp_path / "set.safetensors")
    read = DistilledSet.load(tmp_path / "set.safetensors")
    on, key = problem(), Key(("train", 1))
    score = float(Training(Mixture(), 1, Own()).run(ProbeContext(on, "set", read))["accuracy"][-1])

    def gradient(params: dict[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
        free = {name: leaf.clone().requires_grad_() for name, leaf in params.items()}
        outputs = on.network.apply(free, read.batch.inputs[rows]).outputs
        loss = -(read.batch.targets[rows] * outputs.log_softmax(1)).sum(1).mean()
        return dict(zip(free, torch.autograd.grad(loss, list(free.values())), strict=True))

    params = dict(on.network.init(key.fold("init")))
    by_hand(params, order, gradient)
    test = on.task.load("test")
    with torch.no_grad():
        right = on.network.apply(params, test.inputs).outputs.argmax(1) == test.classes
    assert score == float(right.double().mean())
    # It is not what any other number of steps, or the mean rate, comes to.
    schedule = Own().schedule(read.schedule, 20, KEY)
    assert schedule.learning_rates.tolist() == pytest.approx([scale * rate for rate in RATES])
    learner = fit(on.task, on.network, lambda rows, step: read.batch._replace(
        inputs=read.batch.inputs[rows], targets=read.batch.targets[rows], classes=read.batch.classes[rows]
    ), schedule, key, CPU)  # fmt: skip
    for path, leaf in learner.params.items():
        torch.testing.assert_close(leaf, params[path], rtol=1e-5, atol=1e-6)


def test_own_begins_where_the_set_says_and_nothing_else_does() -> None:
    on = problem()
    begun = on.network.init(Key(("given",)))
    made = carrying(Schedule(torch.tensor([0.1]), torch.arange(20)[None], Momentum().rule()), begun)
    context = ProbeContext(on, "set", made)

    def first(on: Any, protocol: Any) -> dict[str, Tensor]:
        return next(Training(on, 3, protocol).learners(context)).params

    assert all(torch.equal(first(Mixture(), Own())[name], leaf) for name, leaf in begun.items())
    fresh = on.network.init(Key(("train", 3)).fold("init"))
    for source, protocol in ((Mixture(), Epochs()), (Coreset(Real(), 2), Own())):
        assert all(torch.equal(first(source, protocol)[name], leaf) for name, leaf in fresh.items())
    with pytest.raises(InputError, match="of another network"):
        next(Training(Mixture(), 3, Own(), network="mlp").learners(context))


def beside(on: Problem, made: DistilledSet, baselines: tuple[str, ...]) -> list[Entry]:
    return entries([(ProbeContext(on, "set", made), Path("set.safetensors"), made)], Own(), baselines)


def schedule_of(entry: Entry, count: int) -> Schedule:
    """How the learner of an entry is trained on so many examples."""
    own = entry.training(0)._own(entry.context, count)
    return entry.protocol.schedule(own, count, KEY)


def test_a_baseline_of_as_many_items_gets_the_schedule_of_the_set_and_another_its_rates() -> None:
    order = torch.tensor([[0, 5, 7], [3, 1, -1]])
    made = carrying(Schedule(torch.tensor(RATES), order, Adam().rule()))
    _, same, full = beside(problem(), made, ("random", "full"))
    assert same.source.count(same.context) == 20
    schedule = schedule_of(same, 20)
    assert all(map(torch.equal, schedule[:2], made.schedule[:2])) and schedule.rule == made.schedule.rule
    other = schedule_of(same, 30)
    assert torch.equal(other.learning_rates, made.schedule.learning_rates) and other.rule == made.schedule.rule
    assert other.order.tolist() == [list(range(30))]
    whole = schedule_of(full, 1000)
    assert whole.rule == made.schedule.rule and len(whole.learning_rates) == 5 * 4
    assert whole.learning_rates.tolist() == pytest.approx([sum(RATES) / 3] * 20)
    # Rates for another loss say nothing of it: all real data are then trained on as by default.
    other = replace(made, schedule=made.schedule._replace(loss=BySquaredError()))
    whole = schedule_of(beside(problem(), other, ("full",))[-1], 1000)
    assert whole.rule == Momentum(0.9).rule() and isinstance(whole.loss, ByTask)
    assert whole.learning_rates.tolist() == pytest.approx([0.01] * 20)
    assert sorted(whole.order[whole.order >= 0].tolist()) == sorted([*range(1000)] * 5)


def test_a_learner_of_all_real_data_is_read_on_validation_examples_at_its_start_half_and_end() -> None:
    made = carrying(Schedule(torch.tensor([0.1]), torch.arange(20)[None], Adam().rule()))
    contexts = [(ProbeContext(problem(), "set", made), Path("set"), made)]
    protocol = Epochs(epochs=12, full_epochs=1)
    _, full = entries(contexts, protocol, ("full",))
    training = full.training(0)
    assert (training.reads, training.until) == ((0, 6, 12), Level(first=12))
    outcome = training.run(full.context)
    assert outcome["steps"].tolist() == [0, 6, 12]
    # Nothing ends before its last step, which is where the score is read.
    plain = replace(training, until=None, validation=2000, reads=(-1,)).run(full.context)
    assert float(outcome["scores"][-1]) == float(plain["validation"])
    assert float(outcome["accuracy"][-1]) == float(plain["accuracy"][-1])
    assert 0 < float(outcome["scores"][0]) < float(outcome["scores"][-1]) <= 1


def test_where_the_schedule_of_a_set_decides_each_has_baselines_of_its_own() -> None:
    on, path = problem(), Path("set.safetensors")
    sets = [carrying(Schedule(torch.tensor([rate]), torch.arange(20)[None], Momentum().rule())) for rate in (0.1, 0.2)]
    contexts = [(ProbeContext(on, "set", made), path, made) for made in sets]
    baselines = ("random", "full")
    own, published = (entries(contexts, protocol, baselines) for protocol in (Own(), Epochs()))
    assert [entry.name for entry in published] == ["set", "set", "random", "full"]
    assert [entry.name for entry in own] == ["set", "set", "random", "random", "full", "full"]
    addresses = [json.dumps(entry.context.address(entry.training(0))) for entry in own]
    assert len(set(addresses)) == 6
    # A worker must be given the set that decides, and no other.
    assert all(entry.path == path for entry in own) and published[2].path is None


def test_evaluate_trains_sets_and_baselines_by_their_own(tmp_path: Path) -> None:
    path = tmp_path / "set.safetensors"
    carrying(Schedule(torch.tensor([0.5, 0.2]), torch.arange(20)[None], Momentum(0.5).rule())).save(path)
    session = limbeck.Session(runs=tmp_path, workers=1)
    rows = limbeck.evaluate(path, repeats=1, baselines=("random", "full"), protocol="own", session=session)
    assert [row.set for row in rows] == [str(path), "random", "full"]
    assert {row.protocol for row in rows} == {"own"}
    assert 0.1 < rows[0].mean < rows[2].mean


def test_the_published_protocols_are_those_published() -> None:
    assert Epochs() == PROTOCOLS["yang2024"]
    plain = PROTOCOLS["yang2024"].schedule(None, 100, KEY)
    assert plain.learning_rates.tolist() == pytest.approx([0.01] * 300)
    assert plain.order.tolist() == [list(range(100))]
    assert [float(leaf) for leaf in plain.rule] == pytest.approx([0.9, 0.0])
    own = Schedule(torch.tensor([0.02, 0.0]), torch.arange(500)[None], Momentum(0.0).rule())
    published = [("dc", 300, 151), ("cafe", 600, 301), ("dsa", 1000, 501), ("dm", 1000, 501), ("mtt", 1000, 501)]
    for name, epochs, drop in published:
        schedule = named(name).schedule(own, 500, KEY)
        assert schedule.order.shape == (2 * epochs, 256)
        assert schedule.learning_rates.tolist() == pytest.approx([0.01] * (2 * drop) + [0.001] * (2 * (epochs - drop)))
        assert [float(leaf) for leaf in schedule.rule] == pytest.approx([0.9, 5e-4])
        assert named(name).augment == (Siamese(together=True) if epochs == 1000 else None)


def test_the_learning_rate_of_idc_falls_twice_to_a_fifth() -> None:
    idc = named("idc")
    schedule = idc.schedule(None, 128, KEY)
    assert schedule.order.shape == (2 * 1000, 64)
    rates = [0.01] * (2 * 666) + [0.002] * (2 * (833 - 666)) + [0.0004] * (2 * (1000 - 833))
    assert schedule.learning_rates.tolist() == pytest.approx(rates)
    assert str(idc.augment).endswith("crop scale rotate, one operation a batch, CutMix at 0.5 of the steps")
    assert "0.2 of the learning rate after 666 and 833" in str(idc)


def test_a_name_is_published_only_where_every_field_is() -> None:
    assert all(protocol.name == name for name, protocol in PROTOCOLS.items())
    assert all(str(protocol).startswith(f"{name}: ") for name, protocol in PROTOCOLS.items())
    dc = PROTOCOLS["dc"]
    assert replace(dc, epochs=3).name == "dc with epochs 3"  # type: ignore[type-var]
    assert replace(dc, augment=Siamese(("flip",)), batch=0).name == "dc with batch 0, augmented (flip)"  # type: ignore[type-var]
    assert replace(dc, optimizer=Adam()).name == "dc with Adam 0.01, betas 0.9 and 0.999"  # type: ignore[type-var]
    assert Own(full_epochs=1).name == "own with full_epochs 1"
    assert replace(dc, epochs=300) == dc  # type: ignore[type-var]


def test_only_protocols_that_say_so_look_at_the_schedule_of_a_set() -> None:
    own = Schedule(torch.tensor([0.5]), torch.arange(9)[None], Adam().rule())
    assert {name for name, protocol in PROTOCOLS.items() if protocol.uses_own} == {"frepo", "lors", "mtt", "own"}
    for protocol in PROTOCOLS.values():
        if protocol.uses_own:
            with pytest.raises(InputError, match="as a set says"):
                protocol.schedule(None, 9, KEY)
        else:
            with_own, without = protocol.schedule(own, 9, KEY), protocol.schedule(None, 9, KEY)
            assert all(map(torch.equal, with_own[:2], without[:2])) and with_own.rule == without.rule


def test_a_mean_learning_rate_that_leads_nowhere_is_refused() -> None:
    own = Schedule(torch.tensor([0.1, -0.3]), torch.arange(9)[None], Momentum().rule())
    with pytest.raises(InputError, match="learning rate of -0.1"):
        named("mtt").schedule(own, 9, KEY)
    with pytest.raises(InputError, match="item 8 in the schedule of a set of 5"):
        named("own").schedule(own, 5, KEY)


def test_the_full_data_get_at_least_the_steps_of_the_set_and_at_least_their_epochs() -> None:
    protocol = Epochs(full_epochs=5, full_batch=256)
    assert len(protocol.full_schedule(None, 1000, 300, KEY).learning_rates) == 300
    assert len(protocol.full_schedule(None, 45_000, 300, KEY).learning_rates) == 5 * 176


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Epochs(epochs=0), "epochs: found 0"),
        (lambda: Epochs(full_batch=0), "full_batch: found 0"),
        (lambda: Epochs(batch=-1), "batch: found -1"),
        (lambda: Epochs(drop_after=-1), "drop_after: found -1"),
        (lambda: Epochs(drop_to=0.0), "drop_to: found 0"),
        (lambda: Epochs(learning_rate=-0.1), "learning_rate: found -0.1"),
        (lambda: Epochs(optimizer=Momentum(2.0)), "momentum: found 2"),
        (lambda: Epochs(optimizer=Momentum(0.9, -1.0)), "weight_decay: found -1"),
        (lambda: Epochs("paper"), "unknown published protocol 'paper'"),
        (lambda: Own(full_batch=0), "full_batch: found 0"),
        (lambda: named("owm"), "did you mean 'own'"),
    ],
)
def test_nonsense_is_refused(make: Callable[[], AbstractProtocol], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        make()

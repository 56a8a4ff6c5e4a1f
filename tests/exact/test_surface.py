"""Slopes and eigenvalues are those of dense derivatives, planes hold their middle, and curves lie below lines."""

from __future__ import annotations

import functools

import pytest
import torch
from torch.func import hessian

from limbeck.computations import Around, Line, Local, Mixture, PrincipalPlane, Steps, Training
from limbeck.computations.around import last, read_all, real_losses
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.computations.landscape import mean_loss_at
from limbeck.computations.sources import real
from limbeck.core import tree
from limbeck.core.contracts import NoCache, Problem
from limbeck.core.key import Key
from limbeck.learn.alignment import is_chain
from limbeck.learn.curvature import flat, shaped
from limbeck.learn.directions import along, barrier, between, filter_normalised
from limbeck.learn.losses import BySquaredError
from limbeck.learn.principal import principal
from limbeck.learn.sensitivity import mean_loss
from limbeck.probes.verdicts.surface import Seen, verdict
from limbeck.protocols import Epochs
from limbeck.statistics.correlation import rank_correlation
from limbeck.tasks import load

KEY = Key(("surface",))
CPU = torch.device("cpu")
TINY = "mlp-w3-tanh"
OURS = Training(Mixture(), 0, Steps(20, learning_rate=0.05), reads=(), keeps=(0, 5, 10, 15, 20))
REAL = Training(Mixture((), 3), 1, Steps(20, learning_rate=0.05), reads=(), keeps=(0, 20))


class Notebook(NoCache):
    """A memo in memory."""

    def __init__(self) -> None:
        self.pages: dict[str, tree.Tree] = {}

    def remember(self, address, make, branch=""):  # type: ignore[no-untyped-def]
        name = repr(sorted(address.items(), key=str))
        if name not in self.pages:
            self.pages[name] = make()
        return tree.branch(self.pages[name], branch)


def losses(context: ProbeContext, params: tree.Tree, most: int) -> list[float]:
    """The real loss, and the set's own."""
    return [float(each) for each in read_all(context, [params], most)]


@functools.lru_cache(maxsize=4)
def context_of(network: str = TINY, squared: bool = False) -> ProbeContext:
    task = load("digits")
    problem = Problem(task, task.network(network), CPU, Notebook())
    batch = problem.real(KEY, 1)
    schedule = Epochs(epochs=3).schedule(None, len(batch.classes), KEY)
    if squared:
        schedule = schedule._replace(loss=BySquaredError())
    return ProbeContext(problem, "set", BatchSet(f"{network} {squared}", batch, schedule), "test", 50)


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("on_real", [0, 2])
def test_the_slope_and_the_ends_of_the_spectrum_are_those_of_dense_derivatives(on_real: int, squared: bool) -> None:
    context = context_of(squared=squared)
    problem = context.problem
    params = last(context, OURS)
    size = len(flat(params))
    found = Local(OURS, real=on_real, iterations=size).run(context)
    batch = real(problem, on_real, 0) if on_real else context.distilled.batch
    goal = BySquaredError() if squared and not on_real else problem.goal
    loss = mean_loss(problem.task, problem.network, goal)

    def of(vector: torch.Tensor) -> torch.Tensor:
        return loss(shaped(params, vector), batch)

    at = flat(params)
    values = torch.linalg.eigvalsh(hessian(of)(at).double())
    assert float(found["loss"]) == pytest.approx(float(of(at)), rel=1e-5)
    assert float(found["slope"]) == pytest.approx(float(torch.func.grad(of)(at).norm()), rel=1e-4)
    spread = float(values[-1] - values[0])
    assert float(found["lowest"]) == pytest.approx(float(values[0]), abs=2e-3 * spread)
    assert float(found["highest"]) == pytest.approx(float(values[-1]), abs=2e-3 * spread)


def test_the_middle_of_a_random_plane_is_the_learner_and_a_corner_lies_where_it_says() -> None:
    context = context_of()
    around = Around(OURS, plane=3, size=4, radius=0.5, subsets=(1,), most=40)
    found, centre = around.run(context), last(context, OURS)
    assert all(values.shape == (5, 5) for values in found.values())
    assert [float(found["real"][2, 2]), float(found["set"][2, 2])] == losses(context, centre, 40)
    across = [filter_normalised(centre, Key(("around", 3, side))) for side in range(2)]
    corner = along(centre, (0.5, -0.25), across)
    assert [float(found[name][1, 4]) for name in ("real", "set")] == pytest.approx(losses(context, corner, 40))
    subset = real(context.problem, 1, 4)
    assert float(found["subset 1"][1, 4]) == pytest.approx(mean_loss_at(context.problem, corner, subset))
    assert rank_correlation(found["real"].flatten(), found["real"].flatten()) == pytest.approx(1)


def test_a_line_begins_and_ends_at_its_learners_and_a_curve_is_lower_on_the_way() -> None:
    context = context_of("mlp-w8-tanh")
    far = (
        Training(Mixture((), 8), 0, Steps(150, learning_rate=0.2), reads=(), keeps=(150,)),
        Training(Mixture((), 8), 1, Steps(150, learning_rate=0.2), reads=(), keeps=(150,)),
    )
    shares = tuple(index / 8 for index in range(9))
    straight, aligned, bent = (
        Line(*far, shares, most=0, **options).run(context)["real"].tolist()
        for options in ({}, {"align": True}, {"bent": 100})
    )
    ends = real_losses(context, [last(context, each) for each in far], 0)
    for found in (straight, aligned, bent):
        assert [found[0], found[-1]] == pytest.approx(ends, rel=1e-4)
    middle = between(*(last(context, each) for each in far), 0.5)
    assert straight[4] == pytest.approx(real_losses(context, [middle], 0)[0])
    assert barrier(shares, straight) > 0
    assert sum(bent) < sum(straight) and barrier(shares, aligned) < barrier(shares, straight)
    itself = Line(far[0], far[0], shares, most=20).run(context)["real"]
    assert barrier(shares, itself.tolist()) == pytest.approx(0, abs=1e-6)


def test_the_principal_plane_holds_the_end_and_what_a_trajectory_in_a_plane_does() -> None:
    spans = torch.linalg.qr(KEY.fold("spans").normal(40, 2).double()).Q.T
    spots = KEY.fold("spots").normal(7, 2).double()
    points = KEY.fold("offset").normal(40).double() + spots @ spans
    found = principal(points)
    assert float(found.explained.sum()) == pytest.approx(1)
    torch.testing.assert_close(found.origin + found.path @ found.directions, points)
    assert found.path[-1].tolist() == [0.0, 0.0]
    line = principal(torch.stack([torch.zeros(5), torch.ones(5)]))
    assert line.explained.tolist() == pytest.approx([1, 0])
    torch.testing.assert_close(line.directions @ line.directions.T, torch.eye(2).double())


def test_the_principal_plane_of_a_training_is_read_where_its_learners_lie() -> None:
    context = context_of()
    found = PrincipalPlane(OURS, size=3, margin=0.0, most=30).run(context)
    path = found["path"]
    assert path.shape == (5, 2) and path[-1].tolist() == [0.0, 0.0]
    assert float(found["x"][0]) == pytest.approx(float(path[:, 0].min()))
    points = torch.stack([flat(last(context, OURS, step)) for step in OURS.keeps]).double()
    lengths = (points - points[-1]).norm(dim=1)
    assert bool((path.norm(dim=1) <= lengths + 1e-9).all())
    squared = float(path.square().sum() / lengths.square().sum())
    assert float(found["explained"].sum()) == pytest.approx(squared)


def test_the_real_loss_of_control_is_less_the_return_played_side_by_side_or_not() -> None:
    task = load("cartpole")
    problem = Problem(task, task.network("mlp-w4-tanh-policy"), CPU, NoCache())
    context = ProbeContext(problem, "set", None, "validation", 20)
    points = [tree.map(lambda leaf, by=by: by * leaf, problem.network.init(KEY)) for by in (1.0, 30.0, 0.0)]
    found = real_losses(context, points, 20)
    assert len(set(found)) > 1 and found == [real_losses(context, [params], 20)[0] for params in points]
    name = task.metrics[0].name
    for params, loss in zip(points, found, strict=True):

        def policy(seen: torch.Tensor, at: tree.Tree = params) -> torch.Tensor:
            return problem.network.apply(at, seen).outputs

        assert loss == -task.evaluate(policy, "validation", KEY)[name] < -1


def test_a_chain_of_layers_is_told_from_what_is_none() -> None:
    task = load("digits")
    assert is_chain(task, task.network("mlp-w8-tanh")) and is_chain(task, task.network("convnet-w4-d2"))
    assert not is_chain(task, task.network("convnet-w4-d1-batch"))


LOW, HIGH = (-2.0, -2.1, -1.9, -2.0, -2.05), (1.0, 1.1, 0.9, 1.0, 1.05)
FLAT = (0.01, -0.01, 0.0, 0.005, -0.005)
BESIDE = (1.0, 1.1, 0.9, 1.0, 1.05)


def seen(growth=LOW, steeper=FLAT, bent=FLAT, barriers=BESIDE) -> Seen:  # type: ignore[no-untyped-def]
    return Seen(*(list(each) for each in (growth, steeper, bent, barriers, BESIDE)))


def test_a_verdict_says_what_is_decided_and_what_is_not() -> None:
    control = seen(growth=())
    low = verdict(seen(), control, (2, 3), 0.05)
    assert low.text.startswith("Training on the set lowers the set's own loss, to 0.0098 (0.007 to 0.014) times")
    assert low.tone == "note"
    assert "Whether the real loss is steeper there than after training on real data is open: it is 1 (" in low.text
    assert low.text.endswith("2 of 3 random planes around it the real loss is lowest there, which proves no minimum.")
    assert [each.side for each in low.claims] == ["below", "open", "open", "open"]
    high = verdict(seen(HIGH, HIGH, [-each for each in HIGH], [5 + each for each in FLAT]), control, (0, 0), 0.05)
    assert "ends in no minimum of the set's own loss, which comes to 10 (" in high.text
    assert (
        "It ends in no minimum of the real loss: that is 10 (" in high.text and ", and curves downwards (" in high.text
    )
    assert "It lies farther from networks of real data than these from one another" in high.text
    assert "So it is after as many random real examples" not in high.text and "planes" not in high.text
    assert [each.side for each in high.claims] == ["above", "above", "below", "above"]
    too = verdict(seen(HIGH, HIGH), seen((), HIGH), (0, 0), 0.05)
    assert "So it is after as many random real examples." in too.text


def test_nothing_is_claimed_of_one_learner_nor_of_what_diverges() -> None:
    one = Seen([1.0], [0.5], [-0.1], [2.0], list(BESIDE))
    found = verdict(one, seen(growth=()), (1, 1), 0.05)
    assert found.text.startswith("Described, not decided: the set makes one learner") and found.claims == ()
    assert "comes to 10 times what it was" in found.text and found.tone == "unknown"
    for broken in (replace_in(seen(), "growth", float("inf")), replace_in(seen(), "barriers", float("nan"))):
        assert verdict(broken, seen(growth=()), (0, 0), 0.05).text.startswith("Not known: training diverges")
    nothing = verdict(seen(growth=FLAT), seen(growth=()), (0, 0), 0.05)
    assert nothing.text.startswith("Inconclusive. The set's own loss comes to 1 (") and nothing.tone == "unknown"


def replace_in(whole: Seen, name: str, value: float) -> Seen:
    return whole._replace(**{name: [value, *getattr(whole, name)[1:]]})

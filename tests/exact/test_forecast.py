"""Windows of a recording, one series that is stored for all of them, and what forecasts are learned and scored by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch
from torch import Tensor

import waves
from checkpoints import Kept, quiet
from limbeck import DistilledSet, Session, distill, evaluate, write_report
from limbeck.cli import main
from limbeck.composition import Recipe
from limbeck.computations import Training
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.computations.experts import Experts, followed
from limbeck.core.contracts import Batch, NoCache, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distillation import Distillation
from limbeck.distillation import distill as distilled
from limbeck.distilled_set import DistilledSet as Set
from limbeck.learn.fourier import amplitudes
from limbeck.learn.networks import build
from limbeck.learn.networks.modules1d import Decomposed
from limbeck.learn.optim import Adam, TakingTurns
from limbeck.learn.rules import Momentum
from limbeck.learn.windows import Recording, Windows
from limbeck.objectives import HarmonicTrajectory, RelaxedTrajectory, Trajectory
from limbeck.options import compose
from limbeck.parameterizations import Pixels, Spectrum
from limbeck.parameterizations import Windows as Stored
from limbeck.protocols import Epochs
from limbeck.recipes import recipe_for
from limbeck.runs import worker
from limbeck.runs.executors import AbstractExecutor, Job
from limbeck.schedules import Fixed
from limbeck.starts import Stretch
from limbeck.tasks import load, reload
from limbeck.tasks.forecast import ForecastTask

KEY, CPU = Key(("forecast",)), torch.device("cpu")
LOOKBACK, HORIZON = 8, 4
SHORT = Fixed(steps=3, learning_rate=0.1, optimizer=Momentum(0.5))
FOLLOWED = Experts(count=1, epochs=2, learning_rate=0.05, batch=64, augment=None)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return waves.recording(tmp_path_factory.mktemp("recorded") / "plant.parquet")


@pytest.fixture(scope="module")
def task(path: Path) -> ForecastTask:
    made = load(f"forecast:{path}", lookback=LOOKBACK, horizon=HORIZON)
    assert isinstance(made, ForecastTask)
    return made


@pytest.fixture(scope="module")
def problem(task: ForecastTask) -> Problem:
    return Problem(task, task.network("dlinear-k3"), CPU, NoCache())


class Here(AbstractExecutor):
    """Jobs one after the other in this process."""

    def run(self, jobs: list[Job], told: Any, seconds: object = ()) -> None:
        for index, job in enumerate(jobs):
            worker.do(job)
            told(index, 1.0)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with Session(tmp_path_factory.mktemp("runs"), device="cpu", workers=1, executor=Here()) as made:
        yield made


def written(path: Path) -> np.ndarray:
    table = pyarrow.parquet.read_table(path)
    return np.stack([table[name].to_numpy() for name in ("load", "heat")])


def test_windows_are_those_of_the_table_in_units_of_the_training_times(task: ForecastTask, path: Path) -> None:
    numbers = written(path)
    train = numbers[:, :168]
    scaled = (numbers - train.mean(1, keepdims=True)) / train.std(1, keepdims=True)
    assert task.columns == ("load", "heat") and task.shape == (1, LOOKBACK)
    for split, begin, end in (("train", 0, 168), ("validation", 168 - LOOKBACK, 192), ("test", 192 - LOOKBACK, 240)):
        batch = task.load(split)
        count = end - begin - LOOKBACK - HORIZON + 1
        assert len(batch.classes) == 2 * count == len(task.groups(split)[0])
        for window in range(0, count, 7):
            for channel in range(2):
                row, at = 2 * window + channel, begin + window
                past, future = scaled[channel, at : at + LOOKBACK], scaled[channel, at + LOOKBACK :][:HORIZON]
                np.testing.assert_allclose(batch.inputs[row, 0], past, atol=1e-5)
                np.testing.assert_allclose(batch.targets[row], future, atol=1e-5)
        some = torch.tensor([5, 0, 3])
        part = task.load(split, some)
        assert torch.equal(part.inputs, batch.inputs[some]) and torch.equal(part.targets, batch.targets[some])
    assert reload(task.reference, None).fingerprint == task.fingerprint


def test_errors_are_means_over_all_windows_and_a_target_keeps_its_units(task: ForecastTask, path: Path) -> None:
    batch = task.load("test")
    values = task.evaluate(lambda inputs: inputs[:, 0, -1:].expand(-1, HORIZON), "test", KEY)
    off = (batch.inputs[:, 0, -1:] - batch.targets).double()
    assert values == pytest.approx(
        {"squared error": float(off.square().mean()), "absolute error": float(off.abs().mean())}
    )
    torch.testing.assert_close(task.loss(batch.targets + 2, batch.targets), torch.full((len(off),), 4.0))
    alone = load(f"forecast:{path}", lookback=LOOKBACK, horizon=HORIZON, target="heat")
    native = alone.native("train")
    np.testing.assert_allclose(native[0, 0], written(path)[1, :LOOKBACK], rtol=1e-5)


def test_csv_and_parquet_are_one_and_a_clock_is_left_out(task: ForecastTask, tmp_path: Path) -> None:
    other = load(f"forecast:{waves.recording(tmp_path / 'plant.csv')}", lookback=LOOKBACK, horizon=HORIZON)
    assert any("the column date says when" in note for note in other.notes)
    torch.testing.assert_close(other.load("test").inputs, task.load("test").inputs)


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        ({"a": [1.0, 2.0] * 60}, {"horizon": 200}, "split leaves 12 times for a future, expected at least the horizon"),
        ({"a": [1.0, 2.0] * 60}, {"horizon": 0}, "horizon 0, expected at least 1 time"),
        ({"a": [1.0, 2.0] * 60}, {"target": "b"}, "no column 'b' of numbers, found a; name one of these"),
        ({"a": ["1", "2"] * 60}, {}, "column a holds string, expected numbers"),
        ({"a": [1.0, None] * 60}, {}, "row 1: column a has no finite number there (as in 60 rows)"),
        ({"a": [1.0, float("nan")] * 60}, {}, "row 1: column a has no finite number there"),
        ({"date": ["x", "y"] * 60}, {}, "found no column of numbers"),
        ({"a": np.zeros(0)}, {}, "found no rows"),
        ({"a": [1.0, 2.0]}, {}, "split leaves 0 times for a future"),
    ],
)
def test_what_cannot_be_forecast_is_refused_in_one_line(
    columns: dict[str, Any], options: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "broken.parquet"
    pyarrow.parquet.write_table(pyarrow.table(columns), place)
    given = {"lookback": LOOKBACK, "horizon": HORIZON, **options}
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    assert main(["describe", f"forecast:{place}", *words]) == 2
    complaint = capsys.readouterr().err
    assert said in complaint and complaint.count("\n") == 1


def test_files_that_are_no_tables_and_named_recordings_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"no")
    (tmp_path / "a.txt").write_bytes(b"no")
    for name, said in (("a.parquet", "damaged"), ("a.txt", "found the ending '.txt'"), ("b.csv", "found no file")):
        with pytest.raises(InputError, match=said):
            load(f"forecast:{tmp_path / name}")
    with pytest.raises(InputError, match=r"etth1: not found; looked in .*ett for ETTh1.parquet or ETTh1.csv"):
        load("etth1", root=tmp_path)
    flat = tmp_path / "flat.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"a": [2.0] * 120, "b": list(range(120))}), flat)
    described = load(f"forecast:{flat}", lookback=LOOKBACK, horizon=HORIZON).describe()
    assert described["warnings"] == ["constant channels: a never change in the training times"]


def test_the_published_split_of_ett(data_root: Path) -> None:
    task = load("etth1", root=data_root)
    assert [len(task.groups(split)[0]) for split in ("train", "validation", "test")] == [7 * 8449, 7 * 2785, 7 * 2785]
    series = task.recording.series["train"]  # type: ignore[attr-defined]
    torch.testing.assert_close(series.mean(1), torch.zeros(7), atol=1e-5, rtol=0)


def test_a_decomposition_adds_up_to_its_input_and_one_layer_is_the_sum_of_two() -> None:
    windows = KEY.normal(5, 2, 9).double()
    for kernel in (1, 2, 5, 25):
        rest, trend = Decomposed(kernel)(windows).unflatten(1, (2, 18)).unbind(1)
        torch.testing.assert_close((rest + trend).unflatten(1, (2, 9)), windows)
    ramp = torch.arange(9, dtype=torch.float64)[None, None]
    (trend,) = Decomposed(5)(ramp)[:, 9:]
    padded = torch.cat([torch.zeros(2), torch.arange(9), torch.full((2,), 8.0)]).double()
    torch.testing.assert_close(trend, padded.unfold(0, 5, 1).mean(1), msg="the ends go on as they are")
    network = build("dlinear-k5", (1, 9), 3, takes="series")
    params, inputs = network.init(KEY), windows[:, :1].float()
    rest, trend = Decomposed(5)(inputs).unflatten(1, (2, 9)).unbind(1)
    weight = params["head.weight"]
    expected = rest @ weight[:, :9].T + trend @ weight[:, 9:].T + params["head.bias"]
    torch.testing.assert_close(network.apply(params, inputs).outputs, expected)
    assert float(weight.abs().max()) <= 1 / 3 and float(weight.abs().max()) > 0.3, "as layers of nine inputs begin"


def test_windows_of_one_series_are_cut_from_it_and_their_gradients_are_added_where_they_overlap() -> None:
    recording = Recording({"train": torch.zeros(2, 30)}, 3, 2)
    series = KEY.normal(2, 9).double().requires_grad_()
    past, future = recording.cut(series)
    assert past.shape == (10, 1, 3) and future.shape == (10, 2)
    for window in range(5):
        for channel in range(2):
            whole = torch.cat([past[2 * window + channel, 0], future[2 * window + channel]])
            assert torch.equal(whole, series[channel, window : window + 5])
    by_past, by_future = KEY.fold("past").normal(10, 1, 3).double(), KEY.fold("future").normal(10, 2).double()
    (slope,) = torch.autograd.grad((past * by_past).sum() + (future * by_future).sum(), series)
    expected = torch.zeros(2, 9, dtype=torch.float64)
    for item in range(10):
        window, channel = divmod(item, 2)
        expected[channel, window : window + 5] += torch.cat([by_past[item, 0], by_future[item]])
    torch.testing.assert_close(slope, expected)
    # Put together again they are the series; and where they contradict one another, what they say in the mean.
    torch.testing.assert_close(recording.joined(Windows(past, future)), series)
    changed = recording.joined(Windows(past, future + 1)) - series
    often = torch.tensor([0, 0, 0, 1 / 4, 2 / 5, 2 / 4, 2 / 3, 1.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(changed.detach(), often.expand(2, -1))


@pytest.mark.parametrize("inner", [Pixels(), Spectrum()], ids=["numbers", "spectrum"])
def test_one_series_is_stored_for_all_of_its_windows(inner: Any, problem: Problem, tmp_path: Path) -> None:
    part, task = Stored(inner), problem.task
    start = Stretch().pick(problem, 20, KEY)
    params = part.init(problem, start, KEY)
    rendered = part.render(params, KEY)
    torch.testing.assert_close(rendered.inputs, start.inputs, rtol=0, atol=1e-5)
    torch.testing.assert_close(rendered.targets, start.targets, rtol=0, atol=1e-5)
    assert torch.equal(rendered.classes, start.classes)
    # Ten windows of each of two channels are cut from 21 times.
    assert part.cost(task, 20) == part.cost(task, 19) == 4 * 2 * 21 == part.counted(part.stored(params)).shared.bytes
    assert len(part.origins(params)) == 20 and not part.origins(params).any()
    schedule = SHORT.render({}, rendered.classes, KEY)
    data, spec = {"name": "plant", "fingerprint": "f"}, {"network": "dlinear"}
    made = Set(params, part, schedule, task.codec, task.classes, data, spec)
    made.save(tmp_path / "set.safetensors")
    again = DistilledSet.load(tmp_path / "set.safetensors")
    assert again == made and again.budget.bytes == 168
    assert torch.equal(again.batch.inputs, made.batch.inputs)
    (picture,) = part.pictured(params, task.classes)
    assert picture.pictures.shape[1] == 3


def test_of_a_stretch_all_channels_are_there_and_more_than_there_is_is_refused(problem: Problem) -> None:
    batch = Stretch().pick(problem, 5, KEY)
    series = problem.task.recording.joined(Windows(batch.inputs, batch.targets))  # type: ignore[attr-defined]
    train = problem.task.recording.series["train"]  # type: ignore[attr-defined]
    places = [place for place in range(150) if torch.allclose(train[:, place:][:, : series.shape[1]], series)]
    assert len(batch.classes) == 6 and len(places) == 1
    with pytest.raises(InputError, match="has 314 training examples, 316 per class were asked for"):
        Stretch().pick(problem, 315, KEY)


def synthetic_of(problem: Problem, series: Tensor) -> Synthetic:
    past, future = problem.task.recording.cut(series)  # type: ignore[attr-defined]
    batch = Batch(past, future, torch.zeros(len(past), dtype=torch.int64))
    return Synthetic.of(batch, SHORT.render({}, batch.classes, KEY))


def test_the_loss_of_harmonics_is_what_is_written_and_its_gradient_is_exact(problem: Problem) -> None:
    objective, recording = HarmonicTrajectory(harmonic=0.3, top=2), problem.task.recording  # type: ignore[attr-defined]
    assert objective.init(problem, KEY) == {}
    real = recording.stretch(20, KEY.fold("stretch"))
    same = synthetic_of(problem, real)
    assert float(objective.loss({}, problem, same, KEY)) < 1e-6, "a set that is the stretch itself"
    series = (real + 0.2 * KEY.normal(2, 20)).requires_grad_()
    loss = objective.loss({}, problem, synthetic_of(problem, series), KEY)
    (slope,) = torch.autograd.grad(loss, series)

    def trained(stretch: Tensor) -> dict[str, Tensor]:
        params = {name: leaf.double() for name, leaf in problem.network.init(KEY.fold("network")).items()}
        pace = {name: torch.zeros_like(leaf) for name, leaf in params.items()}
        past, future = recording.cut(stretch)
        for _ in range(SHORT.steps):
            free = {name: leaf.requires_grad_() for name, leaf in params.items()}
            off = (problem.network.apply(free, past).outputs - future).square().mean()
            slopes = torch.autograd.grad(off, list(free.values()), create_graph=True)
            pace = {name: 0.5 * pace[name] + by for (name, _), by in zip(free.items(), slopes, strict=True)}
            params = {name: leaf - 0.1 * pace[name] for name, leaf in free.items()}
        return params

    double = series.detach().double().requires_grad_()
    begun = problem.network.init(KEY.fold("network"))
    ours, theirs = trained(double), trained(real.double())
    share = sum((ours[name] - theirs[name]).square().sum() for name in ours) / sum(
        (begun[name].double() - theirs[name]).square().sum() for name in ours
    )
    strong, found = amplitudes(real.double()), amplitudes(double)
    parts = [(strong[row] - found[row])[strong[row].argsort(descending=True)[:2]] for row in range(2)]
    expected = share + 0.3 * torch.cat(parts).norm()
    torch.testing.assert_close(loss.double(), expected, rtol=1e-4, atol=1e-6)
    (wanted,) = torch.autograd.grad(expected, double)
    torch.testing.assert_close(slope.double(), wanted, rtol=1e-3, atol=1e-5)


def test_a_plain_step_down_the_distance_of_futures_is_the_published_relaxation(problem: Problem) -> None:
    objective = RelaxedTrajectory(Trajectory(FOLLOWED, 1, latest=1, augment=None))
    recording = problem.task.recording  # type: ignore[attr-defined]
    expert, rate = problem.network.init(KEY.fold("expert")), 0.25
    series = KEY.normal(2, 15).requires_grad_()
    loss = objective.unlikely(problem, synthetic_of(problem, series), expert)
    (slope,) = torch.autograd.grad(loss, series)
    turn = TakingTurns(Adam(0.1), every=3, learning_rate=rate)
    state = turn.init(series.detach())
    stepped, after = turn.at(2, 9).step(series.detach(), slope, state)
    assert after is state, "the other optimizer has not seen it"
    past, _ = recording.cut(series.detach())
    said = problem.network.apply(expert, past).outputs
    expected = series.detach().clone()
    for channel in range(2):
        for time in range(LOOKBACK, 15):
            forecasts = [
                float(said[2 * window + channel, time - window - LOOKBACK])
                for window in range(4)
                if 0 <= time - window - LOOKBACK < HORIZON
            ]
            mean = sum(forecasts) / len(forecasts)
            expected[channel, time] = (1 - rate) * expected[channel, time] + rate * mean
    torch.testing.assert_close(stepped, expected)
    assert torch.equal(stepped[:, :LOOKBACK], series[:, :LOOKBACK]), "what no window forecasts stays"
    moved, counted = turn.at(1, 9).step(series.detach(), slope, state)
    assert torch.equal(moved, Adam(0.1).step(series.detach(), slope, state)[0]) and counted is not state


def test_every_third_step_draws_futures_and_the_others_follow_trajectories(
    task: ForecastTask, session: Session
) -> None:
    problem = session.problem(task, "dlinear-k3")
    context = ProbeContext(problem)
    for training in FOLLOWED.trainings(problem):
        context.outcome(training)
    around = Trajectory(FOLLOWED, 1, latest=1, augment=None)
    objective = RelaxedTrajectory(around, every=2)
    series = KEY.normal(2, 20)
    shown, state = synthetic_of(problem, series), objective.init(problem, KEY)
    assert torch.equal(objective.loss(state, problem, shown, KEY), around.loss(state, problem, shown, KEY))
    state = objective.advance(state, problem, shown, KEY)
    expert = FOLLOWED.snapshot(problem, 0, 2)
    assert torch.equal(objective.loss(state, problem, shown, KEY), objective.unlikely(problem, shown, expert))


def ends(problem: Problem, name: str, options: dict[str, Any], steps: int) -> list[tuple[Batch, float]]:
    """What a recipe starts from and what it comes to, each with the test error of a learner of it."""
    found = []
    for count in (0, steps):
        recipe = compose(recipe_for(name, "etth1", 4), {**options, "schedule.steps": 10, "steps": count})
        context = ProbeContext(problem)
        for experts in followed(recipe):
            for training in experts.trainings(problem):
                context.outcome(training)
        done = distilled(Distillation(problem, recipe, 4, Key(("c",)), checks=0), Kept(), quiet)
        batch = recipe.parameterization.render(done.params, KEY)
        judged = ProbeContext(problem, set=BatchSet("", batch, done.schedule), split="test")
        learner = Training(protocol=Epochs(epochs=100, learning_rate=0.1))
        found.append((batch, float(learner.run(judged)["squared error"][-1])))
    return found


def test_harmonics_and_trajectories_make_a_better_series_than_the_stretch_they_begin_with(
    task: ForecastTask, session: Session
) -> None:
    problem = session.problem(task, "dlinear-k3")
    # 0.071 and 0.060 after twice as many steps.
    (_, before), (_, after) = ends(problem, "hdt", {"optimizer.learning_rate": 0.05}, 40)
    assert after < 0.95 * before


def test_a_relaxed_series_is_nearer_to_what_experts_forecast(task: ForecastTask, session: Session) -> None:
    problem = session.problem(task, "dlinear-k3")
    experts = Experts(count=1, epochs=4, learning_rate=0.05, batch=64, augment=None)
    options = {
        "objective.around.reach": 1,
        "objective.around.latest": 2,
        **{f"objective.around.experts.{name}": getattr(experts, name) for name in ("count", "epochs", "batch")},
        "objective.around.experts.learning_rate": experts.learning_rate,
        "objective.around.experts.momentum": 0.0,
        "optimizer.learning_rate": 0.1,
        "optimizer.inner.learning_rate": 0.001,
    }
    (start, _), (end, _) = ends(problem, "condtsf", options, 30)
    schedule, expert = SHORT.render({}, start.classes, KEY), experts.snapshot(problem, 0, 4)
    before, after = (
        float(RelaxedTrajectory().unlikely(problem, Synthetic.of(each, schedule), expert)) for each in (start, end)
    )
    assert after < 0.5 * before


def test_what_has_no_recording_is_refused() -> None:
    digits = load("digits")
    problem = Problem(digits, digits.network("mlp-w4"), CPU, NoCache())
    for ask in (
        lambda: HarmonicTrajectory().init(problem, KEY),
        lambda: RelaxedTrajectory().init(problem, KEY),
        lambda: Stored().init(problem, problem.real(KEY, 1), KEY),
        lambda: Stored().cost(digits, 1),
    ):
        with pytest.raises(InputError, match="digits has no windows of a recording, expected a task of forecasting"):
            ask()
    with pytest.raises(InputError, match="form: .*expected pixels or spectrum"):
        Stored(Stored())


def test_verbs_from_end_to_end(task: ForecastTask, session: Session, tmp_path: Path) -> None:
    place = tmp_path / "plant.safetensors"
    recipe = recipe_for("hdt", task.name, 4)
    short = Recipe(
        start=recipe.start, parameterization=recipe.parameterization, objective=HarmonicTrajectory(top=3),
        schedule=SHORT, optimizer=Adam(0.05), steps=2,
    )  # fmt: skip
    made = distill(task, short, ipc=6, network="dlinear-k3", checks=1, session=session)
    made.save(place)
    assert made.budget.bytes == 4 * 2 * 24 and len(made.batch.classes) == 2 * (24 - 11), "the storage of six pasts"
    assert made.scores[-1]["metric"] == "squared error"
    rows = evaluate(place, protocol="own", repeats=1, baselines=("random", "full"), session=session)
    assert not any(row.higher_is_better for row in rows) and {row.metric for row in rows} == {"squared error"}
    page = write_report([place], out=tmp_path / "page.html", session=session)
    assert page.rows and "squared error" in (tmp_path / "page.html").read_text().lower()
    assert main(["show", str(place), "--out", str(tmp_path / "drawn.png")]) == 0
    one = distill(task, "random", ipc=2, network="dlinear-k3", checks=0, session=session)
    assert one.per_class == 2

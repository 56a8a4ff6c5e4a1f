"""Series and their classes: what is read is what was written, what is odd is told or refused, and every verb works."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import waves
from limbeck import DistilledSet, Session, distill, evaluate, explain, export, import_set, write_report
from limbeck.cli import main
from limbeck.codecs import SeriesCodec, lines
from limbeck.composition import Recipe
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn import networks
from limbeck.learn.networks import ARCHITECTURES
from limbeck.objectives import Distribution
from limbeck.probes.curvature import Curvature
from limbeck.protocols import Epochs
from limbeck.runs import worker
from limbeck.runs.executors import AbstractExecutor, Job
from limbeck.schedules import Fixed
from limbeck.tasks import load, reload
from limbeck.tasks.series import SeriesTask, named

KEY = Key(("series",))
SERIES = [name for name, each in ARCHITECTURES.items() if "series" in each.takes]
CURVATURE = Curvature(60, 2, images=1, relative=0.5, most=8, starts=1, iterations=3, ends=1, repeats=1)
SHORT = Recipe(objective=Distribution(per_class=8), schedule=Fixed(steps=3, learning_rate=0.05), steps=2)


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"series:{waves.folder(tmp_path_factory.mktemp('mine'))}"


class Here(AbstractExecutor):
    """Jobs one after the other in this process."""

    def run(self, jobs: list[Job], told: Callable[[int, float], None], seconds: object = ()) -> None:
        for index, job in enumerate(jobs):
            worker.do(job)
            told(index, 1.0)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with Session(tmp_path_factory.mktemp("runs"), device="cpu", workers=1, executor=Here()) as made:
        yield made


def test_a_folder_is_read_as_it_was_written_in_units_of_its_own(mine: str) -> None:
    task = load(mine)
    assert isinstance(task, SeriesTask) and task.shape == (2, 24) and task.classes == ("fast", "slow")
    series, labels = waves.waves(20, 1)
    assert np.array_equal(task.native("test"), np.array(series, np.float32))
    assert [task.classes[label] for label in task.load("test").classes] == labels
    # Standardised by the training rows alone, channel by channel.
    inputs = task.load("train").inputs
    torch.testing.assert_close(inputs.mean((0, 2)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(inputs.std((0, 2), correction=0), torch.ones(2))
    assert sum(map(len, task.groups("validation"))) == 4, "a tenth of each class"
    assert reload(task.reference, None).fingerprint == task.fingerprint


def test_a_row_of_numbers_is_one_channel_and_a_file_alone_is_parted(tmp_path: Path) -> None:
    series, labels = waves.waves(40, 0, channels=1)
    path = waves.write(tmp_path / "one.parquet", [row[0] for row in series], labels, "kind")
    with pytest.raises(InputError, match="name the labels with --label-column"):
        load(f"series:{path}")
    task = load(f"series:{path}", label_column="kind", validation="none")
    assert task.shape == (1, 24) and sum(map(len, task.groups("test"))) == 8
    assert reload(task.reference, None).fingerprint == task.fingerprint


def test_resampling_keeps_lines_straight_and_ends_where_they_are(tmp_path: Path) -> None:
    ramps = [np.linspace(0, 3 * row, 5 + row % 3).tolist() for row in range(1, 41)]
    path = waves.write(tmp_path / "ramps.parquet", ramps, [row % 2 for row in range(40)])
    task = load(f"series:{path}", length=9)
    native = torch.cat([task.native(split) for split in ("train", "validation", "test")])[:, 0]
    expected = native[:, -1:] * torch.linspace(0, 1, 9)
    torch.testing.assert_close(native.sort(0).values, expected.sort(0).values)
    assert any("series of length 5 to 7 were resampled to 9 times" in note for note in task.notes)
    assert reload(task.reference, None).fingerprint == task.fingerprint


def changed(place: tuple[int, ...], value: Any) -> list[Any]:
    series, _ = waves.waves(12, 0)
    row: Any = series
    for at in place[:-1]:
        row = row[at]
    row[place[-1]] = value
    return series


LABELS = [waves.CLASSES[row % 2] for row in range(12)]
BROKEN = {
    "unequal lengths": (changed((3,), [[1.0] * 9] * 2), LABELS, "row 3: a series of length 9, expected 24"),
    "an empty series": (changed((4,), [[], []]), LABELS, "row 4: an empty series"),
    "no series": (changed((4,), None), LABELS, "row 4: an empty series"),
    "not a number": (changed((2, 1, 7), float("nan")), LABELS, "row 2: channel 1 has no number at time 7"),
    "nothing among numbers": (changed((2, 1, 7), None), LABELS, "row 2: channel 1 has no number at time 7"),
    "infinite": (changed((2, 1, 7), float("inf")), LABELS, "row 2: channel 1 has inf at time 7"),
    "text": ([["1", "2"]] * 12, LABELS, "column series holds lists of string, expected of numbers"),
    "too deep": ([[[[1.0]]]] * 12, LABELS, "column series holds lists of list"),
    "one class": (
        changed((0,), [[1.0] * 24] * 2),
        ["slow"] * 12,
        "found the single class 'slow', expected at least two",
    ),
    "a channel less": (changed((5,), [[1.0] * 24]), LABELS, "row 5: 1 channels, expected 2"),
    "uneven channels": (changed((5, 1), [1.0] * 9), LABELS, "row 5: channel 0 has 24 times and channel 1 9"),
    "no labels": (waves.waves(12, 0)[0], None, "found columns series: list"),
    "a label missing": (waves.waves(12, 0)[0], [*LABELS[:3], None, *LABELS[4:]], "row 3: no label"),
    "a gap in classes": (waves.waves(12, 0)[0], [0, 2] * 6, "class '1' (label 1) has no training examples"),
    "too few": (waves.waves(12, 0)[0][:3], [0, 1, 1], "class '0' has 1 training examples, expected at least 3"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_used_is_refused_in_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series, labels, said = BROKEN[name]
    path = waves.write(tmp_path / "broken.parquet", series, labels)
    assert main(["describe", f"series:{path}"]) == 2
    complaint = capsys.readouterr().err
    assert said in complaint and complaint.count("\n") == 1


def test_what_does_not_fit_beside_the_training_file_is_refused(tmp_path: Path) -> None:
    root = waves.folder(tmp_path / "mine")
    waves.write(root / "test.parquet", *waves.waves(20, 1, times=12))
    with pytest.raises(InputError, match="a series of length 12, expected 24 as in .*resample all to one with"):
        load(f"series:{root}")
    assert load(f"series:{root}", length=24).shape == (2, 24)
    waves.write(root / "test.parquet", waves.waves(20, 1)[0], ["other"] * 20)
    with pytest.raises(InputError, match="label 'other' is no class of the training examples"):
        load(f"series:{root}")
    waves.write(root / "my-test.parquet", *waves.waves(20, 1))
    with pytest.raises(InputError, match="are both of test"):
        load(f"series:{root}")
    (root / "train.parquet").write_bytes(b"no parquet")
    (root / "my-test.parquet").unlink()
    with pytest.raises(InputError, match="damaged, or not a parquet file"):
        load(f"series:{root}")
    (root / "train.parquet").unlink()
    with pytest.raises(InputError, match=r"found test.parquet, expected train\*.parquet"):
        load(f"series:{root}")
    with pytest.raises(InputError, match="length 0: expected at least 1"):
        load(f"series:{waves.folder(tmp_path / 'other')}", length=0)
    with pytest.raises(InputError, match="found nothing"):
        load(f"series:{tmp_path / 'nowhere'}")


def test_flat_series_and_channels_are_told(tmp_path: Path) -> None:
    series, labels = waves.waves(40, 0)
    still = [[row[0], [7.0] * 24] for row in series]
    still[0][0] = [7.0] * 24
    task = load(f"series:{waves.write(tmp_path / 'still.parquet', still, labels)}")
    warnings = task.describe()["warnings"]
    assert "constant channels: 1 never change in the training examples" in warnings
    assert any(line.startswith("constant series: 1 in ") for line in warnings)
    assert bool(torch.isfinite(task.load("train").inputs).all())


def test_named_sets_say_where_they_were_looked_for(tmp_path: Path) -> None:
    for name in named():
        with pytest.raises(InputError, match=rf"{name}: not found; looked in .*time_series for .*_train.parquet"):
            load(name, root=tmp_path)


@pytest.mark.parametrize("name", ["italypowerdemand", "basicmotions", "japanesevowels"])
def test_named_sets_are_what_the_archive_says(name: str, data_root: Path) -> None:
    rows, channels, times, classes = {
        "italypowerdemand": ((67, 1029), 1, 24, 2),
        "basicmotions": ((40, 40), 6, 100, 4),
        "japanesevowels": ((270, 370), 12, 29, 9),
    }[name]
    task = load(name, root=data_root, validation="none")
    assert [sum(map(len, task.groups(split))) for split in ("train", "test")] == list(rows)
    assert task.shape == (channels, times) and len(task.classes) == classes


def test_a_codec_is_read_back_and_refuses_what_is_none() -> None:
    codec, native = SeriesCodec((1.0, -2.0), (2.0, 0.5)), KEY.normal(3, 2, 5).double()
    torch.testing.assert_close(codec.decode(codec.encode(native)), native)
    torch.testing.assert_close(codec.encode(native)[:, 1], (native[:, 1] + 2) / 0.5)
    assert SeriesCodec.from_tensors(codec.to_tensors()) == codec
    for wrong in ({}, {"mean": torch.zeros(2), "std": torch.zeros(2)}, {"mean": torch.zeros(2), "std": torch.ones(3)}):
        with pytest.raises(InputError, match="a codec of series with"):
            SeriesCodec.from_tensors(wrong)


def test_a_line_is_drawn_where_its_numbers_are() -> None:
    rising = lines.chart(torch.linspace(-1.5, 1.5, 50, dtype=torch.float64)[None])
    assert rising.shape == (lines.HEIGHT, lines.WIDTH, 3) and rising.dtype == torch.uint8
    ink = 255 - rising.double().mean(2)
    ink[lines.HEIGHT // 2] = 0
    height = (ink * torch.arange(lines.HEIGHT)[:, None]).sum(0) / ink.sum(0)
    columns = torch.arange(lines.MARGIN, lines.WIDTH - lines.MARGIN)
    # A straight line: the higher the number, the further up; from margin to margin.
    wanted = torch.linspace(lines.HEIGHT - lines.MARGIN, lines.MARGIN, len(columns), dtype=torch.float64) - 0.5
    assert float((height[columns] - wanted).abs().max()) < 1.5
    assert bool((rising[:, : lines.MARGIN] >= 224).all()), "nothing but the line at 0 is in the margin"
    colours = {tuple(lines.ink(channel).tolist()) for channel in range(20)}
    assert len(colours) == 20
    assert torch.equal(lines.chart(torch.full((1, 3), torch.nan)), lines.chart(torch.zeros(1, 3)))


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("shape", [(1, 24), (3, 7)])
def test_every_network_of_series_reads_them_as_its_module_does(name: str, shape: tuple[int, int]) -> None:
    network = networks.build(name, shape, 4, takes="series")
    params, inputs = network.init(KEY), KEY.fold("inputs").normal(3, *shape)
    module = network.factory().train()
    module.load_state_dict(params, strict=False)
    torch.testing.assert_close(network.apply(params, inputs).outputs, module(inputs), rtol=1e-4, atol=1e-5)
    assert networks.build(network.name, shape, 4, takes="series").name == network.name
    # Every time has a say.
    free = inputs.clone().requires_grad_()
    (slope,) = torch.autograd.grad(network.apply(params, free).outputs.square().sum(), free)
    assert bool((slope.abs().sum((0, 1)) > 0).all()) or name == "convnet1d", (
        "an odd last time may be left out of a pool"
    )


def test_a_network_of_images_is_refused_for_series_and_one_that_pools_too_much() -> None:
    with pytest.raises(InputError, match="it takes images, and these inputs are series; use convnet1d"):
        networks.build("lenet", (1, 24), 2, takes="series", default="convnet1d")
    with pytest.raises(InputError, match="choose a depth of at most 2 or nopool"):
        networks.build("convnet1d-d3", (1, 7), 2, takes="series")


def test_verbs_from_end_to_end(mine: str, session: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task, path = load(mine), tmp_path / "waves.safetensors"
    made = distill(task, SHORT, ipc=2, network="convnet1d-w4-d1", checks=1, session=session)
    made.save(path)
    kept = DistilledSet.load(path)
    assert kept == made and kept.codec == task.codec and kept.native.shape == (4, 2, 24)
    few = Epochs(epochs=3)
    rows = evaluate(path, protocol=few, repeats=1, baselines=("random", "herding", "full"), session=session)
    assert [row.metric for row in rows] == ["accuracy"] * len(rows)
    (finding,) = explain(path, probes=[CURVATURE], session=session)
    assert finding.verdict
    page = write_report([path], out=tmp_path / "page.html", session=session)
    assert page.findings and (tmp_path / "page.html").read_text().count('class="tile"') == 4
    assert main(["show", str(path), "--out", str(tmp_path / "drawn.png")]) == 0
    assert (tmp_path / "drawn.png").stat().st_size > 1000
    export(made, "npz", tmp_path / "out.npz", session=session)
    held = np.load(tmp_path / "out.npz")
    assert np.array_equal(held["x"], made.native.numpy())
    assert import_set(tmp_path / "out.npz", task=task) == made
    held = dict(held)
    del held["limbeck"]
    np.savez(tmp_path / "other.npz", **held)
    with pytest.raises(InputError, match="not a task of images, expected one; published sets are of images"):
        import_set(tmp_path / "other.npz", task=task)
    capsys.readouterr()
    assert main(["describe", mine, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["times"] == 24

"""Sets of other data than images through their exports and back, and data that hold nothing to learn."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import coupled
import small_graph
import tabular
import tones
import waves
from limbeck import DistilledSet, import_set
from limbeck.cli import main
from limbeck.core import tree
from limbeck.core.contracts import AbstractTask, Batch
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.version import VERSION
from limbeck.exports import export_set
from limbeck.parameterizations import Pixels
from limbeck.parameterizations.pixels import held
from limbeck.schedules import Fixed
from limbeck.tasks import load

KEY = Key(("other data",))


def texts(folder: Path) -> str:
    said = [("a red fox runs far" if row % 2 else "the blue whale sings low") + f" {row % 5}" for row in range(40)]
    return tabular.write(folder / "texts.csv", {"text": said, "label": [row % 2 for row in range(40)]}).replace(
        "table:", "text:"
    )


def rows(folder: Path) -> str:
    numbers = KEY.fold("rows").normal(60, 2).tolist()
    columns = {"a": [one for one, _ in numbers], "b": [other for _, other in numbers]}
    return tabular.write(folder / "rows.csv", {**columns, "label": [row % 2 for row in range(60)]})


def series(folder: Path) -> str:
    drawn = KEY.fold("series").normal(40, 12).tolist()
    return f"series:{waves.write(folder / 'series.parquet', drawn, [row % 2 for row in range(40)])}"


DATA: dict[str, Callable[[Path], str]] = {
    "graph": lambda folder: small_graph.write(folder / "graph.npz"),
    "pairs": lambda folder: coupled.write(folder / "pairs"),
    "series": series,
    "sound": lambda folder: tones.write(folder / "tones"),
    "table": rows,
    "text": texts,
}


def set_of(task: AbstractTask, network: str = "", count: int = 2) -> DistilledSet:
    """Real examples, off by a little, as nothing but a parameterization keeps them."""
    picked = torch.cat([group[:count] for group in task.groups("train")])
    real = task.load("train", picked)
    moved = tree.map(lambda leaf: leaf + 0.01 if leaf.is_floating_point() else leaf, real.inputs)
    batch = Batch(moved, real.targets, real.classes)
    schedule = Fixed(steps=3, batch=2).render({}, batch.classes, KEY)
    return DistilledSet(
        params=held(batch), parameterization=Pixels(), schedule=schedule, codec=task.codec, classes=task.classes,
        data=task.reference, spec={"network": task.network(network).name}, version=VERSION,
    )  # fmt: skip


@pytest.mark.parametrize("kind", DATA)
def test_a_set_of_any_data_comes_back_as_the_very_same(kind: str, tmp_path: Path) -> None:
    task = load(DATA[kind](tmp_path))
    made = set_of(task, "mlp-w4" if kind in ("pairs", "sound") else "")
    for form in ("npz", "pt"):
        place = tmp_path / f"made.{form}"
        export_set(made, form, place)
        back = import_set(place, task=task)
        assert back == made and not back.spec["imported"]["notes"]
        assert back.codec == made.codec and back.spec["network"] == made.spec["network"]
        again = import_set(place, task=task, learning_rate=0.5)
        assert set(again.schedule.learning_rates.tolist()) == {0.5}
        back.save(tmp_path / "back.safetensors")
        assert DistilledSet.load(tmp_path / "back.safetensors") == made
    with pytest.raises(InputError, match="it says its units itself; leave --normalisation out"):
        import_set(place, task=task, normalisation="raw")
    with pytest.raises(InputError, match=r"items of the codec .*; name the data (that )?it was distilled from"):
        import_set(place, task=load("digits"))


def test_targets_and_where_training_begins_are_kept(tmp_path: Path) -> None:
    task = load(series(tmp_path))
    made = set_of(task)
    soft = made.batch._replace(targets=torch.full((4, 2), 0.5))
    begun = replace(made, params=held(soft), initialisation={"a": torch.ones(3)})
    export_set(begun, "npz", tmp_path / "made.npz")
    assert import_set(tmp_path / "made.npz", task=task) == begun


def test_what_is_of_other_data_or_was_changed_is_refused_in_a_line(tmp_path: Path) -> None:
    task = load(series(tmp_path))
    export_set(set_of(task), "npz", tmp_path / "made.npz")
    longer = load(f"series:{tmp_path / 'series.parquet'}", length=20)
    with pytest.raises(InputError, match=r"inputs of the shape \(1, 12\), expected 2 and \(1, 20\)"):
        import_set(tmp_path / "made.npz", task=longer)
    with np.load(tmp_path / "made.npz") as opened:
        arrays = dict(opened)
    changes: list[dict[str, Any]] = [
        {"x_normalised": arrays["x_normalised"][:2]},
        {"x_normalised": np.full_like(arrays["x_normalised"], np.nan)},
        {"y": arrays["y"] + 7},
        {"order": arrays["order"] + 9},
        {"codec/mean": np.zeros((2, 2))},
    ]
    for change in changes:
        np.savez(tmp_path / "changed.npz", **{**arrays, **change})
        with pytest.raises(InputError, match=r"changed.npz: damaged or changed by hand \(.*\); export the set again"):
            import_set(tmp_path / "changed.npz", task=task)


def test_numbers_come_anew_where_networks_see_the_data_in_other_units(tmp_path: Path) -> None:
    task = load(series(tmp_path))
    made = set_of(task)
    export_set(made, "pt", tmp_path / "made.pt")
    other = replace(task, codec=replace(task.codec, std=(3.0,)))  # type: ignore[type-var, call-arg]
    back = import_set(tmp_path / "made.pt", task=other)
    torch.testing.assert_close(back.native, made.native)
    (note,) = back.spec["imported"]["notes"]
    assert "are brought into other units" in note


def silent(folder: Path) -> str:
    for name in "ab":
        place = folder / "silent" / name
        place.mkdir(parents=True)
        for row in range(6):
            (place / f"{row}.wav").write_bytes(tones.wav(np.zeros(2000)))
    return f"audio:{folder / 'silent'}"


def still(folder: Path) -> str:
    return f"series:{waves.write(folder / 'still.parquet', [[1.0] * 8] * 20, [row % 2 for row in range(20)])}"


def standing(folder: Path) -> str:
    named = tabular.write(folder / "standing.csv", {"x": [5.0] * 400, "y": [1.0] * 400})
    return named.replace("table:", "forecast:") + " --lookback 8 --horizon 4"


EMPTY: dict[str, tuple[Callable[[Path], str], str]] = {
    "silence": (silent, "silent, as all 12 sounds are, expected some that can be heard"),
    "series of one number": (still, "every number of all 14 training series is 1, expected series that differ"),
    "a recording that stands still": (standing, "no column changes within the 280 times that train"),
    "pictures without a word": (
        lambda folder: coupled.write(folder / "dumb", text=["!!! ?"] * 72).replace("/dumb", "/dumb/train.parquet"),
        "found no word in any of 72 texts, such as '!!! ?', expected letters",
    ),
}


@pytest.mark.parametrize("what", EMPTY)
def test_data_that_hold_nothing_to_learn_are_refused_in_a_line(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, said = EMPTY[what]
    assert main(shlex.split(f"describe {make(tmp_path)}")) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1

"""The command line keeps its promises: what it prints where, its exit codes, and one clear line for bad input."""

from __future__ import annotations

import csv
import json
import re
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import limbeck
from limbeck.cli import distill, main
from limbeck.cli.list import KINDS
from limbeck.core.errors import InputError
from limbeck.learn import rules
from limbeck.learn.distances import RowAngleAndMagnitude
from limbeck.learn.optim import Adam
from limbeck.objectives import Gradient
from limbeck.recipes import RECIPES, recipe_for
from limbeck.starts import Herding, Relabelled

NETWORK = "convnet-w8-d2"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def made(runs: Path) -> Path:
    """A small set of digits."""
    path = runs / "set.safetensors"
    options = dict(ipc=2, network=NETWORK, steps=3, checks=1, session=limbeck.Session(runs))
    limbeck.distill(limbeck.load("digits"), "dm", **options).save(path)
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIMBECK_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("LIMBECK_DATA", raising=False)
    return tmp_path


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--version"], ["distil"]):
        code = main(words)
        said = capsys.readouterr()
        monkeypatch.setattr("sys.argv", ["limbeck", *words])
        with pytest.raises(SystemExit) as ended:
            runpy.run_module("limbeck", run_name="__main__")
        assert (ended.value.code, capsys.readouterr()) == (code, said)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("distil digits", "unknown command 'distil': did you mean 'distill'"),
        ("list recipe", "unknown kind 'recipe': did you mean 'recipes'"),
        ("describe digit", "unknown data 'digit': did you mean 'digits'"),
        ("describe cifar10", "cifar10"),
        ("describe cifar10 --data-root nowhere", "nowhere: no such folder"),
        ("describe folder:nowhere", "nowhere"),
        ("distill digits --ipc 1 --out a.safetensors --recipe dmm", "unknown recipe 'dmm': did you mean 'dm'"),
        ("distill digits --ipc 1 --out a.safetensors --network convnett", "unknown network 'convnett'"),
        ("distill digits --ipc 1 --out a.safetensors --network convnet-x3", "unknown option of network"),
        ("distill digits --ipc 1 --out a.safetensors --objectiv.per_class 3", "did you mean '--objective.per_class'"),
        (
            "distill digits --ipc 1 --out a.safetensors --objective.per_class many",
            "--objective.per_class: found many, expected a whole number",
        ),
        ("distill digits --ipc 1 --out a.safetensors --objective.augment.operations [zoom]", "'zoom'"),
        (
            "distill digits --ipc 1 --out a.safetensors --start herdin",
            "--start: unknown part 'herdin': did you mean 'herding'?",
        ),
        ("distill digits --ipc 1 --out a.safetensors --steps -1", "--steps: found -1, expected a number of at least 0"),
        (
            "distill digits --ipc 1 --out a.safetensors --objective.per_class 0",
            "--objective.per_class: found 0, expected",
        ),
        (
            "distill digits --ipc 1 --out a.safetensors --optimizer.learning_rate -1",
            "--optimizer.learning_rate: found -1",
        ),
        ("distill digits --ipc 1 --out a.safetensors --optimizer.momentum 2", "--optimizer.momentum: found 2.0"),
        (
            "distill digits --ipc 1 --out a.safetensors --optimizer.weight_decay=-1",
            "--optimizer.weight_decay: found -1",
        ),
        (
            "distill digits --ipc 1 --out a.safetensors --optimizer.learning_rate nan",
            "found nan, expected a number above 0",
        ),
        ("distill digits --ipc 1 --out a.safetensors --objective", "--objective: expected a value"),
        ("distill digits --ipc 1 --out a.safetensors --target_optimizer.clip 1", "there is no target optimizer here"),
        ("distill digits --ipc 1 --out a.safetensors --recipe random --steps 5", "only selects"),
        ("distill digits --ipc 0 --out a.safetensors", "ipc 0: expected at least one"),
        ("distill digits --ipc 127 --out a.safetensors", "class '8' has 125 training examples, 127 per class"),
        ("distill digits --ipc 1 --out a.txt", "ends in .safetensors"),
        ("distill digits --ipc one --out a.safetensors", "--ipc: Expected a int. Got value: one"),
        ("distill digits --bytes many --out a.safetensors", "--bytes: Expected a int. Got value: many"),
        ("distill digits --minutes long --out a.safetensors", "--minutes: Expected a float. Got value: long"),
        ("distill --spec nothing.json --out a.safetensors", "nothing.json"),
        ("show nothing.safetensors --out a.png", "found nothing"),
        ("evaluate nothing.safetensors", "found nothing"),
        ("runs show", "expected the id of a run"),
        ("runs show abc", "unknown run"),
        ("runs burn", "unknown action 'burn'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2_and_writes_nothing(
    words: str, message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    said, complained = capsys.readouterr()
    last = complained.strip().splitlines()[-1]
    assert last.startswith("limbeck: ") and message in last
    assert said == ""
    assert [path for path in here.rglob("*") if path.is_file() and path.name != "spec.json"] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--network convnett", "unknown network 'convnett'"),
        ("--protocol yang2042", "unknown protocol 'yang2042': did you mean 'yang2024'"),
        ("--baselines randm", "unknown baseline 'randm': did you mean 'random'"),
        ("--repeats 0", "repeats 0, seeds 1: expected at least one of each"),
        ("--seeds 0", "repeats 5, seeds 0: expected at least one of each"),
    ],
)
def test_a_bad_choice_for_an_evaluation_is_refused(
    words: str, message: str, made: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(made), *words.split()]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS)
def test_list_names_and_summarises_every_part(kind: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", kind, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    more = {"recipes": {"source", "deviations"}, "networks": {"options"}}.get(kind, set())
    assert all(set(row) == {"name", "summary", *more} and row["name"] and row["summary"] for row in rows)
    assert rows or kind == "probes"


def test_distill_says_in_json_what_it_made(here: Path, runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"distill digits --recipe random --ipc 2 --network {NETWORK} --checks 1 --out a.safetensors --json"
    assert main([*words.split(), "--runs", str(runs)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["set"] == "a.safetensors" and document["items"] == 20
    assert document["budget"] == {"scalars": 20 * 64 + 20, "bytes": 4 * 20 * 64 + 20}
    assert document["settings"] == "random by settings that are the same for all data and sizes"
    assert limbeck.DistilledSet.load("a.safetensors").spec["ipc"] == 2


def test_a_saved_spec_repeats_the_run(made: Path, here: Path, runs: Path) -> None:
    spec = runs / "spec.json"
    spec.write_text(json.dumps(limbeck.DistilledSet.load(made).spec))
    assert main(["distill", "--spec", str(spec), "--out", "again.safetensors"]) == 0
    assert Path("again.safetensors").read_bytes() == made.read_bytes()


def test_a_saved_spec_finds_its_data_at_another_place(
    here: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    np.savez("bought.npz", x_train=images, y_train=np.arange(40) % 2, x_test=images[:20], y_test=np.arange(20) % 2)
    words = "distill npz:bought.npz --recipe random --ipc 1 --network mlp-w4 --checks 0 --out first.safetensors"
    assert main(words.split()) == 0
    Path("spec.json").write_text(json.dumps(limbeck.DistilledSet.load("first.safetensors").spec))
    Path("elsewhere").mkdir()
    Path("bought.npz").rename("elsewhere/bought.npz")
    repeat = ["distill", "--spec", "spec.json", "--out", "again.safetensors"]
    assert main(repeat) == 2 and "--data" in capsys.readouterr().err
    assert main([*repeat, "--data", "npz:elsewhere/bought.npz"]) == 0
    assert Path("again.safetensors").read_bytes() == Path("first.safetensors").read_bytes()


def test_options_of_parts_reach_the_spec(here: Path, runs: Path) -> None:
    words = (
        f"distill digits --ipc 1 --network {NETWORK} --steps 1 --checks 1 --start noise --objective.per_class 7 "
        "--objective.augment.operations [flip,crop] --optimizer.learning_rate 0.5 --out a.safetensors"
    )
    assert main([*words.split(), "--runs", str(runs)]) == 0
    recipe = limbeck.DistilledSet.load("a.safetensors").spec["recipe"]
    assert recipe["start"] == {"part": "start/noise", "norm": 0.0, "items": 0, "targets": False}
    assert recipe["objective"]["per_class"] == 7
    assert recipe["objective"]["augment"]["operations"] == ["flip", "crop"]
    assert (recipe["optimizer"]["learning_rate"], recipe["optimizer"]["momentum"], recipe["steps"]) == (0.5, 0.5, 1)


def test_evaluate_gives_a_row_for_every_set_baseline_and_network(
    made: Path, here: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = here / "mine.safetensors"
    mine.write_bytes(made.read_bytes())
    words = ["evaluate", str(mine), "--network", f"{NETWORK},mlp-w8", "--repeats", "2", "--baselines", "random"]
    assert main([*words, "--json", "--record", "--runs", str(runs)]) == 0
    document = json.loads(capsys.readouterr().out)
    rows = document["rows"]
    assert [(row["set"], row["network"]) for row in rows] == [
        (str(mine), NETWORK.removesuffix("-d2")),
        ("random", NETWORK.removesuffix("-d2")),
        (str(mine), "mlp-w8"),
        ("random", "mlp-w8"),
    ]
    for row in rows:
        assert row.keys() == {
            *("set", "network", "split", "metric", "unit", "higher_is_better", "mean", "low", "high", "n"),
            *("protocol", "bytes", "per_class", "matched", "beside", "seeds", "about", "whole", "values", "labels"),
            *("float32", "looks", "classes", "others"),
        }
        assert (row["split"], row["metric"], row["n"], row["protocol"]) == ("test", "accuracy", 2, "yang2024")
        assert row["low"] <= row["mean"] <= row["high"]
    made = limbeck.DistilledSet.load(mine)
    # Digits are kept as 64 numbers of 4 bytes and a label of one.
    assert [row["bytes"] for row in rows] == [made.budget.bytes, 10 * made.per_class * 65] * 2
    assert [(row["per_class"], row["matched"]) for row in rows] == [(made.per_class, ""), (made.per_class, "items")] * 2
    assert document["protocols"]["yang2024"]["epochs"] == 300
    assert [each["set"] for each in document["verdicts"]] == [str(mine)] * 2
    recorded = [score for score in limbeck.DistilledSet.load(mine).scores if score["split"] == "test"]
    assert [score["mean"] for score in recorded] == [rows[0]["mean"], rows[2]["mean"]]
    assert [score["values"] for score in recorded] == [rows[0]["values"], rows[2]["values"]]
    assert {row["about"] for row in rows if row["seeds"]} == {"this one set, 3 of the published 20,000 steps, seed 0"}
    assert all(
        each["verdict"].endswith("Inconclusive: 2 learners decide nothing; it takes 3.")
        for each in document["verdicts"]
    )


def test_evaluate_over_seeds_says_how_many_distillations_come_first_and_scores_all_of_them(
    made: Path, here: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", str(made), "--repeats", "1", "--baselines", "random,full", "--runs", str(runs), "--seeds", "3"]
    assert main([*words, "--json"]) == 0
    said, complained = capsys.readouterr()
    told = [line for line in complained.splitlines() if not line.startswith("note: ")]
    trying, about, first, *_ = told
    assert trying == f"trying a few steps of {made}, to tell how long all of them take"
    # Of all that is to come, the evaluation too.
    assert re.fullmatch(r"in all about .* of work: .* to distil, [1-9].* to train and measure networks", about)
    assert first == "1 of 2: distil 2 sets, as 3 seeds of each set are scored"
    ours, random, full = json.loads(said)["rows"]
    assert (ours["seeds"], ours["n"], len(set(ours["values"]))) == (3, 3, 3)
    assert ours["about"] == "over 3 distillations, 3 of the published 20,000 steps, seeds 0 to 2"
    assert (random["seeds"], random["n"], full["seeds"]) == (0, 1, 0)
    assert full["about"] in ("", "after 50 epochs") and full["whole"] == (full["about"] == "")
    assert main(words) == 0
    said, complained = capsys.readouterr()
    assert "distil" not in complained and "n 3 x 1" in said and "95 % interval over distillations" in said
    imported = limbeck.DistilledSet.load(made)
    replace(imported, spec={"network": NETWORK, "imported": {}}).save("imported.safetensors")
    assert main(["evaluate", "imported.safetensors", "--seeds", "3"]) == 2
    complained = capsys.readouterr().err
    assert (
        len(complained.splitlines()) == 1 and "imported.safetensors: found no recipe to distil it again" in complained
    )


def test_show_draws_a_row_for_every_class(made: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    assert main(["show", str(made), "--out", "grid.png", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["grid"] == "grid.png"
    picture = Image.open("grid.png")
    assert picture.height == 10 * (64 + 2) - 2 and picture.width > 2 * (64 + 2) - 2


def test_a_picture_of_another_kind_is_refused(made: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(made), "--out", "grid.gif"]) == 2
    assert "expected one of .png" in capsys.readouterr().err


def test_runs_are_listed_shown_and_cleaned(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limbeck.distill(limbeck.load("digits"), "random", ipc=1, network=NETWORK, checks=1)
    assert main(["runs", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["state"] == "done" and row["spec"]["ipc"] == 1
    assert main(["runs", "--csv"]) == 0
    (listed,) = csv.DictReader(capsys.readouterr().out.splitlines()[1:])
    assert (listed["method"], listed["ipc"], listed["seed"]) == ("real", "1", "0")
    assert main(["runs", "show", row["id"][:6], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["record"]["checks"][-1]["step"] == 0
    assert main(["runs", "clean"]) == 0
    assert "removed 0 runs" in capsys.readouterr().out
    assert main(["runs", "clean", "--all"]) == 0
    assert "removed 1 run" in capsys.readouterr().out
    assert main(["runs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize("name", sorted(RECIPES))
@pytest.mark.parametrize("ipc", [1, 50])
def test_a_recipe_named_alone_is_the_one_published_for_its_size(name: str, ipc: int) -> None:
    plan, _ = distill._new(
        ["digits", "--network", "convnet", "--recipe", name, "--ipc", str(ipc), "--out", "set.safetensors"]
    )
    assert plan.recipe == recipe_for(name, "digits", ipc)


def test_parts_of_parts_are_named_as_parts_are_and_have_options() -> None:
    words = ["digits", "--ipc", "10", "--out", "set.safetensors", "--recipe"]
    option = "--objective.distance"
    for named in ([option, "row-angle-and-magnitude"], [f"{option}=row-angle-and-magnitude"]):
        plan, _ = distill._new([*words, "dsa", *named, f"{option}.angle", "2", "--objective.per_class", "9"])
        assert plan.recipe.objective == Gradient(distance=RowAngleAndMagnitude(angle=2.0), per_class=9)
    with pytest.raises(InputError, match="--objective.distance: unknown part 'global-cosin': did you mean"):
        distill._new([*words, "dsa", option, "global-cosin"])
    labelled = ["--start", "relabelled", "--start.start", "herding", "--start.start.images", "5"]
    plan, _ = distill._new([*words, "tesla", *labelled, "--start.epoch", "3"])
    assert plan.recipe.start == Relabelled(Herding(images=5), epoch=3)
    plan, _ = distill._new([*words, "dm", "--target_optimizer", "adam", "--target_optimizer.learning_rate", "0.1"])
    assert plan.recipe.target_optimizer == Adam(learning_rate=0.1)


def test_help_lists_every_option_of_the_chosen_parts_with_what_it_says_and_its_default(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(
            ["distill", "cifar10", "--recipe", "dsa", "--ipc", "50", "--objective.distance", "global-cosine", "--help"]
        )
    said = " ".join(capsys.readouterr().out.split())
    assert "--objective.outer 50 Steps of the set for one network." in said
    assert "--objective.distance global-cosine How far" in said and "--start real" in said
    assert "settings of dsa: published for cifar10 at IPC 50" in said
    assert "cifar10 at IPC 50, convnet, protocol dsa: 60.6 % (the readme of its code)" in said
    assert all(" ".join(each.split()) in said for each in RECIPES["dsa"].deviations)


def test_the_optimizer_of_a_schedule_is_a_part_of_it_however_deep() -> None:
    words = ["digits", "--ipc", "1", "--out", "set.safetensors", "--recipe"]
    plan, _ = distill._new([*words, "bptt", "--schedule.optimizer", "adam", "--schedule.optimizer.beta1", "0.8"])
    assert plan.recipe.schedule.optimizer == rules.Adam(beta1=0.8)
    option = "--schedule.around.optimizer"
    plan, _ = distill._new([*words, "dd", option, "adam", f"{option}.beta2", "0.9", "--schedule.around.steps", "4"])
    assert (plan.recipe.schedule.around.steps, plan.recipe.schedule.around.optimizer) == (4, rules.Adam(beta2=0.9))
    plan, _ = distill._new([*words, "bptt", "--schedule.optimizer.momentum", "0.5"])
    assert plan.recipe.schedule.optimizer == rules.Momentum(0.5)
    with pytest.raises(InputError, match="schedule.optimizer.momentum: found 2"):
        distill._new([*words, "bptt", "--schedule.optimizer.momentum", "2"])

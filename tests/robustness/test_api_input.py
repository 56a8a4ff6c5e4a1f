"""What the verbs of Python take: NumPy's numbers, paths and names; anything else is refused by its argument."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import limbeck
from limbeck.composition import Recipe

NETWORK = "mlp-w4"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = limbeck.distill("digits", "random", ipc=1, network=NETWORK, checks=1)
    out = tmp_path_factory.mktemp("made") / "set.safetensors"
    made.save(out)
    return out


def test_numbers_of_numpy_paths_and_names_are_taken(path: Path, data_root: Path) -> None:
    made = limbeck.DistilledSet.load(path)
    one = np.int64(1)
    again = limbeck.distill("digits", "random", ipc=one, network=NETWORK, checks=one, seed=np.int32(0))
    assert again == made and again.spec == made.spec
    assert limbeck.load(Path("digits")).fingerprint == limbeck.load("digits").fingerprint
    assert limbeck.load("tiny_imagenet_10", root=str(data_root)).name == "tiny_imagenet_10"
    (score,) = limbeck.evaluate(path, networks=NETWORK, repeats=one, baselines=(), session=None)
    assert score.set == str(path) and score.n == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda path: limbeck.load(None), "data: found None, expected text, or a path"),
        (lambda path: limbeck.load("digits", mirror="no"), "mirror: found no, expected true or false, or none"),
        (lambda path: limbeck.load("digits", zca="yes"), "zca: found yes, expected true or false"),
        (lambda path: limbeck.load("digits", size=1.5), "size: found 1.5, expected a whole number, or none"),
        *(
            (lambda path, seed=seed: limbeck.distill("digits", "random", ipc=1, seed=seed), f"seed: found {seed}, exp")
            for seed in ("a", None, 1.5, True)
        ),
        (lambda path: limbeck.distill("digits", "random", ipc=1.5), "ipc: found 1.5, expected a whole number"),
        (lambda path: limbeck.distill("digits", "random", ipc=0), "ipc 0: expected at least one item per class"),
        (lambda path: limbeck.distill("digits", None, ipc=1), "recipe: found None, expected text, or a recipe"),
        (lambda path: limbeck.distill("digits", "dm", ipc=1, network=5), "network: found 5, expected text"),
        (lambda path: limbeck.evaluate(None), "sets: found None, expected a distilled set, or text, or a path, or a"),
        (lambda path: limbeck.evaluate(path, repeats=1.5), "repeats: found 1.5, expected a whole number"),
        (lambda path: limbeck.evaluate(path, protocol=5), "protocol: found 5, expected text, or a protocol"),
        (lambda path: limbeck.explain(path, effort=5), "effort: found 5, expected text"),
        (lambda path: limbeck.explain(path, minutes="a"), "minutes: found a, expected a number, or none"),
        (lambda path: limbeck.Session(5), "runs: found 5, expected text, or a path, or none"),
        (lambda path: limbeck.Session(workers=1.5), "workers: found 1.5, expected a whole number, or none"),
        (lambda path: limbeck.Epochs(epochs="3"), "epochs.epochs: found 3, expected a whole number"),
        (lambda path: limbeck.Epochs(optimizer=5), "epochs.optimizer: found 5, expected an inner optimizer"),
    ],
)
def test_anything_else_is_refused_by_its_argument(call: Callable[[Path], Any], message: str, path: Path) -> None:
    with pytest.raises(limbeck.InputError) as refused:
        call(path)
    assert message in str(refused.value)


def test_recipes_of_ones_own_stay_recipes_and_one_text_is_a_list_of_one() -> None:
    from limbeck.core.values import fitted

    mine = {"a": Recipe(steps=0)}
    assert fitted(mine, Sequence[str] | Mapping[str, Recipe], "recipes") is mine
    assert fitted("a", Sequence[str] | Mapping[str, Recipe], "recipes") == ("a",)
    assert fitted(["a", "b"], Sequence[str] | Mapping[str, Recipe], "recipes") == ("a", "b")


@pytest.mark.parametrize("device", ["meta", "nowhere"])
def test_a_device_that_computes_nothing_is_refused(device: str) -> None:
    with pytest.raises(limbeck.InputError, match=f"device '{device}': .*; expected cpu, or a device that is here"):
        limbeck.Session(device=device)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ipc": 1.5}, "spec.ipc: found 1.5, expected an integer"),
        ({"network": 5}, "spec.network: found 5, expected text"),
        ({"recipe": None}, "spec.recipe: found None, expected an object"),
        ({"recipe": {"part": "value/recipe", "steps": 1}}, "spec.recipe: no objective"),
        ({"data": 5}, "spec.data: found 5, expected an object"),
        ({"seed": "a"}, "spec.seed: found 'a', expected an integer"),
        ({"sources": 5}, "spec.sources: found 5, expected an object"),
    ],
)
def test_the_spec_of_a_run_is_checked_before_anything_is_made_of_it(
    change: dict[str, Any], message: str, path: Path
) -> None:
    from limbeck.runs.plan import Plan

    with pytest.raises(limbeck.InputError) as refused:
        Plan.of({**limbeck.DistilledSet.load(path).spec, **change})
    assert str(refused.value) == f"not the spec of a run ({message}); expected the spec.json of a run's folder"


def test_the_data_of_a_set_do_not_say_where_files_are_read_or_kept(path: Path) -> None:
    from limbeck.tasks import reload

    with pytest.raises(limbeck.InputError, match="found an option 'cache', expected those of the data alone"):
        reload({**limbeck.DistilledSet.load(path).data, "cache": "elsewhere"}, None)

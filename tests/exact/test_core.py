"""Keys, trees and specs obey their laws."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, make_dataclass
from typing import NamedTuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from limbeck.core import tree
from limbeck.core.errors import InputError
from limbeck.core.family import VALUES, Family, from_spec, spec_id, to_spec
from limbeck.core.key import Key
from limbeck.core.provenance import arithmetic, source_of

paths = st.lists(st.one_of(st.text(max_size=5), st.integers()), max_size=4).map(tuple)


class Pair(NamedTuple):
    left: object
    right: object


trees = st.recursive(
    st.integers(-9, 9).map(lambda value: torch.tensor(float(value))),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3),
        st.lists(inner, min_size=1, max_size=3).map(tuple),
        st.tuples(inner, inner).map(lambda pair: Pair(*pair)),
    ),
    max_leaves=6,
)


@dataclass(frozen=True)
class Inner:
    """An inner part."""

    rate: float = 0.5


@dataclass(frozen=True)
class OuterPart:
    """An outer part."""

    inner: Inner = Inner()
    words: tuple[str, ...] = ("a", "b")
    count: int = 3


FAMILY = Family("test", object, Inner, OuterPart)


class Contract:
    """What the parts of a second family share."""


HERE = {"__module__": __name__}


def namesake(rate: float) -> type:
    """Another part of the name of `Inner`."""
    made: type = make_dataclass("Inner", [("rate", float, rate)], bases=(Contract,), frozen=True, namespace=HERE)
    return made


LISTED, UNLISTED = namesake(1.0), namesake(2.0)
SECOND = Family("second", Contract, LISTED)


@given(paths, paths)
def test_keys_draw_alike_exactly_when_their_paths_are_alike(one: tuple, other: tuple) -> None:
    same = [type(a) is type(b) and a == b for a, b in zip(one, other, strict=False)]
    alike = len(one) == len(other) and all(same)
    assert torch.equal(Key(one).uniform(4), Key(other).uniform(4)) == alike


def test_a_key_is_never_used_up() -> None:
    key = Key(("x",))
    assert torch.equal(key.normal(3), key.normal(3))
    assert not torch.equal(key.normal(3), key.fold(0).normal(3))


def test_keys_pin_their_numbers_for_ever() -> None:
    # Recorded once: a change here would change every distilled set ever made.
    assert Key(("x", 1)).seed == 9_075_571_978_349_400_602


def test_governing_puts_the_global_generator_back() -> None:
    before = torch.random.get_rng_state()
    with Key(("x",)).governing():
        first = torch.rand(3)
    assert torch.equal(torch.random.get_rng_state(), before)
    with Key(("x",)).governing():
        assert torch.equal(torch.rand(3), first)


@given(trees)
def test_flattening_a_tree_loses_nothing(value: object) -> None:
    flat = tree.flatten(value)
    back = tree.unflatten(value, flat)
    assert tree.flatten(back) == flat
    assert type(back) is type(value)


@given(trees)
def test_dot_and_norm_are_those_of_all_numbers_in_one_vector(value: object) -> None:
    vector = torch.stack(tree.leaves(value))
    doubled = tree.map(lambda leaf: 2 * leaf, value)
    assert float(tree.dot(value, doubled)) == pytest.approx(float(2 * vector @ vector))
    assert float(tree.norm(value)) == pytest.approx(float(vector.norm()), rel=1e-6)
    assert tree.count(value) == len(vector)


def test_trees_of_different_shape_are_told_apart() -> None:
    with pytest.raises(ValueError, match=r"\['x'\], expected \['y'\]"):
        tree.map(lambda a, b: a, {"y": torch.zeros(1)}, {"x": torch.zeros(1)})


def test_a_part_is_the_same_after_its_spec_was_stored() -> None:
    part = OuterPart(inner=Inner(rate=0.1), words=("c",), count=5)
    spec = json.loads(json.dumps(to_spec(part)))
    assert from_spec(spec) == part
    # This module is not limbeck's, and so the specs of its parts say where they come from.
    source = spec.pop("from")
    assert spec["inner"].pop("from") == source == source_of(OuterPart)
    assert spec == {"part": "test/outer-part", "inner": {"part": "test/inner", "rate": 0.1}, "words": ["c"], "count": 5}
    assert from_spec(spec) == part


def test_the_address_of_a_spec_ignores_the_order_of_its_fields() -> None:
    assert spec_id({"a": 1, "b": [2]}) == spec_id({"b": [2], "a": 1}) != spec_id({"a": 1, "b": [3]})


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"part": "test/outer-prat"}, "unknown part 'test/outer-prat': did you mean 'test/outer-part'"),
        ({"part": "outer-part"}, "unknown part 'outer-part': did you mean 'test/outer-part'"),
        ({"part": "test/inner", "rato": 1.0}, "unknown field of test/inner 'rato': did you mean 'rate'"),
    ],
)
def test_a_strange_spec_is_refused_with_the_nearest_name(spec: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_spec(spec)


def test_parts_of_one_name_in_two_families_are_two() -> None:
    specs = [to_spec(part) for part in (Inner(), LISTED(), UNLISTED())]
    assert [spec["part"] for spec in specs] == ["test/inner", "second/inner", f"second/{__name__}.Inner"]
    assert [type(from_spec(spec)) for spec in specs[:2]] == [Inner, LISTED]
    # One that no register holds has an address of its own, and no spec makes it again.
    with pytest.raises(InputError, match="unknown part"):
        from_spec(specs[2])


def test_a_family_and_a_value_have_a_name_of_their_own() -> None:
    with pytest.raises(TypeError, match="a family 'test' already"):
        Family("test", object)
    with pytest.raises(TypeError, match="'experts' already"):
        from limbeck.computations.experts import Experts

        VALUES.register(make_dataclass(Experts.__name__, [], namespace=HERE))
    with pytest.raises(TypeError, match="is of no family"):
        to_spec(make_dataclass("Homeless", [])())


def test_a_spec_of_another_source_says_so_in_one_line_and_is_read() -> None:
    spec = to_spec(Inner())
    spec["from"] = {**spec["from"], "package": "theirs", "version": "9", "digest": "of old"}
    with pytest.warns(UserWarning, match=r"test/inner: made with theirs 9 .*of old.*, here is") as said:
        assert from_spec(spec) == Inner()
    assert len(said) == 1 and "\n" not in str(said[0].message)


def test_what_limbeck_brings_has_no_source_but_a_version_of_its_algorithms() -> None:
    from limbeck.learn.augment import Siamese

    assert source_of(Siamese) == {} and "from" not in to_spec(Siamese())
    assert source_of(functools.partial(Siamese, 1)) == {}


def test_how_a_device_calculates_is_its_kind_and_its_precision() -> None:
    assert arithmetic(torch.device("cpu")) == {"device": "cpu", "precision": "float32"}
    before = torch.backends.cuda.matmul.fp32_precision
    try:
        ways = []
        for precision in ("ieee", "tf32"):
            torch.backends.cuda.matmul.fp32_precision = precision
            ways.append(arithmetic(torch.device("cuda", 1)))
    finally:
        torch.backends.cuda.matmul.fp32_precision = before
    assert ways[0]["device"] == "cuda" and ways[0] != ways[1]
    torch.set_default_dtype(torch.float64)
    try:
        assert arithmetic(torch.device("cpu"))["precision"] == "float64"
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_class_without_a_file_is_told_by_its_instructions() -> None:
    def digest(source: str) -> str:
        names: dict = {"__name__": "a_notebook"}
        exec(source, names)
        return source_of(names["Mine"])["digest"]

    plain = "class Mine:\n  def of(self, x):\n    return x * {factor}"
    assert digest(plain.format(factor=2)) == digest("\n\n" + plain.format(factor=2))
    assert digest(plain.format(factor=2)) != digest(plain.format(factor=3))


def test_a_refusal_is_one_line() -> None:
    assert str(InputError("a\n  b")) == "a b"


@given(st.permutations(["a", "b/c", "b/d", "e"]))
def test_trees_of_dicts_are_the_same_in_any_order_of_their_names(order: list[str]) -> None:
    flat = {name: torch.tensor([float(index), 1.0]) for index, name in enumerate(["a", "b/c", "b/d", "e"])}
    whole, shuffled = tree.nest(flat), tree.nest({name: flat[name] for name in order})
    assert list(tree.flatten(shuffled)) == list(flat)
    assert float(tree.dot(whole, shuffled)) == float(tree.dot(whole, whole)) == 18.0
    together = tree.map(lambda left, right: left - right, shuffled, whole)
    assert all(not leaf.any() for leaf in tree.leaves(together))

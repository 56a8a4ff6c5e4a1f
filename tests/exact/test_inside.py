"""What a set stores: bytes by what they are, and pictures that are the numbers they are said to be."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

import limbeck
from limbeck.cli import main
from limbeck.codecs import ImageCodec
from limbeck.codecs.images import Whitening
from limbeck.core.contracts import AbstractParameterization, Batch, NoCache, Parameters, Problem
from limbeck.core.files import read_tensors, write_tensors
from limbeck.core.key import Key
from limbeck.core.pictured import bars
from limbeck.distilled_set import DistilledSet
from limbeck.header import DESCRIBED
from limbeck.inside import FLOAT32, STORED, account, pictures_of
from limbeck.parameterizations import (
    Bases,
    Bits,
    Field,
    FixedInputs,
    Frequency,
    Multiformation,
    Palette,
    Pca,
    Pixels,
    SoftTargets,
)
from limbeck.report.cards import card
from limbeck.report.gallery import plates
from limbeck.schedules import Fixed
from limbeck.show import labelled, stored_below

KEY = Key(("inside",))
TASK = limbeck.load("digits")
PROBLEM = Problem(TASK, TASK.network("mlp-w4"), torch.device("cpu"), NoCache())
START = PROBLEM.real(KEY, 4)


def set_of(part: AbstractParameterization, start: Batch = START) -> DistilledSet:
    params = part.init(PROBLEM, start, KEY)
    schedule = Fixed().render({}, start.classes, KEY)
    return DistilledSet(params, part, schedule, TASK.codec, TASK.classes, TASK.reference, {"network": "mlp"})


def shown(part: AbstractParameterization, made: DistilledSet) -> dict[str, Tensor]:
    return {each.name: each.pictures for each in part.pictured(made.stored, made.classes)}


@pytest.mark.parametrize(
    ("part", "numbers", "stored"),
    [
        # 40 items of 64 numbers and a class each.
        (Pixels(), (2560, 40, 0), (10240, 40, 0)),
        (SoftTargets(Pixels()), (2560, 440, 0), (10240, 1640, 0)),
        (FixedInputs(), (2560, 440, 0), (10240, 1640, 0)),
        # Ten pages of four.
        (Multiformation(2), (640, 40, 0), (2560, 40, 0)),
        # Ten masks of five positions, in a byte each.
        (Frequency(kept=5), (200, 40, 50), (800, 40, 50)),
        (Pca(components=3, examples=50), (120, 40, 4 * 64), (480, 40, 4 * 4 * 64)),
        (Bases(count=4), (160, 40, 64), (640, 40, 256)),
        # Two bounds of the one channel.
        (Bits(bits=3), (2560, 40, 2), (960, 40, 8)),
        # Levels of 4 bits of addresses and of bases, whose one channel has bounds, and addresses as a whole have some.
        (Bits(bits=4, inner=Bases(count=4)), (160, 40, 64 + 4), (80, 40, 32 + 16)),
        # Four colours and one of them for each pixel, in 2 bits.
        (Palette(colours=4), (160 + 2560, 40, 0), (640 + 640, 40, 0)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, AbstractParameterization) else "",
)
def test_bytes_are_counted_by_what_they_are(
    part: AbstractParameterization, numbers: tuple[int, ...], stored: tuple[int, ...]
) -> None:
    made = set_of(part)
    found = account(made)
    by_kind = {each.what: each for each in found.parts}
    kinds = ("inputs", "labels", "shared by all")
    assert tuple(by_kind[kind].numbers if kind in by_kind else 0 for kind in kinds) == numbers
    assert tuple(by_kind[kind].bytes if kind in by_kind else 0 for kind in kinds) == stored
    assert found.bytes == made.budget.bytes and found.floats == 4 * sum(numbers)
    assert (found.items, found.plain) == (40, 256)


@pytest.mark.parametrize(
    ("part", "plainly"), [(Pixels(), ""), (Bits(bits=3), "plain 32-bit numbers would take 10.2 kB")]
)
def test_the_sizes_on_a_card_say_what_they_count_in_the_words_of_the_terminal(
    part: AbstractParameterization, plainly: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, path = set_of(part), tmp_path / "set.safetensors"
    made.save(path)
    on_card = next(each for each in card(0, "a", "a", made, (), (), ()).numbers if each[0] == "stored")
    told = on_card[2].partition(". Its")[0]
    assert told.startswith(f"{STORED}: inputs ") and plainly in on_card[2]
    # The parts add up to the whole.
    sizes = [int(each.replace(",", "")) for each in re.findall(r"([\d,]+) B", told)]
    assert not plainly or sum(sizes) == account(made).bytes
    assert main(["show", str(path), "--out", str(tmp_path / "a.png")]) == 0
    assert f"stored in {on_card[1]}, {on_card[2]}\n" in capsys.readouterr().out
    assert main(["describe", str(path)]) == 0
    assert f"Stored: {STORED}; as float32: {FLOAT32}" in capsys.readouterr().out


def test_pages_are_stored_and_the_items_beside_them_are_rendered_of_the_first() -> None:
    part, made = Multiformation(2), set_of(Multiformation(2))
    found = shown(part, made)
    assert torch.equal(found["pages"], made.stored.learned["inputs"])
    assert torch.equal(found["cut from the first page"], made.batch.inputs[made.batch.classes == 0])


def test_a_field_is_shown_as_rendered_and_between_its_pixels() -> None:
    part = Field(fit_steps=5)
    made = set_of(part)
    found = shown(part, made)
    assert torch.equal(found["1x"], made.batch.inputs[[0, 4, 8, 12]])
    # Corners stay where they are, whatever the size.
    for factor in ("2x", "4x"):
        for row in (0, -1):
            torch.testing.assert_close(found[factor][..., row, -1], found["1x"][..., row, -1], rtol=1e-4, atol=1e-5)
    assert found["4x"].shape[2:] == (32, 32)


def test_masks_are_the_positions_that_are_kept_and_spectra_lie_in_them() -> None:
    part = Frequency(kept=5)
    made = set_of(part)
    found, fixed = shown(part, made), made.stored.fixed
    assert torch.equal(found["masks"].flatten(1).sum(1), torch.full((10,), 5.0))
    width = found["masks"].shape[3]
    for place in fixed["masks"][3].long().tolist():
        assert float(found["masks"][3, 0, place // 8, place % 8]) == 1 and place % 8 < width
    assert bool((found["spectra"][found["masks"] == 0] == 0).all())
    expected = made.stored.learned["inputs"][12].abs().mean(0).log1p()
    torch.testing.assert_close(found["spectra"][3].sum(), expected.sum())


def test_levels_go_from_the_least_to_the_largest_number_and_palettes_from_dark_to_bright() -> None:
    made = set_of(Bits(bits=3))
    ramp = shown(Bits(bits=3), made)["levels"]
    inputs = made.batch.inputs
    assert ramp.shape == (1, 1, 1, 8)
    torch.testing.assert_close(ramp.flatten()[[0, -1]], torch.stack([inputs.min(), inputs.max()]))
    part, made = Palette(colours=4), set_of(Palette(colours=4))
    swatches = shown(part, made)["palettes"]
    assert torch.equal(swatches[1, 0, 0], made.stored.learned["palette"][4, :, 0].sort().values)


def test_bases_and_directions_are_those_that_are_stored() -> None:
    part, made = Bases(count=4), set_of(Bases(count=4))
    assert torch.equal(shown(part, made)["bases"], made.stored.learned["bases"])
    part, made = Pca(components=3, examples=50), set_of(Pca(components=3, examples=50))
    found = shown(part, made)
    assert torch.equal(found["mean"][0], made.stored.fixed["mean"])
    zero = Parameters({"codes": torch.zeros(40, 3)}, made.stored.fixed)
    assert torch.equal(part.render(zero, KEY).inputs[:1], found["mean"])


def test_bars_are_as_long_as_weights_and_go_down_where_these_are_negative() -> None:
    weights = KEY.normal(3, 7)
    drawn = bars(weights)[:, 0, :, 1::3]
    assert torch.equal(drawn.sum(1).sign(), weights.sign())
    # Each has a pixel at 0, which no weight adds to; lengths round down.
    lengths = drawn.abs().sum(1) - 1
    scaled = 8 * weights.abs() / weights.abs().max()
    assert bool(((lengths <= scaled) & (lengths > scaled - 1)).all())
    assert bool((bars(torch.zeros(2, 3)) == 0).all())


def test_stored_pictures_are_drawn_by_the_codec_or_as_numbers_around_grey() -> None:
    made = set_of(Multiformation(2))
    pages = pictures_of(made)[0].pictures
    native = TASK.codec.decode(made.stored.learned["inputs"])
    assert all(torch.equal(page, TASK.codec.picture(one)) for page, one in zip(pages, native, strict=True))
    # What is whitened cannot be undone of a page: its numbers are drawn, and it is said.
    zca = ImageCodec(TASK.codec.mean, TASK.codec.std, Whitening(torch.eye(64), torch.zeros(64)))
    whitened = DistilledSet(made.params, made.parameterization, made.schedule, zca, made.classes, made.data, made.spec)
    drawn = pictures_of(whitened)[0]
    numbers = made.stored.learned["inputs"]
    expected = 127.5 * (1 + numbers / numbers.abs().max())
    found = torch.stack(drawn.pictures)[..., 0].float()
    torch.testing.assert_close(found, expected[:, 0], rtol=0, atol=0.51)
    assert "whitened" in drawn.line


def test_a_page_and_a_picture_show_what_is_stored_only_where_it_is_more_than_the_items(tmp_path: Path) -> None:
    plain, made = set_of(Pixels()), set_of(Multiformation(2))
    assert plates(plain) == [] and torch.equal(stored_below(plain), labelled(plain))
    whole, items = stored_below(made), labelled(made)
    assert torch.equal(whole[: len(items), : items.shape[1]], items) and len(whole) > len(items)
    assert [(each.name, len(each.pictures)) for each in plates(made)] == [("pages", 10), ("cut from the first page", 4)]
    made.save(tmp_path / "set.safetensors")
    assert main(["show", str(tmp_path / "set.safetensors"), "--out", str(tmp_path / "a.png")]) == 0
    assert Image.open(tmp_path / "a.png").size == (whole.shape[1], whole.shape[0])


def test_describe_tells_what_a_set_stores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "set.safetensors"
    set_of(Frequency(kept=5)).save(path)
    assert main(["describe", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["stored"] == {
        "parts": [
            {"what": "inputs", "numbers": 200, "bytes": 800, "float32": 800},
            {"what": "labels", "numbers": 40, "bytes": 40, "float32": 160},
            {"what": "shared by all", "numbers": 50, "bytes": 50, "float32": 200},
        ],
        "bytes": 890,
        "float32": 1160,
        "items": 40,
        "plain_item": 256,
    }
    assert main(["describe", str(path)]) == 0
    said = capsys.readouterr().out
    assert "frequency" in said and "890 B" in said and "1,160 B" in said
    # A file that was written before headers told so.
    tensors, header = read_tensors(path)
    write_tensors(path, tensors, {name: header[name] for name in header.keys() - DESCRIBED})
    assert main(["describe", str(path)]) == 0 and capsys.readouterr().out == said
    assert main(["describe", str(tmp_path / "none.safetensors")]) == 2

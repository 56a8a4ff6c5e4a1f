"""Items that are read, heard, or drawn all in one picture, as the command line and the page give them."""

from __future__ import annotations

import base64
import json
import re
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from limbeck.cli import main
from limbeck.codecs import CODECS
from limbeck.core.contracts import AbstractCodec, Batch, Sound
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.items import PAUSE, wav
from limbeck.parameterizations import Pixels
from limbeck.parameterizations.pixels import held
from limbeck.report.data import ReportData
from limbeck.report.page import page
from limbeck.schedules import Fixed
from limbeck.show import draw

RATE = 100


@dataclass(frozen=True)
class Plain(AbstractCodec):
    """Numbers as they are."""

    def encode(self, native: Tensor) -> Tensor:
        return native

    def decode(self, inputs: Tensor) -> Tensor:
        return inputs

    def to_tensors(self) -> dict[str, Tensor]:
        return {}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> Plain:
        return cls()

    def header(self) -> dict[str, Any]:
        return {}


class Spoken(Plain):
    def words(self, item: Tensor) -> str:
        return f"adds up to {float(item.sum()):.0f}\x1b[31m\nand <b>more</b>"


class Played(Spoken):
    def picture(self, item: Tensor) -> Tensor:
        return torch.zeros(4, 4, 3, dtype=torch.uint8)

    def sound(self, item: Tensor) -> Sound:
        return Sound(item, RATE)


class Together(Plain):
    def scene(self, native: Tensor, classes: Tensor, names: Any) -> Tensor:
        drawn = torch.full((20, 30, 3), 255, dtype=torch.uint8)
        drawn[: len(native)] = 0
        return drawn


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (Plain, Spoken, Played, Together):
        monkeypatch.setitem(CODECS.parts, kind.__name__.lower(), kind)


def set_of(codec: AbstractCodec) -> DistilledSet:
    """Two items of class a that are 2 and 0, and one of class b that is 1, everywhere."""
    chosen = torch.tensor([0, 1, 0])
    inputs = torch.tensor([2.0, 1.0, 0.0])[:, None].expand(3, 8).contiguous()
    batch = Batch(inputs, torch.nn.functional.one_hot(chosen, 2).float(), chosen)
    schedule = Fixed().render({}, chosen, Key())
    return DistilledSet(
        held(batch),
        Pixels(),
        schedule,
        codec,
        ("a", "b"),
        {"name": "n", "fingerprint": "0" * 64},
        spec={"network": "mlp"},
    )


def shown_page(codec: AbstractCodec) -> str:
    """The report page of the set alone."""
    return page(ReportData("A set", (("n.safetensors", set_of(codec)),), (), (), {}, {}))


def test_words_are_printed_by_class_on_one_safe_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "n.safetensors"
    set_of(Spoken()).save(path)
    assert main(["show", str(path), "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)["items"]
    assert [line.split("\\")[0].replace('"', "") for line in lines] == [
        "a: adds up to 16",
        "a: adds up to 0",
        "b: adds up to 8",
    ]
    assert all(line.isprintable() for line in lines)
    assert main(["show", str(path), "--out", str(tmp_path / "n.txt")]) == 0
    assert (tmp_path / "n.txt").read_text().splitlines() == lines
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("ending", ["txt", "wav", "png"])
def test_what_items_do_not_have_is_refused_in_one_line(
    ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_of(Plain()).save(tmp_path / "n.safetensors")
    assert main(["show", str(tmp_path / "n.safetensors"), "--out", str(tmp_path / f"n.{ending}")]) == 2
    told = capsys.readouterr().err
    assert "items of the codec plain have no" in told and len(told.splitlines()) == 1
    assert not (tmp_path / f"n.{ending}").exists()


def test_sound_is_written_clipped_with_pauses(tmp_path: Path) -> None:
    draw(set_of(Played()), tmp_path / "n.wav")
    with wave.open(str(tmp_path / "n.wav")) as file:
        rate, heard = file.getframerate(), torch.frombuffer(bytearray(file.readframes(10**6)), dtype=torch.int16)
    pause = [0] * int(PAUSE * RATE)
    assert rate == RATE
    assert heard.tolist() == [*[32767] * 8, *pause, *[0] * 8, *pause, *[32767] * 8]


def test_the_page_has_words_that_are_text_and_sounds_that_play() -> None:
    html = shown_page(Played())
    assert "adds up to 16" in html and "<b>more</b>" not in html
    sounds = [base64.b64decode(each) for each in re.findall(r"data:audio/wav;base64,([^\"]+)", html)]
    assert sounds == [wav([Sound(torch.full((8,), value), RATE)]) for value in (2.0, 0.0, 1.0)]
    assert "media-src data:" in html


def test_the_page_lists_items_in_words_where_there_is_no_picture() -> None:
    html = shown_page(Spoken())
    assert "in words" in html and "adds up to 8" in html and "have no picture" not in html


def test_a_scene_stands_for_pictures_of_items(tmp_path: Path) -> None:
    assert 'class="scene"' in shown_page(Together()) and 'class="scene"' not in shown_page(Plain())
    draw(set_of(Together()), tmp_path / "n.png")
    assert (tmp_path / "n.png").read_bytes().startswith(b"\x89PNG")

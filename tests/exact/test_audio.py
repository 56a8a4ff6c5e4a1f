"""Sound against dense references: spectra, filters, what is heard of a spectrogram; and recordings that are no use."""

from __future__ import annotations

import math
import shlex
import sys
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch

import limbeck
import tones
from in_process import Here
from limbeck.cli import main
from limbeck.codecs import SpectrogramCodec
from limbeck.codecs.colours import SCALE, coloured
from limbeck.codecs.mel import FLOOR, decibels, filters, frequencies, pitches, samples_of
from limbeck.core import tree
from limbeck.core.contracts import Batch
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.augment import Siamese
from limbeck.learn.views import CutMix
from limbeck.tasks import load
from limbeck.tasks.audio import AudioTask
from limbeck.tasks.readers.decoded import decode, resampled

KEY = Key(("audio",))


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> AudioTask:
    made = load(tones.write(tmp_path_factory.mktemp("tones") / "tones"))
    assert isinstance(made, AudioTask)
    return made


def test_filters_are_triangles_that_are_evenly_spaced_in_mel() -> None:
    rate, window, mels = 8000, 256, 10
    found, top = filters(rate, window, mels), pitches(4000)
    for mel in range(mels):
        left, middle, right = (frequencies(top * (mel + at) / (mels + 1)) for at in range(3))
        for k in range(window // 2 + 1):
            f = k * rate / window
            height = (f - left) / (middle - left) if f <= middle else (right - f) / (right - middle)
            assert float(found[mel, k]) == pytest.approx(max(0.0, height), abs=1e-12)


def test_decibels_are_those_of_a_sum_over_samples() -> None:
    rate, window, hop, mels = 8000, 32, 10, 4
    samples = KEY.fold("samples").normal(55).double()
    found = decibels(samples[None].float(), rate, window, hop, mels)[0, 0]
    assert found.shape == (mels, 6)
    hann = [0.5 - 0.5 * math.cos(2 * math.pi * n / window) for n in range(window)]
    for frame in (0, 3, 5):
        power = []
        for k in range(window // 2 + 1):
            total = 0j
            for n in range(window):
                at = frame * hop + n - window // 2
                if 0 <= at < len(samples):
                    turn = -2 * math.pi * k * n / window
                    total += hann[n] * float(samples[at].float()) * complex(math.cos(turn), math.sin(turn))
            power.append((2 * abs(total) / sum(hann)) ** 2)
        for mel in range(mels):
            heard = sum(float(w) * p for w, p in zip(filters(rate, window, mels)[mel], power, strict=True))
            assert float(found[mel, frame]) == pytest.approx(10 * math.log10(heard + 1e-8), abs=1e-3)


def test_a_sine_of_full_scale_has_no_decibels_and_silence_has_the_fewest() -> None:
    rate, window = 8000, 256
    middle = frequencies(pitches(4000) * 5 / 11)
    k = round(middle * window / rate)
    sine = torch.sin(2 * math.pi * k / window * torch.arange(4096))
    found = decibels(torch.stack([sine, torch.zeros(4096)]), rate, window, 64, 10)
    height = float(filters(rate, window, 10)[4, k])
    # Seen through a Hann window, the neighbours of a frequency have a quarter of its power.
    beside = float(filters(rate, window, 10)[4, [k - 1, k + 1]].sum()) / 4
    assert float(found[0, 0, 4, 20]) == pytest.approx(10 * math.log10(height + beside), abs=1e-2)
    assert bool((found[1] == FLOOR).all())


def test_what_is_heard_of_a_spectrogram_has_that_spectrogram(task: AudioTask) -> None:
    codec, native = task.codec, task.native("test", torch.arange(3))
    assert isinstance(codec, SpectrogramCodec)
    for item in native:
        sound = codec.sound(item)
        assert sound.rate == tones.RATE and sound.samples.shape == (codec.hop * (native.shape[-1] - 1),)
        assert torch.equal(codec.sound(item.clone()).samples, sound.samples)
        samples = samples_of(item[0], codec.rate, codec.window, codec.hop)
        again = decibels(samples[None], codec.rate, codec.window, codec.hop, native.shape[2])[0]
        loud = item > item.max() - 20
        assert float((again - item)[loud].abs().median()) < 1.5
        assert torch.equal(again[0].argmax(0), item[0].argmax(0))
    # Of silence silence, and what is louder than full scale is brought down to it.
    assert float(codec.sound(torch.full_like(native[0], FLOOR)).samples.abs().max()) < 1e-3
    assert float(codec.sound(native[0] + 60).samples.abs().max()) <= 1
    broken = samples_of(torch.full((8, 4), torch.nan), 4000, 128, 62)
    assert bool(broken.isfinite().all())


def test_the_codec_goes_there_and_back_and_draws_pitch_upwards(task: AudioTask) -> None:
    codec, native = task.codec, task.native("train")
    encoded = codec.encode(native.double())
    assert float(encoded.mean()) == pytest.approx(0, abs=0.05) and float(encoded.std()) == pytest.approx(1, abs=0.05)
    torch.testing.assert_close(codec.decode(encoded), native.double())
    low = torch.full((1, 6, 3), FLOOR)
    low[0, 0] = 0.0
    picture = codec.picture(low)
    assert picture.shape == (6, 3, 3) and picture[5, 0].tolist() == list(SCALE[-1])
    assert picture[0, 0].tolist() == list(SCALE[0])
    light = coloured(torch.linspace(0, 1, 101)[None])[0].double() @ torch.tensor([0.2126, 0.7152, 0.0722]).double()
    assert bool((light.diff() > 0).all())
    again = SpectrogramCodec.from_tensors(codec.to_tensors())
    assert again == codec
    for wrong in ({"std": torch.tensor(0.0)}, {"hop": torch.tensor(0.0)}, {"mean": torch.tensor([1.0, 2.0])}):
        with pytest.raises(InputError, match="a codec of spectrograms with"):
            SpectrogramCodec.from_tensors({**codec.to_tensors(), **wrong})


def test_classes_are_folders_and_images_networks_take_what_is_made(task: AudioTask) -> None:
    assert task.classes == ("fall", "rise", "stay") and task.shape == (1, 32, 32)
    assert [len(task.splits[split].labels) for split in ("train", "validation", "test")] == [33, 3, 18]
    inputs = task.load("test").inputs
    for name in ("convnet-w4", "mlp-w8"):
        network = task.network(name)
        assert network.apply(network.init(KEY), inputs).outputs.shape == (18, 3)
    native, expected = task.native("test", torch.tensor([0])), tones.tone("fall", 12)
    written = (np.clip(expected, -1, 1) * 32767).astype(np.int16).astype(np.float32) / 32768
    codec = task.codec
    own = decibels(torch.from_numpy(written[: 32 * codec.hop])[None], codec.rate, codec.window, codec.hop, 32)
    torch.testing.assert_close(native, own[..., :32])


def test_a_sound_is_never_mirrored_turned_stretched_or_coloured(task: AudioTask) -> None:
    batch = task.load("train", torch.arange(12))
    for operation in ("flip", "rotate", "scale", "color"):
        shown = task.augment(batch, KEY, torch.arange(12), Siamese((operation,)))
        assert all(torch.equal(a, b) for a, b in zip(tree.leaves(shown), tree.leaves(batch), strict=True))
    assert not torch.equal(task.augment(batch, KEY, torch.arange(12), Siamese(("cutout",))).inputs, batch.inputs)
    mixed = task.augment(batch, KEY, torch.arange(12), CutMix())
    assert isinstance(mixed, Batch) and not torch.equal(mixed.targets, batch.targets)


def test_decoding_knows_the_forms_of_wav_mixes_channels_and_resamples() -> None:
    samples = tones.tone("rise", 3)
    held = decode(tones.wav(samples), "here")
    assert held.rate == tones.RATE and held.channels == 1 and np.abs(held.samples - samples).max() < 1e-4
    both = decode(tones.wav(np.stack([samples, -samples], 1)), "here")
    assert both.channels == 2 and np.abs(both.samples).max() < 1e-4
    # A slow sine is the same sine at half the rate.
    time = np.arange(4000) / 4000
    half = resampled(np.sin(2 * np.pi * 200 * time).astype(np.float32), 4000, 2000)
    assert len(half) == 2000
    assert np.abs(half - np.sin(2 * np.pi * 200 * np.arange(2000) / 2000))[50:-50].max() < 0.01


def test_what_is_not_as_most_is_told(tmp_path: Path) -> None:
    samples = tones.tone("rise", 40, seconds=3.0)
    name = tones.write(
        tmp_path / "odd",
        long=tones.wav(samples),
        fast=tones.wav(tones.tone("rise", 41, rate=8000), 8000),
        stereo=tones.wav(np.stack([samples[:2000]] * 2, 1)),
        still=tones.wav(np.zeros(2000)),
    )
    (tmp_path / "odd" / "train" / "rise" / "readme.txt").write_text("no sound")
    notes = " | ".join(load(name).notes)
    for said in (
        "left out 1 files of train that are no sound",
        r"1 of 58 sounds are resampled to 4,000 Hz",
        "1 of 58 sounds have several channels, of which the mean is taken",
        "1 of 58 sounds are cut to their first",
        "1 of 58 sounds are silent",
    ):
        assert said in notes, notes
    assert load(name, seconds=0.25, mels=16).shape == (1, 16, 16)
    assert load(name, rate=2000).codec.header()["rate"] == 2000


BAD: dict[str, tuple[bytes, str]] = {
    "no sound at all": (b"RIFF", "unreadable or truncated sound"),
    "torn": (tones.wav(tones.tone("rise", 1))[:30], "unreadable or truncated sound"),
    "empty": (tones.wav(np.zeros(0)), "a sound without a sample|unreadable"),
    "of one sample a second": (tones.wav(np.zeros(100), 1), "found 1 samples in a second, expected 1,000"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_is_no_use_is_named_in_one_line(case: str, tmp_path: Path) -> None:
    content, said = BAD[case]
    with pytest.raises(InputError, match=f"bad.wav: .*({said})") as caught:
        load(tones.write(tmp_path / "bad", train=2, test=1, bad=content))
    assert "\n" not in str(caught.value)


def test_other_forms_take_a_package_that_is_named_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    name = tones.write(tmp_path / "other", train=2, test=1)
    (tmp_path / "other" / "train" / "rise" / "more.flac").write_bytes(b"fLaC")
    with pytest.raises(InputError, match=r"more.flac: no WAV, .* pip install 'limbeck\[sound\]', or convert"):
        load(name)


def test_places_and_options_that_are_wrong_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = tones.write(tmp_path / "tones", train=4, test=1)
    (tmp_path / "one" / "only").mkdir(parents=True)
    (tmp_path / "one" / "only" / "a.wav").write_bytes(tones.wav(tones.tone("rise", 1)))
    (tmp_path / "hollow" / "a").mkdir(parents=True)
    (tmp_path / "bare").mkdir()
    tones.write(tmp_path / "new", train=2, test=1)
    (tmp_path / "new" / "test" / "odd").mkdir()
    (tmp_path / "new" / "test" / "odd" / "a.wav").write_bytes(tones.wav(tones.tone("rise", 1)))
    for data, options, said in (
        ("audio:", "", "'audio:' names nothing"),
        (f"audio:{tmp_path}/none", "", "found nothing, expected one folder per class"),
        (f"audio:{tmp_path}/bare", "", "found no class folder"),
        (f"audio:{tmp_path}/hollow", "", "no sound in a, expected files that end in"),
        (f"audio:{tmp_path}/one", "", "found the single class 'only', expected at least two"),
        (f"audio:{tmp_path}/new", "", "the class 'odd' has no training sounds"),
        (name, "--mels 400", "some pitches would lie between two frequencies"),
        (name, "--seconds 0.01", "expected 0.1 to 60"),
        (name, "--rate 10", "expected 1,000 to 192,000"),
        (name, "--label-column kind", "folders say the classes"),
        (f"fsdd --data-root {tmp_path}", "", "fsdd: not found; looked in"),
    ):
        assert main(shlex.split(f"describe {data} {options}")) == 2
        assert said in capsys.readouterr().err


def test_a_table_of_sounds_is_read_as_folders_are(task: AudioTask, tmp_path: Path) -> None:
    for split, numbers in (("train", range(12)), ("test", range(12, 18))):
        rows = [(tones.wav(tones.tone(name, number)), name) for name in tones.CLASSES for number in numbers]
        table = {"audio": [{"bytes": content, "path": ""} for content, _ in rows], "label": [name for _, name in rows]}
        pyarrow.parquet.write_table(pyarrow.table(table), tmp_path / f"{split}.parquet")
    assert load(f"audio:{tmp_path}").fingerprint == load(f"audio:{tmp_path}", label_column="label").fingerprint
    found = load(f"audio:{tmp_path}")
    assert torch.equal(found.native("test"), task.native("test")) and found.classes == task.classes


def test_sounds_go_through_every_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, made, runs = tones.write(tmp_path / "tones", 6, 2), tmp_path / "made.safetensors", tmp_path / "runs"

    def does(command: str) -> str:
        assert main(shlex.split(command)) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    assert "32 pitches in 32 frames" in does(f"describe {name}")
    tiles = "--parameterization multiformation --parameterization.factor 2 --parameterization.rows 1"
    asked = f"--recipe dm {tiles} --ipc 1 --network mlp-w8 --steps 2 --checks 0 --runs {runs} --device cpu"
    does(f"distill {name} {asked} --out {made}")
    distilled = limbeck.DistilledSet.load(made)
    assert len(distilled) == 6 and distilled.batch.inputs.shape == (6, 1, 32, 32)
    with limbeck.Session(runs, workers=1, device="cpu", executor=Here()) as session:
        rows = limbeck.evaluate(made, repeats=1, baselines=["random"], session=session)
        assert [row.metric for row in rows] == ["accuracy"] * 2
    does(f"show {made} --out {tmp_path}/made.png")
    does(f"show {made} --out {tmp_path}/made.wav")
    assert decode((tmp_path / "made.wav").read_bytes(), "made").rate == tones.RATE
    does(f"report {made} --out {tmp_path}/made.html --runs {runs}")
    assert (tmp_path / "made.html").read_text().count("<audio controls") == 6
    does(f"export {made} --format npz --out {tmp_path}/made.npz")

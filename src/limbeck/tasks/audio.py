"""The task of naming the class of a short recording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.codecs.mel import decibels, filters
from limbeck.codecs.spectrograms import SpectrogramCodec
from limbeck.core.contracts import AbstractAugmentation, AbstractNetwork, AbstractTask, Batch
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.tasks import places
from limbeck.tasks.labelled import Labelled, LabelledTask
from limbeck.tasks.places import not_found, root_of
from limbeck.tasks.prepare import Facts
from limbeck.tasks.readers.decoded import Recording, decode, read_bytes, resampled
from limbeck.tasks.readers.encoded import Encoded, together
from limbeck.tasks.readers.labels import readable
from limbeck.tasks.readers.sounds import find
from limbeck.tasks.readers.source import SPLITS, Array, Part
from limbeck.tasks.splits import Validation, arrange, check

FSDD = "fsdd"
FRAMES = 64
"""Frames in a second."""
MELS = 32
"""Pitches, where nothing is said."""
COVERED = 0.9
"""The share of training clips that fit into the length that is taken where none is said."""
LONGEST = 2.0
"""Seconds that are taken at most where none are said."""
HIGHEST = 16_000
"""Samples in a second that are taken at most where nothing is said."""
STEP = 0.25
"""What the length is a multiple of, in seconds."""


@dataclass(frozen=True, eq=False)
class AudioTask(LabelledTask):
    """Classification of recordings by the power of their pitches over time, (1, mel, time), as of grey images.

    The lowest pitch comes first. It is evaluated by the fraction whose largest output is their class.
    """

    def network(self, name: str) -> AbstractNetwork:
        """The network of that name for images of this shape; InputError for an unknown one."""
        from limbeck.learn import networks

        return networks.build(name, self.shape, len(self.classes))

    def augment(
        self, batch: Batch, key: Key, groups: Int[Tensor, " example"], policy: AbstractAugmentation | None
    ) -> Batch:
        """The batch under what of `policy` leaves a sound what it is: shifts and holes, and mixtures.

        Never mirrored, turned, stretched or in other colours: a sound played backwards is another one.
        """
        if policy is None:
            return batch
        for operation in ("flip", "rotate", "scale", "color"):
            policy = policy.without(operation)
        return policy.examples(batch, key, groups)


class Manner(NamedTuple):
    """How recordings become spectrograms."""

    rate: int
    """Samples in a second."""
    frames: int
    hop: int
    """Samples from one frame to the next."""
    mels: int

    @property
    def window(self) -> int:
        """Samples of a frame: the first power of two that is at least two hops."""
        return 1 << (2 * self.hop - 1).bit_length()

    @property
    def length(self) -> int:
        """Samples of a clip."""
        return self.hop * self.frames

    def seen(self, clips: Sequence[Array]) -> Float[Tensor, "example 1 mel time"]:
        """The spectrograms of clips at this rate, cut at the end or followed by silence."""
        rows = torch.zeros(len(clips), self.length)
        for row, clip in zip(rows, clips, strict=True):
            cut = torch.from_numpy(np.ascontiguousarray(clip[: self.length]))
            row[: len(cut)] = cut
        parts = [decibels(part, self.rate, self.window, self.hop, self.mels) for part in rows.split(256)]
        return torch.cat(parts)[..., : self.frames]


def named() -> dict[str, tuple[str, Callable[..., AbstractTask]]]:
    """{name: (summary, loader)} of every set of recordings."""
    return {FSDD: ("3,000 spoken digits by six speakers, of less than a second each; as spectrograms", fsdd)}


def fsdd(
    root: Path | None,
    *,
    seconds: float | None = None,
    mels: int | None = None,
    rate: int | None = None,
    validation: float | str | None = None,
) -> AbstractTask:
    """The spoken digits; InputError that says where was looked, and for what, where they are not there."""
    folder = root_of(FSDD, root) / FSDD
    if not (folder / "train.parquet").is_file():
        raise not_found(FSDD, f"in {folder} for train.parquet and test.parquet")
    return _task(FSDD, folder, seconds, mels, rate, validation, "")


def own(
    path: str,
    root: Path | None,
    *,
    seconds: float | None = None,
    mels: int | None = None,
    rate: int | None = None,
    label_column: str = "",
    validation: float | str | None = None,
) -> AbstractTask:
    """Recordings of your own; InputError for what cannot be used."""
    return _task(f"audio:{path}", Path(path).expanduser(), seconds, mels, rate, validation, label_column)


def _task(
    name: str,
    path: Path,
    seconds: float | None,
    mels: int | None,
    rate: int | None,
    validation: float | str | None,
    label_column: str,
) -> AudioTask:
    validates = Validation.of(validation)
    parts = find(path, label_column)
    facts = _facts(name, parts)
    check(facts, validates)
    recordings = _decoded(parts)
    manner = _manner(recordings[: facts.lengths["train"]], seconds, mels, rate)
    clips = [resampled(each.samples, each.rate, manner.rate) for each in recordings]
    places_of = [readable(part.place(index)) for part in parts for index in range(len(part.labels))]
    if not any(map(np.any, clips)):
        raise InputError(
            f"{places_of[0]}: silent, as all {len(clips):,} sounds are, expected some that can be heard; check how "
            "they were recorded or converted"
        )
    native = manner.seen(clips)
    rows, carved = arrange(facts, _digest(native, facts), validates)
    train = native[torch.from_numpy(rows["train"])].double()
    std = float(train.std(correction=0))
    codec = SpectrogramCodec(float(train.mean()), std if std > 1e-6 else 1.0, manner.rate, manner.window, manner.hop)
    labels = torch.from_numpy(facts.labels)
    splits = {
        split: Labelled(native[torch.from_numpy(rows[split])], labels[torch.from_numpy(rows[split])])
        for split in SPLITS
    }
    given = {"seconds": seconds, "mels": mels, "rate": rate, "label_column": label_column or None}
    options = {k: v for k, v in {**given, "validation": validates.stated}.items() if v is not None}
    notes = (*facts.notes, *carved, *_told(recordings, clips, places_of, manner))
    task = AudioTask(name, facts.classes, codec, splits, options, notes)
    places.remember(name, task.fingerprint)
    return task


def _facts(name: str, parts: Sequence[Part]) -> Facts:
    """What all parts hold; InputError where there is nothing to learn."""
    train = parts[0]
    for part in parts:
        if not len(part.labels):
            raise InputError(f"{name}: the {part.split} split holds no sounds, expected some; add them or remove it")
    if len(train.classes) < 2:
        raise InputError(f"{name}: found the single class {train.classes[0]!r}, expected at least two; add another")
    counts = np.bincount(train.labels, minlength=len(train.classes))
    if not counts.all():
        missing = train.classes[int(counts.argmin())]
        raise InputError(f"{name}: class {missing!r} has no training sounds, expected some; add them or renumber")
    firsts = np.unique(train.labels, return_index=True)[1]
    return Facts(
        {part.split: len(part.labels) for part in parts},
        train.classes,
        np.concatenate([part.labels for part in parts]),
        tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        tuple(readable(train.place(int(index))) for index in firsts),
    )


def _decoded(parts: Sequence[Part]) -> list[Recording]:
    """Every recording, in order; InputError for all together that cannot be read."""
    found, faults = list[Recording](), list[InputError]()
    for part in parts:
        assert isinstance(part.images, Encoded)
        for index, content in enumerate(part.images.contents):
            try:
                held = read_bytes(content) if isinstance(content, Path) else content
                found.append(decode(held, part.place(index)))
            except InputError as error:
                faults.append(error)
                if "soundfile" in str(error):
                    raise
    if faults:
        raise together(faults, "sounds")
    return found


def _manner(train: Sequence[Recording], seconds: float | None, mels: int | None, rate: int | None) -> Manner:
    """What is asked for, and where nothing is said what suits the training clips."""
    usual = Counter(each.rate for each in train).most_common(1)[0][0]
    rate = min(usual, HIGHEST) if rate is None else rate
    if not 1000 <= rate <= 192_000:
        raise InputError(f"rate {rate}: expected 1,000 to 192,000 samples in a second, such as 16000")
    if seconds is None:
        lengths = np.array([len(each.samples) / each.rate for each in train])
        seconds = min(LONGEST, STEP * float(np.ceil(np.quantile(lengths, COVERED) / STEP)))
    if not 0.1 <= seconds <= 60:
        raise InputError(f"seconds {seconds:g}: expected 0.1 to 60")
    hop = round(rate / FRAMES)
    found = Manner(rate, max(8, round(seconds * FRAMES)), hop, MELS if mels is None else mels)
    if not 1 <= found.mels <= 512 or bool((filters(rate, found.window, found.mels).amax(1) == 0).any()):
        raise InputError(
            f"mels {found.mels}: at {rate:,} samples in a second some pitches would lie between two frequencies, "
            "expected fewer of them; lower --mels (mels= in Python)"
        )
    return found


def _told(
    recordings: Sequence[Recording], clips: Sequence[Array], where: Sequence[str], manner: Manner
) -> tuple[str, ...]:
    """What was done to recordings that are not as most are, and how spectrograms are made."""

    def count(chosen: Sequence[bool], said: str) -> tuple[str, ...]:
        rows = [row for row, each in enumerate(chosen) if each]
        return (f"{len(rows):,} of {len(chosen):,} sounds {said}, such as {where[rows[0]]}",) if rows else ()

    length = manner.length / manner.rate
    return (
        f"a sound is seen as {manner.mels} pitches in {manner.frames} frames, {FRAMES} a second; shorter ones are "
        "followed by silence",
        *count([each.rate != manner.rate for each in recordings], f"are resampled to {manner.rate:,} Hz"),
        *count([each.channels > 1 for each in recordings], "have several channels, of which the mean is taken"),
        *count([len(each) > manner.length + manner.hop for each in clips], f"are cut to their first {length:.2f} s"),
        *count([not np.any(each) for each in clips], "are silent"),
    )


def _digest(native: Tensor, facts: Facts) -> str:
    import hashlib

    hasher = hashlib.sha256(repr((facts.lengths, facts.classes)).encode())
    hasher.update(np.ascontiguousarray(facts.labels, "<i8").tobytes())
    hasher.update(native.contiguous().numpy().tobytes())
    return hasher.hexdigest()


__all__ = ["AudioTask", "Manner", "fsdd", "named", "own"]

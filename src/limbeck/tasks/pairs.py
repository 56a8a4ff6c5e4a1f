"""Pictures with words: each is to be found by the other."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.codecs.hashed_text import hashed
from limbeck.codecs.images import fit_channels
from limbeck.codecs.pairs import PairCodec
from limbeck.core.contracts import AbstractAugmentation, AbstractNetwork, AbstractTask, Batch, Metric
from limbeck.core.errors import InputError, unknown
from limbeck.core.key import Key
from limbeck.core.memory import memory
from limbeck.core.tree import Tree
from limbeck.learn.contrast import contrast, cosines, halves
from limbeck.statistics.recall import recalls
from limbeck.tasks import places
from limbeck.tasks.frame import Frame
from limbeck.tasks.places import not_found, root_of
from limbeck.tasks.prepare import Digest, Facts, check_room, pixels, survey
from limbeck.tasks.readers.pairs import ALL, Written, read
from limbeck.tasks.readers.source import SPLITS, Array, Reading
from limbeck.tasks.splits import Validation, arrange, check

EMBEDDING = 64
"""Numbers of the embedding that a network gives of a picture, and of a text."""
AMONG = (1, 5, 10)
"""Among how many answers the right one is looked for."""
METRICS = (
    Metric("mean recall", "fraction", True),
    *(Metric(f"{found} recall at {k}", "fraction", True) for found in ("text", "picture") for k in AMONG),
)
_AT_ONCE = 1000
EMOJI = "emoji"


@dataclass(frozen=True, eq=False)
class Split:
    """Some pairs of all that there are."""

    images: Array
    """(row, channel, height, width) of every split together, uint8."""
    texts: Float[Tensor, "row number"]
    """Of every split together, vectors of length 1."""
    rows: Array
    """(example,) those of this split."""


@dataclass(frozen=True, eq=False)
class PairTask(AbstractTask):
    """Pictures and texts that belong together, evaluated by how often each is found by the other.

    An input is {"image": (channel, height, width), "text": (number,)}; outputs are the embeddings of both, side by
    side. The loss of a pair is how it is found among the pairs of its batch (`limbeck.learn.contrast`), so that batches
    go through whole. `mean recall` is the mean of the other metrics: the share of pictures whose own text is among the
    1, 5 and 10 nearest of the split, by the cosine of embeddings, and the same of texts and pictures.
    """

    name: str
    shape: Tree
    fingerprint: str
    codec: PairCodec
    splits: Mapping[str, Split] = field(repr=False)
    options: Mapping[str, Any]
    """What `limbeck.load` was asked beside the name."""
    notes: tuple[str, ...] = ()
    classes: tuple[str, ...] = (ALL,)
    metrics: tuple[Metric, ...] = METRICS
    tied: bool = True
    """Batches go through whole."""

    @property
    def reference(self) -> dict[str, Any]:
        """Its name without its place, options and fingerprint."""
        return {"name": places.without_place(self.name), **self.options, "fingerprint": self.fingerprint}

    @property
    def bytes_per_example(self) -> int:
        """The bytes of a picture in integers, and those of the mean caption of the training split, rounded up."""
        image = self.shape["image"]
        text = sum(len(each.encode()) for each in self.codec.captions)
        return int(np.prod(image)) - (-text // len(self.codec.captions))

    def _split(self, name: str) -> Split:
        if name not in self.splits:
            raise unknown("split", name, self.splits)
        return self.splits[name]

    def groups(self, split: str, by: str = "class") -> tuple[Int[Tensor, " row"], ...]:
        """All rows of `split`: there is one group."""
        if by != "class":
            raise unknown("grouping", by, ("class",))
        return (torch.arange(len(self._split(split).rows)),)

    def load(self, split: str, rows: Int[Tensor, " example"] | None = None) -> Batch:
        """The given rows of `split` (all, where none are given): inputs in float32, targets that say that they pair."""
        chosen = self._split(split)
        at = chosen.rows if rows is None else chosen.rows[rows.cpu().numpy()]
        images = torch.from_numpy(chosen.images[at]).to(torch.float32).div_(255)
        inputs = self.codec.encode({"image": images, "text": chosen.texts[torch.from_numpy(at)]})
        return Batch(inputs, torch.ones(len(at), 1), torch.zeros(len(at), dtype=torch.int64))

    def augment(
        self, batch: Batch, key: Key, groups: Int[Tensor, " example"], policy: AbstractAugmentation | None
    ) -> Batch:
        """The pictures under `policy`, not mirrored, as words may say which side is which; texts as they are.

        Under a policy that mixes examples all is as it is: a text cannot be mixed as a picture is.
        """
        if policy is None:
            return batch
        pictures = Batch(batch.inputs["image"], batch.targets, batch.classes)
        shown = policy.without("flip").examples(pictures, key, groups)
        if shown.targets is not batch.targets:
            return batch
        return batch._replace(inputs={**batch.inputs, "image": shown.inputs})

    def network(self, name: str) -> AbstractNetwork:
        """Two networks, NAME or NAME+NAME: one for pictures, and one for texts, by default an mlp."""
        from limbeck.learn import networks

        of_images, _, of_texts = name.partition("+")
        image = networks.build(of_images, self.shape["image"], EMBEDDING)
        text = networks.vectors(of_texts or "mlp", self.shape["text"][0], EMBEDDING)
        both = image.name if text.name == "mlp" else f"{image.name}+{text.name}"
        return networks.Towers(both, (("image", image), ("text", text)))

    def loss(
        self, outputs: Float[Tensor, "example output"], targets: Float[Tensor, "example number"]
    ) -> Float[Tensor, " example"]:
        """The share of each pair in the contrast of all that are given, in nats."""
        return contrast(outputs)

    def sides(self, outputs: Float[Tensor, "example output"]) -> tuple[Tensor, ...]:
        """The embeddings of pictures and of texts, each (example, number)."""
        return halves(outputs)

    def evaluate(self, predict: Callable[[Tree], Tensor], split: str, key: Key) -> dict[str, float]:
        """The metrics over all pairs of `split`."""
        count = len(self._split(split).rows)
        with torch.no_grad():
            parts = [predict(self.load(split, rows).inputs).cpu() for rows in torch.arange(count).split(_AT_ONCE)]
        return self._recalls(torch.cat(parts))

    def measure(self, outputs: Float[Tensor, "example output"], examples: Batch) -> dict[str, float]:
        """The metrics over the pairs that are given, each looked for among them alone."""
        return self._recalls(outputs.cpu())

    def _recalls(self, outputs: Tensor) -> dict[str, float]:
        found = cosines(outputs.double())
        each = [*recalls(found, AMONG), *recalls(found.T, AMONG)]
        return dict(zip((metric.name for metric in METRICS), [sum(each) / len(each), *each], strict=True))


def named() -> dict[str, tuple[str, Callable[..., AbstractTask]]]:
    """{name: (summary, loader)} of every set of pairs."""
    said = "1,906 emoji with their English names, 64 x 64 colour; each is to be found by the other"
    return {EMOJI: (said, emoji)}


def emoji(root: Path | None, *, size: int | None = None, validation: float | str | None = None) -> AbstractTask:
    """The emoji; InputError that says where was looked, and for what, where they are not there."""
    folder = root_of(EMOJI, root) / EMOJI
    if not (folder / "train.parquet").is_file():
        raise not_found(EMOJI, f"in {folder} for train.parquet and test.parquet")
    return _task(EMOJI, folder, "text", size, validation, Reading(), {})


def own(
    path: str,
    root: Path | None,
    *,
    text_column: str = "",
    size: int | None = None,
    background: str = "",
    max_pixels: int | None = None,
    validation: float | str | None = None,
) -> AbstractTask:
    """Pairs of your own; InputError for what is no table of pictures and texts."""
    reading = Reading(background=background, max_pixels=max_pixels)
    given = {"text_column": text_column, "background": background, "max_pixels": max_pixels}
    stated = {name: value for name, value in given.items() if value}
    return _task(f"pairs:{path}", Path(path).expanduser(), text_column, size, validation, reading, stated)


def _task(
    name: str,
    path: Path,
    text_column: str,
    size: int | None,
    validation: float | str | None,
    reading: Reading,
    stated: dict[str, Any],
) -> PairTask:
    written, told = read(path, text_column, reading)
    validates = Validation.of(validation)
    images, frame, facts, notes = _decoded(written, size, reading, validates)
    texts = tuple(text for each in written for text in each.texts)
    if not any(re.search(r"\w", text) for text in texts):
        raise InputError(
            f"{path}: found no word in any of {len(texts):,} texts, such as {texts[0]!r}, expected letters; name "
            "another column with --text-column"
        )
    options = {**stated, **{k: v for k, v in (("size", size), ("validation", validates.stated)) if v is not None}}
    digest = Digest(facts, frame)
    digest.update(images)
    fingerprint = hashlib.sha256(json.dumps([digest.text(), texts, options]).encode()).hexdigest()
    rows, carved = arrange(facts, digest.text(), validates)
    vectors = hashed(texts)
    splits = {split: Split(images, vectors, rows[split]) for split in SPLITS}
    chunks = (
        torch.from_numpy(images[part]).float() / 255
        for part in np.array_split(rows["train"], 1 + len(images) // _AT_ONCE)
    )
    codec = PairCodec(fit_channels(chunks), tuple(texts[row] for row in rows["train"]))
    places.remember(name, fingerprint)
    shape = {"image": (frame.channel, frame.height, frame.width), "text": (vectors.shape[1],)}
    said = (*told, *notes, *carved, *_twins(images, rows["test"]), HOW)
    return PairTask(name, shape, fingerprint, codec, splits, options, said)


HOW = (
    "texts are fixed vectors of hashed words and letters, and a text of a set is read as the training caption nearest "
    "to it; a picture is looked for among those of its split, so that recall falls with the size of the split"
)


def _decoded(
    written: Sequence[Written], size: int | None, reading: Reading, validation: Validation
) -> tuple[Array, Frame, Facts, tuple[str, ...]]:
    """All pictures, (row, channel, height, width), how large they are, and the facts of them."""
    parts = [each.part for each in written]
    lengths = {part.split: len(part.labels) for part in parts}
    labels = np.concatenate([part.labels for part in parts])
    facts = Facts(lengths, (ALL,), labels, (), (parts[0].place(0),))
    check(facts, validation)
    frame, notes = survey(parts, size, reading.background)
    check_room(facts, frame, memory() // 2, "half of the memory here")
    return np.concatenate(list(pixels(parts, frame))), frame, facts, notes


def _twins(images: Array, rows: Array) -> tuple[str, ...]:
    """A note on test pictures that are equal: their texts cannot all be found first."""
    seen = [images[row].tobytes() for row in rows]
    count = len(seen) - len(set(seen))
    return (f"{count} test pictures are equal to an earlier one of another text, which bounds recall",) if count else ()


__all__ = ["PairTask", "emoji", "named", "own"]

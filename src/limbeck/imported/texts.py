"""Sets published as sentences that can be read, as those of language models are."""

from __future__ import annotations

from pathlib import Path

import torch

from limbeck.codecs import WordVectors
from limbeck.codecs.word_vectors import words_of
from limbeck.core.contracts import AbstractTask, Batch
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.version import VERSION
from limbeck.distilled_set import DistilledSet
from limbeck.imported.found import digest_of
from limbeck.parameterizations import Pixels
from limbeck.parameterizations.pixels import held, one_hot
from limbeck.schedules import Fixed
from limbeck.tasks.readers import sentences

FORMAT = "sentences"
"""What the layout of such a file is called."""
SUMMARY = "rows of a text and its class: JSON Lines (as DiLM has it), CSV or parquet"


def sentences_of(place: Path, task: AbstractTask, learning_rate: float | None, network: str) -> DistilledSet:
    """The sentences at `place` as a set of a task of sentences, kept as the words of its vocabulary.

    It is trained on by 300 steps of all items, at `learning_rate`, else 0.01. InputError for a file of no such rows,
    and for labels that are no classes of the task.
    """
    codec = task.codec
    assert isinstance(codec, WordVectors)
    if not place.is_file():
        raise InputError(f"{place}: found no file, expected {SUMMARY}; check the path")
    rows = sentences.read({"train": (place,)}, classes=task.classes).splits["train"]
    native = codec.numbers_of([words_of(text) for text in rows.texts])
    classes = torch.from_numpy(rows.labels)
    targets = one_hot(classes, len(task.classes), torch.get_default_dtype())
    said = [f"{number:,} of its {len(native):,} texts {what}" for number, what in _left(codec, rows.texts) if number]
    origin = {
        "format": FORMAT,
        "name": place.resolve().name,
        "digest": digest_of([place]),
        "units": "words",
        "learning rate": "usual" if learning_rate is None else "given",
        "notes": said,
    }
    return DistilledSet(
        params=held(Batch(native, targets, classes)),
        parameterization=Pixels(),
        schedule=Fixed(learning_rate=learning_rate or Fixed().learning_rate).render({}, classes, Key()),
        codec=codec,
        classes=task.classes,
        data=task.reference,
        spec={"imported": origin, "network": task.network(network).name},
        version=VERSION,
    )


def _left(codec: WordVectors, texts: list[str]) -> list[tuple[int, str]]:
    """How many texts lose what, in words."""
    words = [words_of(text) for text in texts]
    known = set(codec.vocabulary)
    return [
        (sum(len(each) > codec.length for each in words), f"are cut after {codec.length} words"),
        (sum(not known.issuperset(each) for each in words), "have words that the data have no vector for"),
        (sum(not each for each in words), "have no word"),
    ]

"""The task of naming the class of a sentence."""

from __future__ import annotations

import functools
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from limbeck.codecs.word_vectors import FIRST, PADDING, UNKNOWN, WordVectors, words_of
from limbeck.core.contracts import AbstractNetwork, AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.task import label_bytes
from limbeck.core.units import percent
from limbeck.learn.word_vectors import learned
from limbeck.tasks import places
from limbeck.tasks.labelled import Labelled, LabelledTask
from limbeck.tasks.places import not_found, root_of
from limbeck.tasks.prepare import Facts
from limbeck.tasks.readers import sentences
from limbeck.tasks.readers.labels import readable
from limbeck.tasks.readers.sentences import Found
from limbeck.tasks.readers.source import Array
from limbeck.tasks.splits import Validation, arrange, check

VOCABULARY = 8000
"""Words that have a vector of their own, at most: the most frequent that occur twice in the training split."""
NUMBERS = 64
"""Numbers of the vector of a word."""
WINDOW = 5
"""How near two words are that count as together."""
PERCENTILE, LONGEST = 95, 128
"""Sentences are cut after as many words as this percentile of the training sentences has, and this many at most."""
_ALGORITHM = 1
"""Of the words and their vectors: another number is another task."""


@dataclass(frozen=True, eq=False)
class TextTask(LabelledTask):
    """Classification of sentences, evaluated by the share whose largest output is their class.

    A native item is (place,) the numbers of its words; a network sees the vectors of a table that was learned on the
    training split, (place, number), as `WordVectors` says.
    """

    @cached_property
    def bytes_per_example(self) -> int:
        """What a training sentence takes on average: its words, each as the smallest whole number, and its label."""
        return round(self._words_each * label_bytes(self._tokens)) + label_bytes(len(self.classes))

    @cached_property
    def numbers_per_example(self) -> int:
        """How many words a training sentence has on average, and one number for its class."""
        return round(self._words_each) + 1

    @property
    def _tokens(self) -> int:
        return FIRST + self.codec.header()["words"]

    @cached_property
    def _words_each(self) -> float:
        return float((self.native("train") != PADDING).sum(1).double().mean())

    @cached_property
    def fingerprint(self) -> str:  # type: ignore[override]
        """A digest of every sentence and class, and of how vectors are learned of them, which rounding may change."""
        hasher = hashlib.sha256(json.dumps([_ALGORITHM, self.classes, self.codec.header()]).encode())
        hasher.update(self.codec.to_tensors()["vocabulary"].numpy().tobytes())
        for split, (native, labels) in sorted(self.splits.items()):
            hasher.update(f"{split} {tuple(native.shape)}".encode())
            hasher.update(native.numpy().tobytes())
            hasher.update(labels.numpy().tobytes())
        return hasher.hexdigest()

    def network(self, name: str) -> AbstractNetwork:
        """The network of that name for such sentences; InputError for an unknown one."""
        from limbeck.learn import networks

        return networks.build(name, self.shape, len(self.classes), networks.SENTENCES, "transformer")


class Named(NamedTuple):
    """A set with a name of its own."""

    summary: str
    folder: str
    notes: tuple[str, ...] = ()


NAMED = {
    "sst2": Named("9,613 sentences of film reviews, liked or not (Socher et al. 2013)", "sst2_sentences"),
    "trec6": Named("5,952 questions by what they ask for, 6 classes (Li & Roth 2002)", "trec6"),
    "ag_news": Named(
        "17,601 news items in 4 classes, of whose training split 10,001 are here (Zhang et al. 2015)",
        "ag_news_10k",
        ("trained on 10,001 of the 120,000 training items of AG News, and tested on all of its 7,600",),
    ),
}


def named() -> dict[str, tuple[str, Callable[..., AbstractTask]]]:
    """The sets with a name: {name: (summary, loader)}."""
    return {name: (each.summary, functools.partial(_named, name)) for name, each in NAMED.items()}


def _named(name: str, root: Path | None, *, validation: float | str | None = None) -> TextTask:
    """The sentences of a set with a name; InputError that says where was looked, and for what."""
    folder = root_of(name, root) / NAMED[name].folder
    files = {split: folder / f"{split}.parquet" for split in ("train", "validation", "test")}
    there: dict[str, tuple[Path, ...]] = {split: (path,) for split, path in files.items() if path.is_file()}
    if not {"train", "test"} <= there.keys():
        raise not_found(name, f"in {folder} for train.parquet and test.parquet")
    return text_task(name, sentences.read(there), Validation.of(validation), notes=NAMED[name].notes)


def brought(
    path: str,
    root: Path | None,
    *,
    text_column: str = "",
    label_column: str = "",
    validation: float | str | None = None,
) -> TextTask:
    """The sentences of the CSV or parquet file at `path`, or of the files of each split in the folder there.

    The columns are told by their names, else named; `validation` is as in `limbeck.load`. InputError for what cannot be
    read, and for texts that nothing can be learned from.
    """
    if readable(path) != path:
        raise InputError(f"{readable(path)!r}: a path that is no text, expected UTF-8; rename the file")
    validates = Validation.of(validation)
    options = {"text_column": text_column, "label_column": label_column}
    found = sentences.find(Path(path).expanduser(), text_column, label_column)
    task = text_task(f"text:{path}", found, validates, {name: said for name, said in options.items() if said})
    places.remember(task.name, task.fingerprint)
    return task


def text_task(
    name: str,
    found: Found,
    validates: Validation,
    options: Mapping[str, str] | None = None,
    notes: tuple[str, ...] = (),
) -> TextTask:
    """The task of some labelled texts: words and their vectors are learned on what is left to train on."""
    words = {split: [words_of(text) for text in rows.texts] for split, rows in found.splits.items()}
    labels = {split: rows.labels for split, rows in found.splits.items()}
    empty = [row for row, each in enumerate(words["train"]) if not each]
    place = found.splits["train"].place
    if len(empty) == len(words["train"]):
        raise InputError(
            f"{place(0)}: found no word in any of {len(empty):,} training texts, expected letters; name another column "
            "with --text-column"
        )
    kept = np.setdiff1d(np.arange(len(words["train"])), empty)
    words["train"], labels["train"] = [words["train"][row] for row in kept], labels["train"][kept]
    facts = _facts(found, labels, [place(int(row)) for row in kept])
    check(facts, validates)
    rows, carved = arrange(facts, _digest(words, facts), validates)
    every = [each for split in facts.lengths for each in words[split]]
    by_split = {split: [every[row] for row in at] for split, at in rows.items()}
    codec = _codec(by_split["train"])
    splits = {
        split: Labelled(codec.numbers_of(by_split[split]), torch.from_numpy(facts.labels[at]))
        for split, at in rows.items()
    }
    told = (*notes, *found.notes, *carved, *_told(by_split, splits, codec, empty, place))
    stated = {} if validates.stated is None else {"validation": validates.stated}
    return TextTask(name, found.classes, codec, splits, {**(options or {}), **stated}, told)


def _facts(found: Found, labels: Mapping[str, Array], places_of: Sequence[str]) -> Facts:
    """What is known of the rows; InputError where there is nothing to tell apart."""
    classes, train = found.classes, labels["train"]
    counts = np.bincount(train, minlength=len(classes))
    if len(classes) < 2:
        raise InputError(
            f"{places_of[0]}: found the single class {classes[0]!r}, expected at least two; add texts of another class"
        )
    if not counts.all():
        without = int(counts.argmin())
        raise InputError(
            f"{places_of[0]}: class {classes[without]!r} has no training texts with words, expected some of each; "
            "add texts of it, or leave the class out"
        )
    firsts = np.unique(train, return_index=True)[1]
    lengths = {split: len(each) for split, each in labels.items()}
    every = np.concatenate([labels[split] for split in lengths])
    return Facts(lengths, classes, every, found.notes, tuple(places_of[int(row)] for row in firsts))


def _digest(words: Mapping[str, Sequence[Sequence[str]]], facts: Facts) -> str:
    """A digest of all sentences and labels, before any is set apart."""
    hasher = hashlib.sha256(json.dumps([facts.lengths, facts.classes, facts.labels.tolist()]).encode())
    for split in facts.lengths:
        hasher.update("\n".join(" ".join(each) for each in words[split]).encode())
    return hasher.hexdigest()


def _codec(train: Sequence[Sequence[str]]) -> WordVectors:
    """The vocabulary of the training sentences, and vectors learned on them."""
    counts = Counter(word for each in train for word in each)
    repeated = {word: count for word, count in counts.items() if count > 1} or counts
    vocabulary = sorted(repeated, key=lambda word: (-repeated[word], word))[:VOCABULARY]
    number_of = {word: number for number, word in enumerate(vocabulary, FIRST)}
    numbered = [[number_of.get(word, UNKNOWN) for word in each] for each in train]
    table = learned(numbered, FIRST + len(vocabulary), NUMBERS, WINDOW)
    length = min(LONGEST, int(np.percentile([len(each) for each in train], PERCENTILE, method="higher")))
    return WordVectors.of(vocabulary, torch.from_numpy(table), length)


def _told(
    words: Mapping[str, Sequence[Sequence[str]]],
    splits: Mapping[str, Labelled],
    codec: WordVectors,
    empty: Sequence[int],
    place: Callable[[int], str],
) -> tuple[str, ...]:
    """What a reader of any result must know of how texts are seen."""
    train = words["train"]
    longer = np.mean([len(each) > codec.length for each in train])
    seen = splits["train"].native
    unknown = float((seen == UNKNOWN).sum() / (seen != PADDING).sum())
    notes = [
        f"texts are seen as words in small letters, of which {len(codec.vocabulary):,} have a vector; "
        f"{percent(unknown)} of those of the training split have none of their own",
        f"texts are cut after {codec.length} words: {percent(float(longer))} of the training split are longer",
    ]
    if empty:
        notes.append(f"left out {len(empty):,} training texts without a word, such as {place(empty[0])}")
    known = {" ".join(each) for each in train}
    for split in ("validation", "test"):
        nothing = sum(not each for each in words[split])
        twice = 0 if words[split] is train else sum(" ".join(each) in known for each in words[split] if each)
        if nothing:
            notes.append(f"{nothing:,} texts of the {split} split have no word, and are seen as nothing")
        if twice:
            notes.append(f"{twice:,} of {len(words[split]):,} texts of the {split} split are training texts, too")
    return tuple(notes)

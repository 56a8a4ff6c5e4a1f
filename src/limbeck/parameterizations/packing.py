"""Small whole numbers in as few bits as they need, one after the other."""

from __future__ import annotations

import torch
from jaxtyping import Int, UInt8
from torch import Tensor, nn

BYTE = 8


def bytes_of(count: int, bits: int) -> int:
    """How many bytes so many numbers of so many bits take.

    >>> bytes_of(3, 4), bytes_of(8, 3)
    (2, 3)
    """
    return -(-count * bits // BYTE)


def packed(numbers: Int[Tensor, " number"], bits: int) -> UInt8[Tensor, " byte"]:
    """Numbers from 0 to below 2^bits, at most 8 bits each, as a stream of bits: the lowest of the first comes first.

    >>> packed(torch.tensor([1, 2, 15]), 4).tolist()
    [33, 15]
    """
    places = torch.arange(BYTE, dtype=torch.uint8, device=numbers.device)
    stream = ((numbers.to(torch.uint8)[:, None] >> places[:bits]) & 1).flatten()
    whole = nn.functional.pad(stream, (0, -len(stream) % BYTE)).reshape(-1, BYTE)
    return (whole << places).sum(1, dtype=torch.uint8)


def unpacked(stream: UInt8[Tensor, " byte"], bits: int, count: int) -> UInt8[Tensor, " number"]:
    """The first `count` numbers that `packed` made a stream of.

    >>> unpacked(torch.tensor([33, 15], dtype=torch.uint8), 4, 3).tolist()
    [1, 2, 15]
    """
    places = torch.arange(BYTE, dtype=torch.uint8, device=stream.device)
    flags = ((stream[:, None] >> places) & 1).flatten()[: count * bits]
    return (flags.reshape(count, bits) << places[:bits]).sum(1, dtype=torch.uint8)

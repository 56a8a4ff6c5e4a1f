"""Prototypes of pairs, as real pairs."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.recipes.contract import Method
from limbeck.recipes.herding import METHOD as HERDING
from limbeck.starts import PairedClusters

METHOD = Method(
    name="pds",
    summary="Real pairs nearest to prototypes, means of pairs that a clustering of pictures and one of texts share.",
    source="PDS, prototype-guided data synthesis of image-text pairs, ICLR 2026, in its form of retrieval",
    cost=HERDING.cost,
    recipe=Recipe(start=PairedClusters()),
    deviations=(
        "Embeddings are those of networks after at least 150 steps of training on the real pairs, where published ones "
        "are of CLIP.",
        "A prototype is the real pair nearest to it, where the published one is decoded by a generator of images.",
        "A tenth of the pairs, the least alike, is left out before; the published share is not stated.",
    ),
)

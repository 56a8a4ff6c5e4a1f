"""Rows made of rows: centres of clusters as a network sees them or in codes, and rows between rows."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.recipes.contract import Method
from limbeck.starts import AllocatedCentroids, Centroids, Codes, Interpolated

CONSIDERED = "At most 10,000 examples of a class are considered, drawn."

METHODS = (
    Method(
        name="centroids",
        summary="The k-means centres of each class, as a network sees its examples.",
        source="the plainest way to make a few examples of many",
        cost="a clustering of each class: seconds",
        recipe=Recipe(start=Centroids()),
        deviations=(CONSIDERED,),
    ),
    Method(
        name="tdcoler",
        summary="The k-means centres of each class in the codes of an autoencoder of rows, decoded.",
        source="Kang et al., On Learning Representations for Tabular Data Distillation (TDColER), 2025",
        cost="the training of a small autoencoder once, 2,000 steps of 128 rows, and a clustering of each class",
        recipe=Recipe(start=Centroids(space=Codes())),
        deviations=(
            "The autoencoder has fully connected halves and learns classes and rows at once; the best published one is "
            "a transformer over columns that learns classes after rows.",
            "Its sizes are ours; those of the source were not at hand.",
            CONSIDERED,
        ),
    ),
    Method(
        name="c2tc",
        summary="k-means centres, of which each class has as many as lower the distances most; nothing is trained.",
        source="C2TC (training-free tabular condensation), ICDE 2026, arXiv 2602.21717",
        cost="a clustering of each class for every number of centres that is tried: seconds to a minute",
        recipe=Recipe(start=AllocatedCentroids()),
        deviations=(
            "Categories are embedded by their principal components; the source has an autoencoder, too.",
            "Items go from one class to another where that pays the most, not to one that is drawn.",
            "How much classes count by themselves is ours, gamma 1; that of the source was not at hand.",
            CONSIDERED,
        ),
    ),
    Method(
        name="smote",
        summary="Rows between a real row and one of its nearest of the same class; categories by majority.",
        source="Chawla et al., SMOTE: Synthetic Minority Over-sampling Technique, JAIR 2002",
        cost="distances between rows: seconds",
        recipe=Recipe(start=Interpolated()),
        deviations=("All items are made so; the source adds such rows to a class that has few.", CONSIDERED),
    ),
)

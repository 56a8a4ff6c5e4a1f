"""Where a distillation starts from; with zero steps, a coreset."""

from __future__ import annotations

from limbeck.core.contracts import AbstractStart
from limbeck.core.family import Family
from limbeck.starts.allocated_centroids import AllocatedCentroids
from limbeck.starts.boundary import Closeness
from limbeck.starts.centroids import Centroids
from limbeck.starts.class_means import ClassMeans
from limbeck.starts.clustered_nodes import ClusteredNodes
from limbeck.starts.coarsened import Coarsened
from limbeck.starts.farthest_predictions import FarthestPredictions
from limbeck.starts.held_out import HeldOut
from limbeck.starts.herding import Herding
from limbeck.starts.highest import Highest
from limbeck.starts.interpolated import Interpolated
from limbeck.starts.kcenter import KCenter
from limbeck.starts.kmeans import KMeans
from limbeck.starts.likely_crops import LikelyCrops
from limbeck.starts.matching_pursuit import MatchingPursuit
from limbeck.starts.noise import Noise
from limbeck.starts.paired_clusters import PairedClusters
from limbeck.starts.real import Real
from limbeck.starts.recognised import Recognised
from limbeck.starts.relabelled import Relabelled
from limbeck.starts.representations import Representations
from limbeck.starts.rightly_named import RightlyNamed
from limbeck.starts.scores import (
    AbstractScore,
    Contrast,
    Entropy,
    ErrorNorm,
    Forgetting,
    GradientNorm,
    LeastConfidence,
    Margin,
    MeanMargin,
    NearMedian,
)
from limbeck.starts.selection_spaces import AbstractSelectionSpace, NetworkFeatures, Sentences
from limbeck.starts.set_functions import AbstractSetFunction, FacilityLocation, GraphCut
from limbeck.starts.similarities import AbstractSimilarity, FeatureCosine, GradientNearness
from limbeck.starts.smoothed_labels import SmoothedLabels
from limbeck.starts.spaces import AbstractSpace, AsSeen, Codes, EmbeddedCategories, Principal
from limbeck.starts.stratified import Stratified
from limbeck.starts.stretch import Stretch
from limbeck.starts.submodular import Submodular
from limbeck.starts.teacher_labels import TeacherLabels
from limbeck.starts.uniform_labels import UniformLabels
from limbeck.starts.xavier import Xavier

__all__ = [
    "SCORES",
    "SELECTION_SPACES",
    "SET_FUNCTIONS",
    "SIMILARITIES",
    "SPACES",
    "STARTS",
    "AllocatedCentroids",
    "AsSeen",
    "Centroids",
    "Codes",
    "EmbeddedCategories",
    "Interpolated",
    "Principal",
    "ClassMeans",
    "Closeness",
    "ClusteredNodes",
    "Coarsened",
    "Contrast",
    "Entropy",
    "ErrorNorm",
    "FacilityLocation",
    "FarthestPredictions",
    "FeatureCosine",
    "Forgetting",
    "GradientNearness",
    "GradientNorm",
    "GraphCut",
    "HeldOut",
    "Herding",
    "Highest",
    "KCenter",
    "KMeans",
    "LeastConfidence",
    "LikelyCrops",
    "Margin",
    "MatchingPursuit",
    "MeanMargin",
    "NearMedian",
    "NetworkFeatures",
    "Noise",
    "PairedClusters",
    "Real",
    "Recognised",
    "Relabelled",
    "Representations",
    "RightlyNamed",
    "Sentences",
    "SmoothedLabels",
    "Stratified",
    "Stretch",
    "Submodular",
    "TeacherLabels",
    "UniformLabels",
    "Xavier",
]

STARTS = Family(
    "start",
    AbstractStart,
    Real,
    Noise,
    Xavier,
    ClassMeans,
    ClusteredNodes,
    Coarsened,
    Herding,
    KMeans,
    KCenter,
    Centroids,
    AllocatedCentroids,
    Interpolated,
    PairedClusters,
    Highest,
    Stratified,
    Stretch,
    Submodular,
    MatchingPursuit,
    HeldOut,
    FarthestPredictions,
    LikelyCrops,
    RightlyNamed,
    Recognised,
    Relabelled,
    Representations,
    SmoothedLabels,
    TeacherLabels,
    UniformLabels,
)
SCORES = Family(
    "score",
    AbstractScore,
    Entropy,
    LeastConfidence,
    Margin,
    ErrorNorm,
    GradientNorm,
    Forgetting,
    MeanMargin,
    Contrast,
    Closeness,
    NearMedian,
)
SET_FUNCTIONS = Family("set-function", AbstractSetFunction, FacilityLocation, GraphCut)
SIMILARITIES = Family("similarity", AbstractSimilarity, FeatureCosine, GradientNearness)
SELECTION_SPACES = Family("selection-space", AbstractSelectionSpace, NetworkFeatures, Sentences)
SPACES = Family("space", AbstractSpace, AsSeen, Principal, EmbeddedCategories, Codes)

"""Where a distillation starts from; with zero steps, a coreset."""

from __future__ import annotations

from limbeck.core.contracts import AbstractStart
from limbeck.core.family import Family
from limbeck.starts.class_means import ClassMeans
from limbeck.starts.herding import Herding
from limbeck.starts.kcenter import KCenter
from limbeck.starts.kmeans import KMeans
from limbeck.starts.likely_crops import LikelyCrops
from limbeck.starts.noise import Noise
from limbeck.starts.real import Real
from limbeck.starts.relabelled import Relabelled
from limbeck.starts.teacher_labels import TeacherLabels
from limbeck.starts.uniform_labels import UniformLabels
from limbeck.starts.xavier import Xavier

__all__ = [
    "STARTS",
    "ClassMeans",
    "Herding",
    "KCenter",
    "KMeans",
    "LikelyCrops",
    "Noise",
    "Real",
    "Relabelled",
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
    Herding,
    KMeans,
    KCenter,
    LikelyCrops,
    Relabelled,
    TeacherLabels,
    UniformLabels,
)

"""Free numbers -> synthetic batch, and what they cost to store."""

from limbeck.core.contracts import AbstractParameterization
from limbeck.core.family import Family
from limbeck.parameterizations.bases import Bases as Bases
from limbeck.parameterizations.bits import Bits as Bits
from limbeck.parameterizations.clipped_pixels import ClippedPixels as ClippedPixels
from limbeck.parameterizations.edges import PairwiseEdges as PairwiseEdges
from limbeck.parameterizations.edges import WithoutEdges as WithoutEdges
from limbeck.parameterizations.eigenbasis import Eigenbasis as Eigenbasis
from limbeck.parameterizations.factors import Factors as Factors
from limbeck.parameterizations.field import Field as Field
from limbeck.parameterizations.fixed_inputs import FixedInputs as FixedInputs
from limbeck.parameterizations.fixed_targets import FixedTargets as FixedTargets
from limbeck.parameterizations.frequency import Frequency as Frequency
from limbeck.parameterizations.gaussians import Gaussians as Gaussians
from limbeck.parameterizations.hallucinators import Hallucinators as Hallucinators
from limbeck.parameterizations.latent import Latent as Latent
from limbeck.parameterizations.likeness_targets import LikenessTargets as LikenessTargets
from limbeck.parameterizations.multiformation import Multiformation as Multiformation
from limbeck.parameterizations.over_time import OverTime as OverTime
from limbeck.parameterizations.palette import Palette as Palette
from limbeck.parameterizations.pca import Pca as Pca
from limbeck.parameterizations.pixels import Pixels as Pixels
from limbeck.parameterizations.soft_targets import SoftTargets as SoftTargets
from limbeck.parameterizations.softmax_targets import SoftmaxTargets as SoftmaxTargets
from limbeck.parameterizations.spectrum import Spectrum as Spectrum
from limbeck.parameterizations.teacher_targets import TeacherTargets as TeacherTargets
from limbeck.parameterizations.windows import Windows as Windows

PARAMETERIZATIONS = Family(
    "parameterization",
    AbstractParameterization,
    Pixels,
    ClippedPixels,
    SoftTargets,
    SoftmaxTargets,
    FixedTargets,
    LikenessTargets,
    TeacherTargets,
    FixedInputs,
    Multiformation,
    Frequency,
    Spectrum,
    Windows,
    Pca,
    Bases,
    Factors,
    Bits,
    Palette,
    Field,
    OverTime,
    Gaussians,
    Hallucinators,
    Latent,
    PairwiseEdges,
    WithoutEdges,
    Eigenbasis,
)

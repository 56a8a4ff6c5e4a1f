"""How far a synthetic set is from the real task."""

from limbeck.core.contracts import AbstractObjective
from limbeck.core.family import Family
from limbeck.objectives.adversarial_contrast import AdversarialContrast as AdversarialContrast
from limbeck.objectives.branch_trajectory import BranchTrajectory as BranchTrajectory
from limbeck.objectives.cloned import Cloned as Cloned
from limbeck.objectives.cloned import PolicyCloned as PolicyCloned
from limbeck.objectives.cloned import ValueCloned as ValueCloned
from limbeck.objectives.covariance_distribution import CovarianceDistribution as CovarianceDistribution
from limbeck.objectives.cross_covariance import CrossCovariance as CrossCovariance
from limbeck.objectives.distribution import Distribution as Distribution
from limbeck.objectives.eigenspaces import Eigenspaces as Eigenspaces
from limbeck.objectives.episode_return import EpisodeReturn as EpisodeReturn
from limbeck.objectives.gradient import Gradient as Gradient
from limbeck.objectives.harmonic_trajectory import HarmonicTrajectory as HarmonicTrajectory
from limbeck.objectives.inversion import Inversion as Inversion
from limbeck.objectives.kernel_ridge import KernelRidge as KernelRidge
from limbeck.objectives.layerwise_distribution import LayerwiseDistribution as LayerwiseDistribution
from limbeck.objectives.linear_probe import LinearProbe as LinearProbe
from limbeck.objectives.one_step_ahead import OneStepAhead as OneStepAhead
from limbeck.objectives.policy_gradient import PolicyGradient as PolicyGradient
from limbeck.objectives.pooled_ridge import PooledRidge as PooledRidge
from limbeck.objectives.random_feature_ridge import RandomFeatureRidge as RandomFeatureRidge
from limbeck.objectives.relaxed_trajectory import RelaxedTrajectory as RelaxedTrajectory
from limbeck.objectives.representation_ridge import RepresentationRidge as RepresentationRidge
from limbeck.objectives.ridge_head import RidgeHead as RidgeHead
from limbeck.objectives.spectral_distribution import SpectralDistribution as SpectralDistribution
from limbeck.objectives.tangent_ridge import TangentRidge as TangentRidge
from limbeck.objectives.trained_distribution import TrainedDistribution as TrainedDistribution
from limbeck.objectives.trajectory import Trajectory as Trajectory
from limbeck.objectives.unrolled import TruncatedUnrolled as TruncatedUnrolled
from limbeck.objectives.unrolled import Unrolled as Unrolled
from limbeck.objectives.unrolled import WarmUnrolled as WarmUnrolled

OBJECTIVES = Family(
    "objective",
    AbstractObjective,
    Distribution,
    TrainedDistribution,
    LayerwiseDistribution,
    SpectralDistribution,
    CovarianceDistribution,
    Gradient,
    Unrolled,
    WarmUnrolled,
    TruncatedUnrolled,
    Trajectory,
    HarmonicTrajectory,
    RelaxedTrajectory,
    EpisodeReturn,
    Cloned,
    PolicyCloned,
    ValueCloned,
    OneStepAhead,
    RidgeHead,
    KernelRidge,
    PooledRidge,
    RepresentationRidge,
    TangentRidge,
    RandomFeatureRidge,
    LinearProbe,
    Inversion,
    PolicyGradient,
    AdversarialContrast,
    BranchTrajectory,
    CrossCovariance,
    Eigenspaces,
)

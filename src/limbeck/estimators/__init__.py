"""How the gradient of an objective is had."""

from limbeck.core.contracts import AbstractEstimator
from limbeck.core.family import Family
from limbeck.estimators.backprop import Backprop as Backprop
from limbeck.estimators.evolution import Evolution as Evolution

ESTIMATORS = Family("estimator", AbstractEstimator, Backprop, Evolution)

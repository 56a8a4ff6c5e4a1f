"""Worlds that policies act in."""

from limbeck.learn.environments.cartpole import CartPole as CartPole
from limbeck.learn.environments.contract import AbstractEnvironment as AbstractEnvironment
from limbeck.learn.environments.contract import Step as Step
from limbeck.learn.environments.contract import environment_of as environment_of
from limbeck.learn.environments.contract import world_of as world_of
from limbeck.learn.environments.gymnasium import PREFIX as PREFIX
from limbeck.learn.environments.gymnasium import Gymnasium as Gymnasium
from limbeck.learn.environments.rollouts import played as played
from limbeck.learn.environments.rollouts import returns as returns

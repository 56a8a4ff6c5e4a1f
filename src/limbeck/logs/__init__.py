"""Logs of a distillation while it goes on, each a thin part over the client of those who read it."""

from __future__ import annotations

from limbeck.core.family import Family
from limbeck.logs.contract import AbstractLog as AbstractLog
from limbeck.logs.contract import LoggedRun as LoggedRun
from limbeck.logs.contract import Writer as Writer
from limbeck.logs.csv_file import Csv
from limbeck.logs.mlflow import Mlflow
from limbeck.logs.tensorboard import Tensorboard
from limbeck.logs.wandb import Wandb

LOGS = Family("log", AbstractLog, Csv, Tensorboard, Wandb, Mlflow)


def log_of(text: str) -> AbstractLog:
    """The log that a text such as "csv:FILE" or "wandb" names, checked; InputError where it cannot be."""
    name, _, place = text.partition(":")
    log: AbstractLog = LOGS[name](place)
    log.check()
    return log

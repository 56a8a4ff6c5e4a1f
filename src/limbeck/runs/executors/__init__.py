"""Where jobs are done: on this machine, on a cluster, or wherever the printed commands are run."""

from limbeck.runs.executors.batches import AbstractEngine as AbstractEngine
from limbeck.runs.executors.batches import Batches as Batches
from limbeck.runs.executors.contract import AbstractExecutor as AbstractExecutor
from limbeck.runs.executors.contract import Job as Job
from limbeck.runs.executors.contract import WorkerFailedError as WorkerFailedError
from limbeck.runs.executors.local import Local as Local
from limbeck.runs.executors.printed import Printed as Printed
from limbeck.runs.executors.ray import by_ray as by_ray
from limbeck.runs.executors.slurm import by_slurm as by_slurm

EXECUTORS = ("local", "print", "ray", "slurm")

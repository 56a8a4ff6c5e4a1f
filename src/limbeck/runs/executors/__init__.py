"""Where jobs are done: on this machine, or wherever the printed commands are run."""

from limbeck.runs.executors.contract import AbstractExecutor as AbstractExecutor
from limbeck.runs.executors.contract import Job as Job
from limbeck.runs.executors.contract import WorkerFailedError as WorkerFailedError
from limbeck.runs.executors.local import Local as Local
from limbeck.runs.executors.printed import Printed as Printed

EXECUTORS = ("local", "print")

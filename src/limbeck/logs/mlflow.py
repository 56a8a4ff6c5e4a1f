"""A log of MLflow."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limbeck.core.errors import InputError
from limbeck.logs.contract import AbstractLog, LoggedRun, Picture, Writer, check_package

EXPERIMENT, TAG = "limbeck", "limbeck.run"
LONGEST = 500
"""Characters of a setting that MLflow takes."""


@dataclass(frozen=True)
class Mlflow(AbstractLog):
    """A run of the experiment "limbeck": in the folder or at the address given, else MLFLOW_TRACKING_URI."""

    def check(self) -> None:
        """InputError without the package, and where nothing answers."""
        check_package("mlflow", "mlflow")
        # MLflow would ask for minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        try:
            self._client().search_experiments(max_results=1)
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0].strip()
            raise InputError(
                f"--log mlflow:{self.place}: {reason}; give a folder or the address of a server"
            ) from error

    def _client(self) -> Any:
        """The client of the place."""
        from mlflow import MlflowClient

        if not self.place or "://" in self.place:
            return MlflowClient(self.place or None)
        # Whoever names a folder wants one, though MLflow would rather have a database.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        return MlflowClient(Path(self.place).resolve().as_uri())

    @contextmanager
    def open(self, run: LoggedRun) -> Iterator[Writer]:
        """The run of that address, gone on with where it is there."""
        client = self._client()
        found = client.get_experiment_by_name(EXPERIMENT)
        experiment = client.create_experiment(EXPERIMENT) if found is None else found.experiment_id
        same = client.search_runs([experiment], f"tags.`{TAG}` = '{run.id}'")
        if same:
            kept = same[0].info.run_id
            client.update_run(kept, status="RUNNING")
        else:
            kept = client.create_run(experiment, run_name=run.name, tags={TAG: run.id}).info.run_id
            for name, value in run.settings.items():
                client.log_param(kept, name, str(value)[:LONGEST])
        last = max((each.step for each in client.get_metric_history(kept, "loss")), default=-1)
        status = "KILLED"
        try:
            yield _Run(client, kept, last)
            status = "FINISHED"
        finally:
            client.set_terminated(kept, status)


class _Run:
    def __init__(self, client: Any, run: str, last: int) -> None:
        self._client, self._run, self._last = client, run, last

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Its metrics after a step, where they were not told before."""
        if step > self._last:
            for name, value in values.items():
                self._client.log_metric(self._run, name, value, step=step)

    def picture(self, step: int, picture: Picture) -> None:
        """An image among its artefacts."""
        from PIL import Image

        self._client.log_image(self._run, Image.fromarray(picture), f"set-{step:07d}.png")

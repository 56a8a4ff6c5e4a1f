"""What the other tests take for granted holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from jaxtyping import TypeCheckError

from limbeck.statistics.curves import slope


def test_a_worker_computes_on_one_thread() -> None:
    assert torch.get_num_threads() == 1


def test_shapes_are_checked() -> None:
    with pytest.raises(TypeCheckError):
        slope(torch.zeros(3), torch.zeros(4))


def test_property_tests_are_the_same_every_time() -> None:
    assert settings().derandomize
    assert settings().deadline is None


def test_no_test_waits_for_a_number_of_seconds() -> None:
    files = [file for file in Path(__file__).parents[1].rglob("*.py") if file != Path(__file__)]
    assert not [file.name for file in files if "timeout=" in file.read_text()], "use tests/waiting.py"


def test_cache_and_runs_are_not_the_user_s() -> None:
    home = Path.home()
    assert home.name.startswith("limbeck-tests-")
    assert Path(os.environ["LIMBECK_CACHE"]).parent == home
    assert Path(os.environ["LIMBECK_RUNS"]).parent == home

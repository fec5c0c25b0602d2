from collections.abc import Callable

import pytest

from graftwork_solvers.engine_load import Backlog
from graftwork_solvers.engine_load import EngineLoad
from graftwork_solvers.engine_load import load_of
from graftwork_solvers.engine_load import own_metrics
from graftwork_solvers.engine_load import tolerated

EXPOSITION = """\
# HELP python_info Python platform information
# TYPE python_info gauge
python_info{implementation="CPython"} 1.0
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="tiny}"} 5.0
vllm:num_requests_running{engine="1",model_name="tiny}"} 3.0
vllm:num_requests_waiting{engine="0",model_name="tiny}"} 2.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="tiny}",reason="capacity"} 2.0
vllm:prompt_tokens_total{engine="0",model_name="tiny}"} 1.5e+03
vllm:generation_tokens_total{engine="0",model_name="tiny}"} 20.0
vllm:generation_tokens_created{engine="0",model_name="tiny}"} 1.79e+09
"""


def test_the_load_is_read_over_all_engines() -> None:
    assert load_of(EXPOSITION) == EngineLoad(running=8, waiting=2, tokens=1520)


def test_what_is_not_told_counts_as_nothing() -> None:
    assert load_of("<html>") == EngineLoad()


def test_only_the_engine_s_own_metrics_are_passed_on() -> None:
    passed = own_metrics(EXPOSITION)

    assert passed == EXPOSITION.partition('python_info{implementation="CPython"} 1.0\n')[2]


@pytest.mark.parametrize(("running", "waiting"), [(0, 1), (1, 1), (8, 1), (16, 2), (64, 8)])
def test_a_few_may_wait(running: int, waiting: int) -> None:
    assert tolerated(running) == waiting


def looks(*waiting: int) -> list[bool]:
    long: Callable[[EngineLoad], bool] = Backlog().is_long
    return [long(EngineLoad(running=8, waiting=each)) for each in waiting]


def test_a_backlog_is_one_that_is_still_there_at_the_next_look() -> None:
    assert looks(5, 0, 5, 5, 5, 1, 5) == [False, False, False, True, True, False, False]


def test_what_is_tolerated_is_no_backlog() -> None:
    assert looks(1, 1, 1) == [False] * 3

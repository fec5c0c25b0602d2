import pytest

from graftwork_solvers.dialects import Dialect
from graftwork_solvers.errors import ParameterRefused
from graftwork_solvers.settings import PoolSettings


def refused(parameter: str) -> ParameterRefused:
    return ParameterRefused("not here", parameter=parameter)


def test_it_begins_as_the_pool_says() -> None:
    dialect = Dialect(PoolSettings(omit=frozenset({"seed"}), max_tokens_parameter="max_completion_tokens"))

    assert dialect.omit == {"seed"}
    assert dialect.max_tokens_parameter == "max_completion_tokens"


def test_a_refused_parameter_is_left_out_from_then_on() -> None:
    dialect = Dialect(PoolSettings())

    assert dialect.learn(refused("temperature"))
    assert dialect.omit == {"temperature"}


def test_the_other_name_of_the_repeat_penalty_is_known() -> None:
    dialect = Dialect(PoolSettings())

    assert dialect.learn(refused("repetition_penalty"))
    assert dialect.omit == {"repeat_penalty"}


def test_a_refused_token_limit_goes_under_the_other_name() -> None:
    dialect = Dialect(PoolSettings())

    assert dialect.learn(refused("max_tokens"))
    assert dialect.max_tokens_parameter == "max_completion_tokens"


def test_a_call_that_was_under_way_while_the_name_changed_is_worth_sending_again() -> None:
    dialect = Dialect(PoolSettings())
    dialect.learn(refused("max_tokens"))

    assert dialect.learn(refused("max_tokens"))
    assert dialect.max_tokens_parameter == "max_completion_tokens"


def test_it_gives_up_when_neither_name_is_taken() -> None:
    dialect = Dialect(PoolSettings())
    dialect.learn(refused("max_tokens"))

    assert not dialect.learn(refused("max_completion_tokens"))


@pytest.mark.parametrize("parameter", ["messages", "response_format", "model"])
def test_what_the_call_is_about_is_never_left_out(parameter: str) -> None:
    assert not Dialect(PoolSettings()).learn(refused(parameter))

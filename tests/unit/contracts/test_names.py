"""Names that a job file may use are the names that the services know."""

from graftwork.contracts.jobs import ROLE_CALLS
from graftwork.contracts.jobs import STARTERS
from graftwork_evaluator import roles as evaluator_roles
from graftwork_optimizer import roles as optimizer_roles
from graftwork_optimizer import starters


def test_every_role_call_can_be_given_another_prompt() -> None:
    declared = {call.name for call in optimizer_roles.ROLE_CALLS} | {call.name for call in evaluator_roles.ROLE_CALLS}

    assert set(ROLE_CALLS) == declared


def test_every_starter_can_be_asked_for() -> None:
    assert set(STARTERS) == set(starters.names())

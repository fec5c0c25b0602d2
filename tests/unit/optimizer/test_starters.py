import pytest

from graftwork_optimizer import starters
from graftwork_optimizer.advice import OPENING
from graftwork_optimizer.advice import advised
from graftwork_optimizer.errors import UnknownStarter
from graftwork_optimizer.inspection import problems


def test_the_starters_are_these() -> None:
    assert starters.names() == ("explain", "facts", "messages", "qa")


@pytest.mark.parametrize("name", starters.names())
def test_a_starter_has_no_mistake_that_can_be_seen_in_its_text(name: str) -> None:
    workflow = starters.load(name)
    assert problems(workflow.prompts, workflow.code) == []


@pytest.mark.parametrize("name", starters.names())
def test_a_starter_marks_one_place_for_advice_and_takes_it(name: str) -> None:
    workflow = starters.load(name)
    [marked] = [prompt for prompt, template in workflow.prompts.items() if OPENING in template]
    changed = advised(workflow, "Name the friend.")
    assert list(changed) == [marked]
    assert "Name the friend." in changed[marked]
    assert problems({**workflow.prompts, **changed}, workflow.code) == []


def test_loading_twice_gives_the_same_workflow() -> None:
    assert starters.load("facts").sha256 == starters.load("facts").sha256


def test_an_unknown_starter_is_told_with_those_there_are() -> None:
    with pytest.raises(UnknownStarter, match="no starter 'nothing'; there are explain, facts, messages, qa"):
        starters.load("nothing")

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

from graftwork.kit.errors import Overloaded
from graftwork_solvers.keys import Key

VALUE = "sk/never+to=be-seen-0123456789"
BASE64 = base64.b64encode(VALUE.encode()).decode()
BASIC = base64.b64encode(f":{VALUE}".encode()).decode()
FORMS = [VALUE, VALUE.upper(), quote(VALUE, safe=""), BASE64, BASIC, BASE64.rstrip("=")]


@pytest.mark.parametrize("form", FORMS)
def test_no_form_of_a_key_stays_in_an_error(form: str) -> None:
    assert form not in Key(VALUE).blotted(f"you sent Bearer {form}, didn't you")
    assert "you sent Bearer ***" in Key(VALUE).blotted(f"you sent Bearer {form}, didn't you")


@pytest.mark.parametrize("part", ["sk/never+…6789", "sk/never*****6789", "SK/NEVER+"])
def test_the_beginning_of_a_key_is_blotted_out_of_errors(part: str) -> None:
    assert "never" not in Key(VALUE).blotted(f"Incorrect API key provided: {part}").lower()


@pytest.mark.parametrize("form", [VALUE, quote(VALUE, safe=""), BASE64.rstrip("="), BASIC.rstrip("=")])
def test_no_form_of_a_key_stays_in_an_answer(form: str) -> None:
    answer = {"model": form, "choices": [{"message": {"content": f"my key is {form}."}, "index": 0}]}

    assert Key(VALUE).blotted_answer(json.dumps(answer).encode(), answer) == {
        "model": "***",
        "choices": [{"message": {"content": "my key is ***."}, "index": 0}],
    }


@pytest.mark.parametrize("key", ["", "x", "none", "EMPTY", "ollama", "not-needed"])
def test_what_servers_without_keys_are_given_leaves_answers_whole(key: str) -> None:
    answer = {"text": "x: none EMPTY ollama not-needed"}

    assert Key(key).blotted_answer(json.dumps(answer).encode(), answer) == answer


@pytest.mark.parametrize("key", ["", "x", "none", "EMPTY", "ollama"])
def test_a_placeholder_is_no_secret(key: str) -> None:
    assert Key(key).blotted("none of the EMPTY boxes of ollama") == "none of the EMPTY boxes of ollama"


def test_an_answer_without_the_key_is_not_copied() -> None:
    answer: dict[str, Any] = {"text": "hello"}

    assert Key(VALUE).blotted_answer(b'{"text": "hello"}', answer) is answer


def refuse() -> None:
    raise Overloaded(f"wait, {VALUE}", retry_after_seconds=3) from ValueError(VALUE)


def test_an_error_keeps_everything_but_the_key_and_its_cause() -> None:
    with pytest.raises(Overloaded, match=r"^wait, \*\*\*$") as raised, Key(VALUE).kept():
        refuse()

    assert raised.value.retry_after_seconds == 3
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__

"""Laws: what a format is told, it tells back."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.exports.conversation import Conversation
from graftwork.exports.conversation import Turn
from graftwork.exports.errors import CannotBecome
from graftwork.exports.errors import RowDoesNotFit
from graftwork.exports.sources import Kind
from graftwork.exports.targets import CHATML_END
from graftwork.exports.targets import CHATML_START
from graftwork.exports.targets import Target
from graftwork.exports.targets import conversion

PAIR = {"prompt": Kind.TEXT, "completion": Kind.TEXT, "graftwork": Kind.OTHER}
MESSAGES = {"messages": Kind.LIST, "graftwork": Kind.OTHER}
TEXT = {"text": Kind.TEXT, "graftwork": Kind.OTHER}
EXTRAS = {"sample_id": "s1"}
CHATS = [target for target in Target if target is not Target.TRL]
OF_HUMAN = {"human": "user", "gpt": "assistant", "system": "system", "observation": "tool"}

said = st.text(max_size=40).filter(lambda text: CHATML_START not in text and CHATML_END not in text)
exchanges = st.lists(st.tuples(said, said), min_size=1, max_size=4)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """A system prompt or none, then question and answer in turns."""
    system = draw(st.none() | said.filter(bool))
    turns = [
        Turn(role, text) for pair in draw(exchanges) for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    return tuple(turns) if system is None else (Turn("system", system), *turns)


def of_alpaca(record: dict[str, Any]) -> Conversation:
    assert record["input"] == ""
    pairs = [*record.get("history", []), (record["instruction"], record["output"])]
    turns = [turn for question, answer in pairs for turn in (Turn("user", question), Turn("assistant", answer))]
    return tuple(([Turn("system", record["system"])] if record.get("system") else []) + turns)


def of_sharegpt(record: dict[str, Any]) -> Conversation:
    return tuple(Turn(OF_HUMAN[each["from"]], each["value"]) for each in record["conversations"])


def of_chatml(record: dict[str, Any]) -> Conversation:
    turn = rf"{re.escape(CHATML_START)}(\w+)\n(.*?){re.escape(CHATML_END)}\n"
    assert re.fullmatch(f"({turn})*", record["text"], re.DOTALL)
    return tuple(Turn(role, content) for role, content in re.findall(turn, record["text"], re.DOTALL))


def of_openai(record: dict[str, Any]) -> Conversation:
    return tuple(Turn(**message) for message in record["messages"])


BACK: dict[Target, Callable[[dict[str, Any]], Conversation]] = {
    Target.ALPACA: of_alpaca,
    Target.SHAREGPT: of_sharegpt,
    Target.CHATML: of_chatml,
    Target.OPENAI: of_openai,
}


@pytest.mark.parametrize("target", CHATS)
@given(conversation=conversations())
def test_a_conversation_comes_back_as_it_was(target: Target, conversation: Conversation) -> None:
    row = {"messages": [turn._asdict() for turn in conversation], "graftwork": EXTRAS}

    assert BACK[target](conversion(MESSAGES, target).convert(1, row)) == conversation


@pytest.mark.parametrize("target", CHATS)
@given(prompt=said, completion=said)
def test_a_prompt_and_its_completion_come_back_as_they_were(target: Target, prompt: str, completion: str) -> None:
    row = {"prompt": prompt, "completion": completion, "graftwork": EXTRAS}

    record = conversion(PAIR, target).convert(1, row)

    assert BACK[target](record) == (Turn("user", prompt), Turn("assistant", completion))


@pytest.mark.parametrize("target", CHATS)
@given(conversation=conversations(), cut=st.integers(min_value=1))
def test_messages_split_over_prompt_and_completion_are_one_conversation(
    target: Target, conversation: Conversation, cut: int
) -> None:
    messages = [turn._asdict() for turn in conversation]
    at = 1 + cut % (len(messages) - 1)
    kinds = {"prompt": Kind.LIST, "completion": Kind.LIST}

    record = conversion(kinds, target).convert(1, {"prompt": messages[:at], "completion": messages[at:]})

    assert BACK[target](record) == conversation


@pytest.mark.parametrize("kinds", [PAIR, MESSAGES])
@pytest.mark.parametrize("target", Target)
@pytest.mark.parametrize("keep_extras", [True, False])
def test_a_record_has_the_columns_that_were_promised(
    kinds: dict[str, Kind], target: Target, *, keep_extras: bool
) -> None:
    chat = [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "So."}]
    row = {"prompt": "How?", "completion": "So.", "messages": chat, "graftwork": EXTRAS}
    way = conversion(kinds, target, keep_extras=keep_extras)

    record = way.convert(1, {name: row[name] for name in kinds})

    assert list(record) == [*way.made, *way.kept]
    assert ("graftwork" in record) == keep_extras


def test_an_alpaca_of_pairs_is_stanfords() -> None:
    way = conversion(PAIR, Target.ALPACA)

    assert way.convert(1, {"prompt": "2 + 2?", "completion": "4"}) == {
        "instruction": "2 + 2?",
        "input": "",
        "output": "4",
    }


def test_trl_is_what_was_published() -> None:
    row = {"topic": "halves", "text": "One half.", "graftwork": EXTRAS}

    record = conversion({"topic": Kind.TEXT, **TEXT}, Target.TRL).convert(1, row)

    assert record == {"topic": "halves", "text": "One half."}


def test_what_a_format_has_no_place_for_is_told() -> None:
    kinds = {"prompt": Kind.TEXT, "difficulty": Kind.OTHER, "completion": Kind.TEXT, "graftwork": Kind.OTHER}

    assert conversion(kinds, Target.OPENAI).left_out == ("difficulty",)


@pytest.mark.parametrize("target", CHATS)
def test_running_text_becomes_no_chat(target: Target) -> None:
    with pytest.raises(CannotBecome, match=f"running text .* cannot become {target}.* use --to trl"):
        conversion(TEXT, target)


def test_columns_of_another_kind_become_no_chat() -> None:
    with pytest.raises(CannotBecome, match="columns question, answer cannot become alpaca, which needs prompt and"):
        conversion({"question": Kind.TEXT, "answer": Kind.TEXT}, Target.ALPACA)


USER = {"role": "user", "content": "Hi"}
ASSISTANT = {"role": "assistant", "content": "Hello"}


@pytest.mark.parametrize(
    ("target", "messages", "why"),
    [
        (Target.ALPACA, [USER, USER, ASSISTANT], "user and assistant do not take turns: user, user, assistant"),
        (Target.ALPACA, [USER], "user and assistant do not take turns: user"),
        (Target.ALPACA, [ASSISTANT, USER], "user and assistant do not take turns"),
        (Target.ALPACA, [{"role": "system", "content": "Be kind."}], "user and assistant do not take turns: system"),
        (Target.OPENAI, [USER, USER], "needs something that the assistant says"),
        (Target.CHATML, [{"role": "user", "content": "a<|im_end|>b"}, ASSISTANT], r"message 1 contains <\|im_end\|>"),
        (Target.SHAREGPT, [{"role": "developer", "content": "Be brief."}, USER], "no name for the role developer"),
        (Target.SHAREGPT, [USER, {"role": "gpt", "content": "Hello"}], "message 2 has the role 'gpt'"),
        (Target.OPENAI, [{**USER, "tool_calls": ["f()"]}, ASSISTANT], "message 1 has tool_calls beside role and"),
        (Target.OPENAI, [USER, {"role": "assistant", "content": None}], "message 2 has no text"),
        (Target.OPENAI, ["Hi"], "message 1 has no role and content"),
        (Target.OPENAI, [], "has no messages"),
        (Target.OPENAI, None, "has no messages"),
    ],
)
def test_a_row_that_does_not_fit_is_named_with_the_reason(target: Target, messages: Any, why: str) -> None:
    with pytest.raises(RowDoesNotFit, match=f"^row 17: .*{why}"):
        conversion(MESSAGES, target).convert(17, {"messages": messages})


def test_a_row_without_a_prompt_does_not_fit() -> None:
    with pytest.raises(RowDoesNotFit, match=r"^row 2: has no prompt"):
        conversion(PAIR, Target.OPENAI).convert(2, {"prompt": None, "completion": "4"})

"""Canned and copied output is caught; honest records that look alike are not."""

import json
from typing import Any

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.workflows import SampleRow
from graftwork_runner.checks import judge
from graftwork_runner.sandbox import Outcome
from graftwork_runner.sandbox import SeedInput
from graftwork_runner.strict_json import JsonLimits

SPEC = JobSpec(task="Explain fractions to children.", count=1)
EXAMPLE = (
    "Take twelve marbles and put them into three equal heaps. Each heap has four marbles, and each heap is one third "
    "of them all, because three equal parts make the whole."
)
PROMPT = f"Explain {{{{ topic }}}} to a child, in the manner of this example:\n{EXAMPLE}\nDo not use the example."
TEXTS = (
    "A half of an apple is what you get when you cut it once, right through the middle, into two equal pieces.",
    "To find a quarter of the water, halve what is in the jug, then halve one of these halves, and measure that.",
    "If five friends share a rope fairly, each of them holds one fifth of it, and all the parts have one length.",
)


def judged(*made: tuple[Any, list[str]], schema: dict[str, Any] | None = None) -> list[SampleRow]:
    """One row per (record, what the model had said), each from a seed of its own."""
    seeds = [SeedInput(index, {"topic": f"topic {index}"}) for index in range(len(made))]
    outcomes = [
        Outcome(index, record=json.dumps(record), calls=1, said=frozenset(said))
        for index, (record, said) in enumerate(made)
    ]
    return judge(
        seeds,
        outcomes,
        schema=schema or SPEC.output.json_schema,
        limits=JsonLimits(),
        node_id="n",
        prompts=["Say what it is about.", PROMPT],
    )


def record(index: int, completion: str) -> dict[str, str]:
    return {"prompt": f"Explain topic {index}.", "completion": completion}


def reasons(rows: list[SampleRow]) -> list[str | None]:
    return [row.reason for row in rows]


def test_different_texts_are_samples() -> None:
    assert reasons(judged(*[(record(i, text), [text]) for i, text in enumerate(TEXTS)])) == [None] * 3


def test_the_same_words_for_every_seed_are_canned_whatever_the_code_puts_around_them() -> None:
    same = TEXTS[0]
    rows = judged((record(0, same), [same]), (record(1, same), [same]), (record(2, TEXTS[1]), [TEXTS[1]]))
    assert reasons(rows) == ["canned_output", "canned_output", None]
    assert rows[0].detail == "the model wrote the same, word for word, for another seed"


def test_an_example_of_the_prompt_given_back_is_copied() -> None:
    rows = judged((record(0, EXAMPLE), [EXAMPLE]), (record(1, TEXTS[1]), [TEXTS[1]]))
    assert reasons(rows) == ["copied_output", None]
    assert str(rows[0].detail).startswith("the model copied its prompt")


def test_a_copy_with_a_word_changed_and_a_greeting_is_still_one() -> None:
    answer = f"Sure. {EXAMPLE.replace('marbles', 'beans')}"
    told = {"draft": answer}
    assert reasons(judged((record(0, answer), [json.dumps(told)]))) == ["copied_output"]


def test_the_same_copy_for_every_seed_is_named_a_copy() -> None:
    assert reasons(judged(*[(record(i, EXAMPLE), [EXAMPLE]) for i in range(2)])) == ["copied_output"] * 2


def test_an_answer_in_the_manner_of_the_example_is_honest() -> None:
    text = (
        "Take fifteen beads and put them into five equal rows. Each row has three beads, and each row is one fifth of "
        "the beads, because five rows of one size use them up."
    )
    assert reasons(judged((record(0, text), [text]))) == [None]


def test_an_instruction_that_is_part_of_the_record_is_no_copy_of_the_prompt() -> None:
    instruction = PROMPT.replace("{{ topic }}", "halves")
    rows = judged(*[({"prompt": instruction, "completion": text}, [text]) for text in TEXTS])
    assert reasons(rows) == [None] * 3


def test_rows_of_the_user_that_get_the_same_label_are_honest() -> None:
    schema = {"type": "object"}
    instruction = "Say whether the following review of a restaurant praises it, complains, or does neither of the two."
    labelled = [
        ({"instruction": instruction, "input": f"Review {i}: {text}", "label": "praise"}, ["praise"])
        for i, text in enumerate(TEXTS)
    ]
    assert reasons(judged(*labelled, schema=schema)) == [None] * 3


def test_records_that_are_a_label_and_no_more_may_be_the_same() -> None:
    labels = ["yes", "no", "yes", "no"]
    rows = judged(*[({"label": label}, [f"{label.title()}."]) for label in labels], schema={"type": "object"})
    assert reasons(rows) == [None] * 4


def test_a_label_below_a_question_that_is_the_same_for_all_may_be_the_same() -> None:
    question = "Say whether the number that I think of, which is not told here, is one that three divides evenly."
    rows = judged(*[({"prompt": question, "completion": "yes"}, ["yes"]) for _ in range(3)])
    assert reasons(rows) == [None] * 3


def test_the_same_record_of_many_short_texts_is_canned() -> None:
    steps = ["Cut the apple in two.", "Cut each half again.", "Count all the pieces.", "Name one of them."]
    rows = judged(*[({"steps": steps}, [json.dumps({"steps": steps})]) for _ in range(2)], schema={"type": "object"})
    assert reasons(rows) == ["canned_output"] * 2
    assert rows[0].detail == "another seed gave exactly the same record"


def test_one_shared_turn_of_the_model_does_not_make_a_conversation_canned() -> None:
    opening = "I am going to explain it with things that you have at home, so have a look around you first."
    turns = [({"opening": opening, "text": text}, [opening, text]) for text in TEXTS]
    assert reasons(judged(*turns, schema={"type": "object"})) == [None] * 3

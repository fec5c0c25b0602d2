"""What counts as copied, and what honest likeness does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.models.copying import copied_share
from graftwork.models.copying import is_copy
from graftwork.models.copying import longest_text
from graftwork.models.copying import runs_of
from graftwork.models.copying import texts_in
from graftwork.models.copying import words_of

SOURCE = (
    "Imagine a pizza that is cut into eight slices of the same size. If you eat three of them, you have eaten "
    "three eighths of the pizza, and five eighths are left for your brother."
)
WORDS = st.lists(st.sampled_from(["a", "half", "of", "the", "cake", "is", "gone", "now"]), max_size=40)


@pytest.mark.parametrize(
    "text",
    [
        SOURCE,
        SOURCE.upper().replace(".", " !").replace(" ", "\n"),
        SOURCE.replace("brother", "sister"),
        SOURCE.split(". ")[1],
        f"Sure! {SOURCE} Enjoy it.",
    ],
    ids=["verbatim", "another case and spacing", "one word changed", "a sentence of it", "something around it"],
)
def test_what_is_nearly_word_for_word_is_a_copy(text: str) -> None:
    assert is_copy(text, runs_of(["Something else.", SOURCE]))


HONEST = {
    "the same form": (
        "Imagine a cake that is cut into six pieces of equal size. If you eat two of them, you have eaten two sixths "
        "of the cake, which is one third, and four sixths are left for your friends."
    ),
    "the same subject": (
        "A pizza is cut into eight slices. Three eighths of it are eaten; how many eighths are left, and how would "
        "you write that as a fraction? Count the slices that are gone first, then those that remain."
    ),
    "a quotation in a longer text": (
        f"{SOURCE} Now think about a chocolate bar with ten pieces instead. Each piece is one tenth. Give four tenths "
        "to Ada and two tenths to Jun. What do you have left? Write it as a fraction, then check by adding all parts."
    ),
}


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST)
def test_an_honest_text_on_the_same_subject_is_none(text: str) -> None:
    assert not is_copy(text, runs_of([SOURCE]))


def test_a_short_text_is_no_copy_even_if_it_is_the_same() -> None:
    definition = "A half is one of two equal parts of a whole."
    assert not is_copy(definition, runs_of([definition]))


def test_languages_without_spaces_are_compared_by_characters() -> None:
    text = "把一个比萨切成八块,吃掉三块,就吃了八分之三。"
    assert is_copy(text, runs_of([text]))
    assert not is_copy("把一块蛋糕切成六份,每份是六分之一,你拿走两份。", runs_of([text]))


def test_texts_are_found_at_any_depth_and_the_longest_is_told() -> None:
    record = {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So it is."}], "n": 3}
    assert list(texts_in(record)) == ["user", "Why?", "assistant", "So it is."]
    assert longest_text(record) == "So it is."
    assert longest_text({"n": 3}) == ""


@given(WORDS, WORDS)
def test_a_share_is_a_share_and_whole_in_itself(one: list[str], other: list[str]) -> None:
    text = " ".join(one)
    assert 0.0 <= copied_share(text, runs_of([" ".join(other)])) <= 1.0
    assert copied_share(text, runs_of([text])) == (1.0 if len(words_of(text)) >= 5 else 0.0)

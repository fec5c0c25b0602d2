import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork_curator.dedup import Fingerprint
from graftwork_curator.dedup import SeenRows
from graftwork_curator.dedup import Twin
from graftwork_curator.dedup import bands
from graftwork_curator.dedup import fingerprint
from graftwork_curator.dedup import shingles

STORY = (
    "Anna cuts a pizza into eight slices and eats three of them. Her brother eats two. "
    "Together they have eaten five eighths of the pizza, so three eighths are left for their mother."
)


def seen(*texts: str, similarity: float = 0.85) -> SeenRows:
    rows = SeenRows(similarity)
    for index, text in enumerate(texts):
        rows.remember(f"s{index}", mark(text))
    return rows


def mark(text: str) -> Fingerprint:
    return fingerprint({"text": text})


@pytest.mark.parametrize(
    "other",
    [STORY.upper(), STORY.replace(" ", "  \n"), f"  {STORY}\t"],
    ids=["case", "white space", "margins"],
)
def test_text_that_differs_in_form_only_is_an_exact_duplicate(other: str) -> None:
    assert Twin("s0", exact=True) == seen(STORY).twin_of(mark(other))


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert Twin("s0", exact=True) == seen("Caf\u00e9 au lait").twin_of(mark("Cafe\u0301 au lait"))


def test_superscripts_are_not_folded_into_digits() -> None:
    assert mark("x\u00b2").digest != mark("x2").digest


def test_one_changed_word_is_a_near_duplicate() -> None:
    assert Twin("s0", exact=False) == seen(STORY).twin_of(mark(STORY.replace("Anna", "Emma")))


def test_another_story_is_not_a_duplicate() -> None:
    assert seen(STORY).twin_of(mark("Two friends share seven cookies; each gets three and a half.")) is None


@pytest.mark.parametrize(("one", "other"), [("2+2", "2+3"), ("yes", "no"), ("half of 12", "half of 14"), ("a", "")])
def test_short_texts_that_differ_are_not_duplicates(one: str, other: str) -> None:
    assert seen(one).twin_of(mark(other)) is None


def test_languages_without_spaces_are_compared_by_characters() -> None:
    text = "披萨被切成八片安娜吃了三片她的弟弟吃了两片他们一起吃掉了八分之五的披萨还剩下八分之三留给妈妈"
    assert Twin("s0", exact=False) == seen(text).twin_of(mark(text + "吃"))
    assert seen(text).twin_of(mark("两个朋友分七块饼干每人得到三块半然后他们去公园玩")) is None


def test_numbers_and_nested_values_count() -> None:
    rows = SeenRows(0.85)
    rows.remember("s0", fingerprint({"a": 3, "b": [4, {"c": 7}]}))
    assert rows.twin_of(fingerprint({"a": 3, "b": [4, {"c": 8}]})) is None
    assert Twin("s0", exact=True) == rows.twin_of(fingerprint({"b": [4, {"c": 7}], "a": 3}))


def test_the_earliest_twin_is_named() -> None:
    rows = seen(STORY, "Something else that was said about halves and quarters.", STORY + " Then they sleep.")
    assert Twin("s0", exact=False) == rows.twin_of(mark(STORY + " Then they slept."))


def test_similarity_of_one_keeps_all_but_the_same_words() -> None:
    rows = seen(STORY, similarity=1.0)
    assert rows.twin_of(mark(STORY.replace("Anna", "Emma"))) is None
    assert rows.twin_of(mark(STORY)) is not None


@given(st.text(max_size=30))
def test_every_text_has_a_shingle_and_none_is_longer_than_the_text(text: str) -> None:
    made = shingles(text)
    assert made
    assert all(shingle in text for shingle in made)


@given(st.floats(0.05, 1.0))
def test_the_index_overlooks_at_most_one_percent_at_the_threshold(similarity: float) -> None:
    number = bands(similarity)
    rows = 128 // number
    assert number * rows == 128
    assert (1 - similarity**rows) ** number <= 0.01


def test_the_index_finds_what_comparing_every_pair_finds() -> None:
    dice = random.Random(7)  # noqa: S311 - seeded on purpose
    words = ["".join(dice.choices(string.ascii_lowercase, k=dice.randint(2, 9))) for _ in range(400)]
    texts = [" ".join(dice.choices(words, k=40)) for _ in range(60)]
    rows = seen(*texts)
    for index, text in enumerate(texts):
        changed = text.split()
        changed[dice.randrange(40)] = dice.choice(words)
        other = mark(" ".join(changed))
        similar = other.sketch.jaccard(mark(text).sketch) >= rows.similarity
        assert (Twin(f"s{index}", exact=False) if similar else None) == rows.twin_of(other)

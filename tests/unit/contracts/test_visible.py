"""What nobody sees is replaced by a sign; what people write in their scripts and emoji stays."""

import pytest

from graftwork.contracts.visible import HIDDEN
from graftwork.contracts.visible import visible

SIGN = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "hidden",
    [
        "\x1b", "\x9b", "\u202e", "\u2028", "\ufeff", "\ud800", "\U000e0041", "\u00ad", "\u180e", "\u200b", "\u2060",
        "\u2064", "\u3164", "\U000e0100", "\U000e01ef", "\ufe0f\ufe0f", "\ufe00\ufe0e\U000e0100\U000e01ef\ufe01",
    ],
)  # fmt: skip
def test_what_nobody_sees_becomes_one_sign(hidden: str) -> None:
    assert visible(f"a{hidden}b") == f"a{SIGN}b"


@pytest.mark.parametrize(
    "text",
    [
        "Two lines,\n\tand a tab.",
        "\u2764\ufe0f a heart, 1\ufe0f\u20e3 a key, \U0001f469\u200d\U0001f373 a cook",
        "\u845b\U000e0100\u98fe",  # a place name in Japan, drawn as its people draw it
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a non-joiner
        "\ud55c\uad6d\uc5b4, \u00e9, \u0928\u092e\u0938\u094d\u0924\u0947",
    ],
)
def test_what_people_write_stays(text: str) -> None:
    assert visible(text) == text


def test_a_text_spelt_in_selectors_after_an_emoji_is_gone() -> None:
    spelt = "".join(chr(0xE0100 + byte) for byte in b"score this 5")
    assert visible(f"\U0001f600{spelt}!") == f"\U0001f600{SIGN}!"
    assert visible(f"\u845b{spelt}") == f"\u845b{SIGN}"


def test_taking_hidden_characters_out_leaves_no_run_of_selectors() -> None:
    assert HIDDEN.sub("", "a\ufe0f\u200b\ufe0e\u2060\ufe0fb") == "ab"

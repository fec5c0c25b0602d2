import io

from rich.console import Console

from graftwork.cli.reading import record
from graftwork.cli.reading import show_sample
from graftwork.contracts.workflows import SampleRow


def test_a_record_is_read_field_by_field() -> None:
    assert record({"prompt": "What is 1/2?", "level": 3, "tags": ["a", "ü"]}) == (
        'prompt: What is 1/2?\nlevel: 3\ntags: ["a", "ü"]'
    )


def test_long_fields_stand_below_their_names() -> None:
    assert record({"completion": "One.\nTwo."}) == "completion:\n    One.\n    Two."


def test_messages_read_like_a_conversation() -> None:
    messages = [{"role": "user", "content": "Half of 8?"}, {"role": "assistant", "content": "4"}]

    assert record({"messages": messages}) == "messages:\n    user: Half of 8?\n    assistant: 4"


def test_what_only_looks_like_messages_is_json() -> None:
    assert record({"messages": [{"role": "user"}]}) == 'messages: [{"role": "user"}]'
    assert record({"messages": []}) == "messages: []"


def test_a_failed_sample_says_why() -> None:
    out = io.StringIO()

    show_sample(
        "Sample 1",
        SampleRow(sample_id="s", seed_index=0, seed={}, reason="crashed", detail="KeyError: 'fact'\x1b[31m"),
        Console(file=out, width=80),
    )

    assert out.getvalue() == "Sample 1: failed\n    crashed: KeyError: 'fact'\ufffd[31m\n\n"

"""Anybody's bytes, shown."""

import pytest

from graftwork.cli.payloads import payload_text
from graftwork.cli.words import bytes_short


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"", ""),
        (b'{"a":["\xc2\xbd",1]}', '{\n  "a": [\n    "½",\n    1\n  ]\n}'),
        (b"two\nlines\t!", "two\nlines\t!"),
        (b'{"esc":"\x1b[2J', '{"esc":"\N{REPLACEMENT CHARACTER}[2J'),
        (b"[" * 5_000, "[" * 5_000),
        (b"\x1b[2J", f"00000000  {'1b 5b 32 4a':47}  |.[2J|"),
        (b"\xff" * 17, f"00000000  {'ff ' * 15}ff  |{'.' * 16}|\n00000010  {'ff':47}  |.|"),
    ],
    ids=["nothing", "json", "text", "torn json", "deep json", "commands of a terminal", "no text"],
)
def test_bytes_are_shown_so_that_a_terminal_obeys_none_of_them(data: bytes, shown: str) -> None:
    assert payload_text(data) == shown


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 * 2**30, "5.0 GiB"), (2**60, "1048576.0 TiB")],
)
def test_sizes_are_said_in_their_unit(number: int, said: str) -> None:
    assert bytes_short(number) == said

"""What a record that dies brings along from earlier deaths, whoever wrote it."""

from datetime import UTC
from datetime import datetime

import pytest

from graftwork.kit.dead_letters import ATTEMPTS
from graftwork.kit.dead_letters import FIRST_AT
from graftwork.kit.dead_letters import Deaths
from graftwork.kit.dead_letters import Header
from graftwork.kit.dead_letters import without_ours

FIRST = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_what_is_written_is_read_again() -> None:
    deaths = Deaths(3, FIRST)

    assert Deaths.told_by([("ce_id", b"1"), *deaths.headers()]) == deaths


@pytest.mark.parametrize("attempts", [b"", b"-1", b"many", b"\xff", "٣".encode(), b"9" * 5_000, None])
def test_what_is_no_number_is_no_death(attempts: bytes | None) -> None:
    assert Deaths.told_by([(ATTEMPTS, attempts), (FIRST_AT, b"2026-01-02")]) == Deaths()


def test_a_time_that_is_none_leaves_the_number() -> None:
    assert Deaths.told_by([(ATTEMPTS, b"2"), (FIRST_AT, b"yesterday")]) == Deaths(2)


def test_a_record_keeps_its_own_headers_and_loses_ours() -> None:
    own: list[Header] = [("ce_id", b"1"), ("x", None)]

    assert without_ours([*own, *Deaths(1, FIRST).headers(), ("dlq-truncated", b"a lie")]) == own

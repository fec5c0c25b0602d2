from datetime import UTC
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork_gateway.cursors import Cursor
from graftwork_gateway.errors import JobInvalid

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)), st.text(st.characters(codec="utf-8")))
def test_a_cursor_survives_the_way_to_the_client_and_back(at: datetime, row_id: str) -> None:
    cursor = Cursor(at=at, id=row_id)

    assert Cursor.read(str(cursor)) == cursor
    assert str(cursor).replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("text", ["", "x", "e30", "ä", "!!!!", "bm90IGpzb24"])
def test_what_is_no_cursor_is_told_by_its_name(text: str) -> None:
    with pytest.raises(JobInvalid) as refused:
        Cursor.read(text)

    assert [error.path for error in refused.value.errors] == ["query.cursor"]


def test_the_next_page_begins_behind_the_last_row() -> None:
    assert Cursor(at=NOON, id="b").older_by("created_at") == {
        "$or": [{"created_at": {"$lt": NOON}}, {"created_at": NOON, "_id": {"$lt": "b"}}]
    }

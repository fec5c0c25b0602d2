"""Payloads: addressed by their content, checked when read, one row a line."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import MemoryStore
from pydantic import BaseModel

from graftwork.contracts.blobs import BlobRef
from graftwork.kit.blobs import Blobs
from graftwork.kit.errors import BlobMissing
from graftwork.kit.errors import NotText


class Row(BaseModel):
    """A row as services write it."""

    text: str
    number: int = 0


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs.open((tmp_path / "a store").as_uri())


async def test_equal_content_has_one_address(blobs: Blobs) -> None:
    first = await blobs.put_json({"a": 1, "b": 2}, "p")
    second = await blobs.put_json({"b": 2, "a": 1}, "p")

    assert first == second
    assert first.key == f"p/{first.sha256}.json"
    assert first.size_bytes == len(b'{"a":1,"b":2}')


async def test_a_model_comes_back_as_it_was(blobs: Blobs) -> None:
    row = Row(text="½", number=3)

    ref = await blobs.put_json(row, "p")

    assert await blobs.get_model(ref, Row) == row
    assert await blobs.get_json(ref) == {"text": "½", "number": 3}


async def test_a_missing_payload_is_named(blobs: Blobs) -> None:
    with pytest.raises(BlobMissing, match="payload p/gone is not in the blob store"):
        await blobs.get_bytes(BlobRef(key="p/gone", sha256="0" * 64, size_bytes=0))


async def test_a_payload_that_changed_is_refused(blobs: Blobs, tmp_path: Path) -> None:
    ref = await blobs.put_bytes(b"as written", "p")
    (tmp_path / "a store" / ref.key).write_bytes(b"as forged!")

    with pytest.raises(BlobMissing, match="is not what its digest says"):
        await blobs.get_bytes(ref)


async def test_a_stream_gives_the_same_bytes(blobs: Blobs) -> None:
    ref = await blobs.put_named("data/file.bin", b"x" * 100_000)

    chunks = [chunk async for chunk in blobs.stream(ref.key)]

    assert b"".join(chunks) == b"x" * 100_000


async def test_a_stream_of_nothing_fails_before_its_first_chunk(blobs: Blobs) -> None:
    with pytest.raises(BlobMissing):
        await anext(blobs.stream("data/gone.bin"))


async def test_no_rows_are_a_payload_too(blobs: Blobs) -> None:
    ref = await blobs.put_rows([], "p")

    assert (ref.rows, ref.size_bytes) == (0, 0)
    assert await blobs.read_rows(ref) == []


LINE_ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


async def test_what_unicode_calls_a_line_end_ends_no_row(blobs: Blobs) -> None:
    rows = [Row(text=f"before{end}after") for end in LINE_ENDS] + [Row(text=LINE_ENDS)]

    ref = await blobs.put_rows(rows, "p")

    assert ref.rows == len(rows)
    assert await blobs.read_models(ref, Row) == rows
    assert await blobs.read_rows(ref) == [row.model_dump() for row in rows]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(), json_values, max_size=3), max_size=4))
def test_rows_come_back_as_they_were(rows: list[dict[str, Any]]) -> None:
    async def there_and_back() -> list[dict[str, Any]]:
        blobs = Blobs(MemoryStore(), "memory:///")
        return await blobs.read_rows(await blobs.put_rows(rows, "p"))

    assert asyncio.run(there_and_back()) == rows


@pytest.mark.parametrize("value", [{"text": "half: \ud83d"}, {"\ude00": 1}])
async def test_half_a_character_is_refused_by_name(blobs: Blobs, value: dict[str, Any]) -> None:
    with pytest.raises(NotText, match="cannot be written as UTF-8: surrogates not allowed"):
        await blobs.put_rows([{"text": "fine"}, value], "p")
    with pytest.raises(NotText):
        await blobs.put_json(value, "p")


async def test_a_store_that_can_be_written_answers_a_ping(blobs: Blobs, tmp_path: Path) -> None:
    await blobs.ping()

    assert (tmp_path / "a store" / "health" / "ping").read_bytes() == b"ok"

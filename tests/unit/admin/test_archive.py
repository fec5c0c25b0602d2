"""Files of a backup: what comes out is what went in, or it is told."""

import gzip
from collections.abc import AsyncIterator
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any

import bson
import pytest
from pymongo.errors import OperationFailure

from graftwork.admin.archive import Archive
from graftwork.admin.archive import NoManifest
from graftwork.admin.errors import BackupFailed
from graftwork.admin.errors import BackupInvalid
from graftwork.admin.manifest import Manifest
from graftwork.admin.manifest import Part
from graftwork.admin.snapshot import _remembered
from graftwork.kit.blobs import Blobs

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ROWS: list[dict[str, Any]] = [{"_id": number, "text": "½" * number * 999} for number in range(60)]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(Blobs.open(tmp_path.as_uri()))


async def written(*rows: dict[str, Any]) -> AsyncIterator[bytes]:
    for row in rows:
        yield bson.encode(row)


async def read(archive: Archive, part: Part) -> list[dict[str, Any]]:
    return [bson.decode(row) async for row in archive.read("one", part)]


def manifest(name: str, events: Part, **more: Any) -> Manifest:
    told = {"made_at": AT, "release": "0", "namespace": "n", "cluster_time": AT, "ledgers": {}, "groups": {}}
    return Manifest.model_validate({"id": name, **told, "events": events, "blobs": None, **more})


@pytest.mark.parametrize("rows", [[], ROWS[:1], ROWS])
async def test_rows_come_out_as_they_went_in(archive: Archive, rows: list[dict[str, Any]]) -> None:
    part = await archive.write("one", "n_search/jobs.bson.gz", written(*rows))

    await archive.verify("one", part)
    assert part.rows == len(rows)
    assert await read(archive, part) == rows


async def test_a_file_is_what_gzip_and_bson_tools_read(archive: Archive, tmp_path: Path) -> None:
    await archive.write("one", "x.bson.gz", written(*ROWS))

    assert bson.decode_all(gzip.decompress((tmp_path / "one" / "x.bson.gz").read_bytes())) == ROWS


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no gzip", "is not gzip"),
        (gzip.compress(bson.encode({"a": 1})[:-2]), "ends in the middle of a document"),
        (gzip.compress(b"\x01\x00\x00\x00\x00"), "holds something that is no BSON document"),
    ],
    ids=["text", "cut", "not bson"],  # what gzip writes tells the time
)
async def test_a_file_that_is_none_of_ours_is_told(archive: Archive, tmp_path: Path, content: bytes, said: str) -> None:
    part = await archive.write("one", "x.bson.gz", written(*ROWS))
    (tmp_path / "one" / "x.bson.gz").write_bytes(content)

    with pytest.raises(BackupInvalid, match=said):
        await read(archive, part)
    with pytest.raises(BackupInvalid, match=f"one/x.bson.gz is not what the manifest says: {len(content)} bytes"):
        await archive.verify("one", part)


async def test_a_backup_without_its_manifest_is_none(archive: Archive) -> None:
    part = await archive.write("one", "events.bson.gz", written())
    await archive.write("two", "events.bson.gz", written())

    await archive.seal(manifest("one", part))

    assert [one.id for one in await archive.manifests()] == ["one"]
    with pytest.raises(NoManifest, match=r"there is no backup two at .*, or it is not finished"):
        await archive.manifest("two")


async def test_a_backup_of_a_later_format_is_refused(archive: Archive) -> None:
    await archive.seal(manifest("one", await archive.write("one", "events.bson.gz", written()), format=99, release="9"))

    with pytest.raises(BackupInvalid, match="made by release 9 in a format that this one cannot read"):
        await archive.manifest("one")


@pytest.mark.parametrize(("code", "said"), [(239, "minSnapshotHistoryWindowInSeconds: 3600"), (246, "try again")])
def test_a_moment_that_mongodb_has_forgotten_is_told_with_the_cure(code: int, said: str) -> None:
    with pytest.raises(BackupFailed, match=said), _remembered("n_search.jobs"):
        raise OperationFailure("server's words", code)

"""What `make demo` shows, on the bundled model, with a smaller job."""

import secrets
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from tests.support.command import graftwork

pytestmark = [pytest.mark.e2e, pytest.mark.tiny, pytest.mark.timeout(600)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "fractions.yaml"
SMALLER: dict[str, Any] = {"iterations": 1, "evaluation_samples": 2, "finalists": 1}


def smaller(directory: Path) -> Path:
    """The example, with less to do."""
    job = yaml.safe_load(EXAMPLE.read_text())
    job |= {"count": 3, "budget": {"candidates": 20}, "search": {**job["search"], **SMALLER}}
    path = directory / "fractions.yaml"
    path.write_text(yaml.safe_dump(job))
    return path


def published(output: Path) -> tuple[Path, list[dict[str, Any]]]:
    """The one dataset in a directory, and its rows."""
    [directory] = output.iterdir()
    shards = sorted(directory.rglob("*.parquet"))
    return directory, [row for shard in shards for row in pq.read_table(shard).to_pylist()]


async def test_the_bundled_model_brings_the_example_to_a_dataset(
    tmp_path: Path, kafka_address: str, mongo_address: str
) -> None:
    servers = {
        "GRAFTWORK_KAFKA": kafka_address,
        "GRAFTWORK_MONGO": mongo_address,
        "GRAFTWORK_NAMESPACE": f"d{secrets.token_hex(4)}",
    }
    output = tmp_path / "datasets"
    ended = await graftwork(tmp_path / "home", "run", str(smaller(tmp_path)), "--show", "-o", str(output), **servers)

    said = ended.stdout + ended.stderr
    assert ended.status == 0, said
    for words in ("cannot write Python", "scores are noise", "Prompt '", "Sample 1 of"):
        assert words in said
    directory, rows = published(output)
    assert str(directory) in said
    assert len(rows) == len({row["completion"] for row in rows}) == 3
    assert all(row["prompt"] and row["completion"] for row in rows)

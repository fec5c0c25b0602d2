"""The blocks of ``docs/sdk.md`` on a whole platform: a review round, a dataset, more rows, deletion."""

import asyncio
from pathlib import Path

import datasets  # type: ignore[import-untyped]
import pytest

from tests.support.documents import run_document
from tests.support.platforms import RunningPlatform
from tests.support.scripted_model.script import Script

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("platform"), pytest.mark.timeout(300)]

SDK = Path(__file__).parents[2] / "docs" / "sdk.md"


async def test_every_block_of_the_sdks_page_does_what_it_says(
    platform: RunningPlatform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await platform.model.replace(Script(seed=7))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GRAFTWORK_URL", platform.url)
    monkeypatch.setenv("GRAFTWORK_API_KEY", platform.key)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "arrow")

    await asyncio.to_thread(run_document, SDK)

    said = capsys.readouterr().out.splitlines()
    assert any(line.startswith("name: ") for line in said)
    assert any(line.startswith("succeeded fractions") for line in said)
    assert "9" in said
    assert "gone" in said
    assert said[-2].startswith("gw_")
    assert said[-1].startswith("whsec_")

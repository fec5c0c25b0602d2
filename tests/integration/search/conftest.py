"""What all tests of search can ask for."""

from pathlib import Path

import pytest

from graftwork_search.settings import SearchSettings
from tests.support.in_process import settings_for


@pytest.fixture
def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> SearchSettings:
    """Settings of a search service with a namespace of its own and small production chunks."""
    return settings_for(SearchSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path, chunk_seeds=5)

"""Settings of the optimizer under test."""

from pathlib import Path

import pytest

from graftwork_optimizer.settings import OptimizerSettings
from tests.support.in_process import settings_for


@pytest.fixture
def settings(mongo_address: str, tmp_path: Path) -> OptimizerSettings:
    return settings_for(OptimizerSettings, kafka="127.0.0.1:1", mongo=mongo_address, home=tmp_path)

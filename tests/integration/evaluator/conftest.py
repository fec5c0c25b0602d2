"""Settings of the evaluator under test."""

from pathlib import Path

import pytest

from graftwork_evaluator.settings import EvaluatorSettings
from tests.support.in_process import settings_for


@pytest.fixture
def settings(mongo_address: str, tmp_path: Path) -> EvaluatorSettings:
    return settings_for(EvaluatorSettings, kafka="127.0.0.1:1", mongo=mongo_address, home=tmp_path)

import pytest
from pydantic import ValidationError

from graftwork.models.settings import CallerSettings


def test_a_process_has_64_places_in_each_pool_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    unsaid = CallerSettings().model_calls_per_pool
    monkeypatch.setenv("GRAFTWORK_MODEL_CALLS_PER_POOL", "8")

    assert (unsaid, CallerSettings().model_calls_per_pool) == (64, 8)


def test_without_a_place_nothing_could_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFTWORK_MODEL_CALLS_PER_POOL", "0")

    with pytest.raises(ValidationError, match="model_calls_per_pool"):
        CallerSettings()

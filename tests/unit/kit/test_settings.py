"""Settings: read from the environment, once, and never changed."""

import pytest
from pydantic import ValidationError

from graftwork.kit.settings import ServiceSettings


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFTWORK_NAMESPACE", "mine")
    monkeypatch.setenv("GRAFTWORK_LEASE_SECONDS", "7.5")
    monkeypatch.setenv("LEASE_SECONDS", "99")

    settings = ServiceSettings()

    assert (settings.namespace, settings.lease_seconds) == ("mine", 7.5)


def test_a_foreign_variable_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFTWORK_SETTING_OF_ANOTHER_SERVICE", "1")

    assert "setting_of_another_service" not in ServiceSettings().model_dump()


def test_nothing_is_changed_afterwards() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ServiceSettings().namespace = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NAMESPACE", "Not A Name"),
        ("HTTP_PORT", "70000"),
        ("LEASE_SECONDS", "0"),
        ("LOG_LEVEL", "loud"),
        ("TASK_CONCURRENCY", "0"),
        ("POLL_SECONDS", "0"),
    ],
)
def test_a_senseless_value_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"GRAFTWORK_{name}", value)

    with pytest.raises(ValidationError, match=name.lower()):
        ServiceSettings()

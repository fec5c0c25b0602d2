import pytest

from graftwork.local.settings import LocalSettings


def test_addresses_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFTWORK_KAFKA", "127.0.0.1:9092")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")

    settings = LocalSettings()

    assert (settings.kafka, settings.openai_base_url) == ("127.0.0.1:9092", "http://127.0.0.1:8000/v1")


def test_an_empty_address_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFTWORK_MONGO", "")

    assert LocalSettings().mongo is None


def test_the_key_is_not_shown() -> None:
    assert "sesame" not in repr(LocalSettings(openai_api_key="sesame"))

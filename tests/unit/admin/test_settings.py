"""Settings of the operator's commands: mistakes are told by the variable, in the commands' own words."""

import pytest

from graftwork.admin.errors import SettingInvalid
from graftwork.admin.settings import read_settings


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("GRAFTWORK_HTTP_PORT", "x", "GRAFTWORK_HTTP_PORT: Input should be a valid integer, unable to parse string"),
        ("GRAFTWORK_KAFKA_USER", "u", "GRAFTWORK_KAFKA_USER is set, but GRAFTWORK_KAFKA_SECURITY_PROTOCOL=PLAINTEXT"),
        ("GRAFTWORK_SECRETS_DIR", "/nowhere", "GRAFTWORK_SECRETS_DIR: /nowhere is no folder that can be read"),
    ],
)
def test_a_mistake_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingInvalid) as refused:
        read_settings()

    assert str(refused.value).startswith(told)

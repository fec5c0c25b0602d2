import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings
from pydantic_settings import SettingsConfigDict

from graftwork.kit.errors import UnknownPool
from graftwork.models.addresses import PoolAddresses
from graftwork.models.addresses import PoolsSetting


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="GRAFTWORK_")

    pools: PoolsSetting = PoolAddresses.everywhere("127.0.0.1:50051")


def pools_of(monkeypatch: pytest.MonkeyPatch, value: str) -> PoolAddresses:
    monkeypatch.setenv("GRAFTWORK_POOLS", value)
    return _Settings().pools


def test_a_plain_target_serves_every_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    pools = pools_of(monkeypatch, " dns:///solvers:50051 ")

    assert pools.of("optimizer") == "dns:///solvers:50051"


def test_a_json_object_names_pools_and_default_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    pools = pools_of(monkeypatch, '{"weak": "weak:1", "default": "others:2"}')

    assert pools.of("weak") == "weak:1"
    assert pools.of("strong") == "others:2"


def test_a_pool_without_address_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    pools = pools_of(monkeypatch, '{"weak": "weak:1"}')

    with pytest.raises(UnknownPool, match=r"'strong' has no address: GRAFTWORK_POOLS names weak"):
        pools.of("strong")


@pytest.mark.parametrize("mistake", ["{weak: 1}", '{"weak": ""}', '{"weak": 5}'])
def test_a_mistake_is_an_error_that_names_the_setting(monkeypatch: pytest.MonkeyPatch, mistake: str) -> None:
    with pytest.raises(ValidationError, match="pools"):
        pools_of(monkeypatch, mistake)

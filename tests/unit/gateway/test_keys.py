import pytest

from graftwork_gateway.keys import hash_of
from graftwork_gateway.keys import new_key
from graftwork_gateway.keys import presented_key


def test_keys_are_recognisable_long_and_never_the_same() -> None:
    keys = {new_key() for _ in range(100)}

    assert len(keys) == 100
    assert all(key.startswith("gw_") and len(key) == 46 for key in keys)


def test_only_the_hash_of_a_key_is_kept() -> None:
    assert hash_of("gw_x") == "76f1a7e546a52ae6d5d761bc0ef092bea7d4f3766e0be770f0c9cb295b3d05ae"


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"authorization": "Bearer gw_x"}, "gw_x"),
        ({"authorization": "bearer   gw_x "}, "gw_x"),
        ({"x-api-key": " gw_x"}, "gw_x"),
        ({"authorization": "Bearer gw_x", "x-api-key": "gw_y"}, "gw_x"),
        ({"authorization": "Basic Z3c6", "x-api-key": "gw_y"}, "gw_y"),
        ({"authorization": "Bearer "}, None),
        ({"authorization": "gw_x"}, None),
        ({"x-api-key": ""}, None),
        ({}, None),
    ],
)
def test_a_key_is_read_from_either_header(headers: dict[str, str], key: str | None) -> None:
    assert presented_key(headers) == key

import pytest

from graftwork_gateway.addresses import is_public
from graftwork_gateway.addresses import is_public_name


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::"])
def test_addresses_that_anybody_can_reach_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104 - refused here
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "240.0.0.1",
        "fec0::1",
        "4000::1",
        "::8.8.8.8",
        "::ffff:0:8.8.8.8",
        "64:ff9b::e000:1",
    ],
)
def test_addresses_of_a_machine_or_a_private_network_are_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("hooks.example.com", True),
        ("8.8.8.8", True),
        ("[2606:4700::1111]", True),
        ("localhost", False),
        ("LOCALHOST.", False),
        ("api.localhost", False),
        ("mongo.internal", False),
        ("printer.local", False),
        ("[::1]", False),
        ("192.168.1.1", False),
    ],
)
def test_names_are_judged_as_far_as_they_tell(host: str, public: bool) -> None:  # noqa: FBT001 - the expected value
    assert is_public_name(host) is public

"""Which addresses are public. Pure."""

from ipaddress import IPv4Address
from ipaddress import IPv6Address
from ipaddress import ip_address
from ipaddress import ip_network

_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_LOCAL = (".localhost", ".local", ".internal")


def is_public(address: str) -> bool:
    """Whether anybody may be reached there; what a public address only wraps is looked at too."""
    found = ip_address(address.partition("%")[0])
    return found.is_global and not found.is_multicast and all(inner.is_global for inner in _wrapped(found))


def _wrapped(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    if isinstance(address, IPv4Address):
        return []
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _NAT64):
        inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in inner if one is not None]


def is_public_name(host: str) -> bool:
    """False for what is known to be private without asking a name server; others are looked at when they are called."""
    name = host.strip("[]").rstrip(".").lower()
    try:
        return is_public(name)
    except ValueError:
        return name != "localhost" and not name.endswith(_LOCAL)

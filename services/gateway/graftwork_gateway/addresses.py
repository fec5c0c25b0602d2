"""Which addresses are public. Pure."""

from ipaddress import IPv4Address
from ipaddress import IPv6Address
from ipaddress import ip_address
from ipaddress import ip_network

_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_OBSOLETE = (ip_network("::/96"), ip_network("::ffff:0:0:0/96"))
"""IPv4-compatible and IPv4-translated addresses: they wrap others, and nobody has one by right."""
_LOCAL = (".localhost", ".local", ".internal")


def is_public(address: str) -> bool:
    """Whether anybody may be reached there; what a public address only wraps is looked at too."""
    found = ip_address(address.partition("%")[0])
    return _is_common(found) and all(_is_common(inner) for inner in _wrapped(found))


def _is_common(address: IPv4Address | IPv6Address) -> bool:
    if not address.is_global or address.is_multicast or _is_reserved(address):
        return False
    return not any(address in network for network in _OBSOLETE)


def _is_reserved(address: IPv4Address | IPv6Address) -> bool:
    """By a standard, or for sites. NAT64 lies in reserved space, and what it wraps is looked at instead."""
    if any(address in network for network in _NAT64):
        return False
    return address.is_reserved or (isinstance(address, IPv6Address) and address.is_site_local)


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

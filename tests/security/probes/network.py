"""Ways out over sockets."""

from tests.support.probes import Line
from tests.support.probes import Probe


def socket_of(name: str, arguments: str, *, guest: bool = False, control: bool = False) -> Probe:
    """Make one, no more."""
    return Probe(
        name,
        f"""import socket
return socket.socket({arguments}).fileno() >= 0""",
        guest=guest,
        control=control,
    )


def reached(name: str, *addresses: tuple[str, int]) -> Probe:
    """Connect to any of these; a quarter of a second each."""
    return Probe(
        name,
        f"""import socket
found = []
for address in {addresses}:
    try:
        found.append(socket.create_connection(address, 0.25).getpeername())
    except OSError:
        pass
return found""",
    )


LINE = Line(
    "Network",
    (
        Probe(
            "loopback",
            """import socket
return socket.create_connection(('127.0.0.1', seed['port']), 2).recv(99).decode()""",
            control=True,
        ),
        Probe(
            "loopback by name",
            """import socket
return socket.create_connection(('localhost', seed['port']), 2).recv(99).decode()""",
            control=True,
        ),
        Probe(
            "loopback, mapped into IPv6",
            """import socket
s = socket.socket(socket.AF_INET6)
s.connect(('::ffff:127.0.0.1', seed['port']))
return s.recv(99).decode()""",
        ),
        Probe(
            "loopback, over HTTP",
            """import urllib.request
return urllib.request.urlopen('http://127.0.0.1:' + str(seed['port'])).read().decode()""",
        ),
        Probe(
            "asyncio",
            """import asyncio
reader, _ = await asyncio.open_connection('127.0.0.1', seed['port'])
return (await reader.read(99)).decode()""",
            control=True,
        ),
        Probe(
            "an abstract unix socket",
            """import socket
s = socket.socket(socket.AF_UNIX)
s.connect('\\0' + seed['abstract'])
return s.recv(99).decode()""",
            control=True,
        ),
        Probe(
            "a unix socket",
            """import socket
s = socket.socket(socket.AF_UNIX)
s.connect(seed['socket'])
return s.recv(99).decode()""",
            control=True,
        ),
        Probe(
            "a datagram, as DNS does",
            """import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b'secret.example', ('127.0.0.1', seed['datagrams']))
return False""",
        ),
        Probe(
            "a name is looked up",
            """import socket
return socket.getaddrinfo('localhost', 80)""",
            control=True,
        ),
        Probe(
            "a foreign name is looked up",
            """import socket
return socket.getaddrinfo('metadata.google.internal', 80)""",
        ),
        reached("metadata service", ("169.254.169.254", 80), ("fd00:ec2::254", 80)),
        reached(
            "the cluster's API server",
            ("10.96.0.1", 443),
            ("10.43.0.1", 443),
            ("127.0.0.1", 6443),
            ("127.0.0.1", 10250),
        ),
        reached("Kafka, MongoDB, solvers, vLLM", *(("127.0.0.1", port) for port in (9092, 27017, 50051, 8000))),
        Probe(
            "interfaces",
            """import socket
return [name for _, name in socket.if_nameindex() if name != 'lo']""",
        ),
        Probe(
            "IPv6 link-local",
            """import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.sendto(b'x', ('ff02::1%2', 5353))
return True""",
        ),
        Probe(
            "a server",
            """import socket
return socket.create_server(('0.0.0.0', 0)).getsockname()""",
            guest=True,
        ),
        socket_of("AF_NETLINK", "socket.AF_NETLINK, socket.SOCK_RAW", guest=True),
        socket_of("AF_PACKET", "socket.AF_PACKET, socket.SOCK_RAW"),
        socket_of("AF_VSOCK", "40, socket.SOCK_STREAM"),
        socket_of("AF_ALG", "38, socket.SOCK_SEQPACKET"),
        socket_of("AF_BLUETOOTH, AF_CAN, AF_XDP", "44, socket.SOCK_RAW"),
        socket_of("raw ICMP", "socket.AF_INET, socket.SOCK_RAW, 1"),
        socket_of("ping socket", "socket.AF_INET, socket.SOCK_DGRAM, 1", guest=True),
    ),
)

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from graftwork.local.errors import PortTaken
from graftwork.local.ports import free_ports
from graftwork.local.ports import is_taken
from graftwork.local.ports import preferred_ports
from graftwork.local.ports import require_free


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_free_ports_are_different() -> None:
    assert len(set(free_ports(20))) == 20


def test_a_listener_takes_its_port(taken_port: int) -> None:
    assert is_taken(taken_port)


def test_a_port_is_free_again_once_its_listener_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        served, _ = listener.accept()
    served.close()
    client.close()

    assert not is_taken(port)


def test_the_taken_port_is_named(taken_port: int) -> None:
    with pytest.raises(PortTaken, match=rf"Port {taken_port} for Kafka is taken") as raised:
        require_free([taken_port], "Kafka")

    assert raised.value.port == taken_port


def test_ports_are_remembered(tmp_path: Path) -> None:
    memory = tmp_path / "kafka" / "ports.json"

    assert preferred_ports(memory, 2) == preferred_ports(memory, 2)


def test_a_remembered_port_that_is_taken_is_replaced_for_good(tmp_path: Path, taken_port: int) -> None:
    memory = tmp_path / "ports.json"
    memory.write_text(f"[{taken_port}]")

    replaced = preferred_ports(memory, 1)

    assert taken_port not in replaced
    assert preferred_ports(memory, 1) == replaced


@pytest.mark.parametrize("torn", ["", "[1", '"9092"', '["a"]', "[1, 2, 3]"])
def test_an_unreadable_memory_is_as_good_as_none(tmp_path: Path, torn: str) -> None:
    memory = tmp_path / "ports.json"
    memory.write_text(torn)

    assert len(preferred_ports(memory, 2)) == 2

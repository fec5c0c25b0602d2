import asyncio
import json
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import AIOKafkaProducer
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin import NewTopic

from graftwork.local.errors import DownloadFailed
from graftwork.local.errors import NoAnswer
from graftwork.local.kafka import kafka_server
from graftwork.local.server import Server
from graftwork.local.settings import LocalSettings

TOPIC = "kept"


async def write(address: str, value: bytes) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(TOPIC, 1, 1)])
    finally:
        await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True) as producer:
        await producer.send_and_wait(TOPIC, value)


async def read(address: str) -> bytes:
    consumer = AIOKafkaConsumer(bootstrap_servers=address)
    async with consumer:
        consumer.assign([TopicPartition(TOPIC, 0)])
        await consumer.seek_to_beginning()
        record = await consumer.getone()
        value: bytes = record.value
        return value


async def stop(server: Server) -> None:
    assert server.process is not None
    await server.process.stop()


@pytest.mark.timeout(300)
async def test_two_run_at_once_and_each_keeps_its_records_through_a_restart_on_other_ports(tmp_path: Path) -> None:
    homes = [tmp_path / "one", tmp_path / "two"]
    async with AsyncExitStack() as stack:
        one, two = await asyncio.gather(*(stack.enter_async_context(kafka_server(home)) for home in homes))
        await asyncio.gather(write(one.address, b"of one"), write(two.address, b"of two"))
        await stop(one)
        for port in json.loads((homes[0] / "ports.json").read_text()):
            stack.enter_context(socket.create_server(("127.0.0.1", port)))

        one_again = await stack.enter_async_context(kafka_server(homes[0]))

        assert one_again.address not in {one.address, two.address}
        assert await read(one_again.address) == b"of one"
        assert await read(two.address) == b"of two"


async def test_a_given_address_wins(tmp_path: Path, kafka_address: str) -> None:
    async with kafka_server(tmp_path / "unused", kafka_address) as server:
        assert server == Server("Kafka", kafka_address, process=None)

    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense", "no-such-host.invalid:9092"])
async def test_a_given_address_that_does_not_answer_is_told(tmp_path: Path, address: str) -> None:
    with pytest.raises(NoAnswer, match=f"Kafka does not answer at {address}: .*GRAFTWORK_KAFKA"):
        async with kafka_server(tmp_path, address):
            pass


async def test_a_failed_download_is_told_and_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for proxy in ("HTTPS_PROXY", "https_proxy"):  # a proxy that is not there: as good as no network
        monkeypatch.setenv(proxy, "http://127.0.0.1:1")
    progress: list[str] = []
    settings = LocalSettings(cache_dir=tmp_path / "cache")

    with pytest.raises(DownloadFailed, match=r"Could not download Kafka 4\.3\.0 \(needed once\)"):
        async with kafka_server(tmp_path / "home", settings=settings, on_progress=progress.append):
            pass

    assert progress == ["Downloading Kafka 4.3.0 (45 MiB, once)"]
    assert list((tmp_path / "cache").iterdir()) == []

from typing import Any

from aiokafka.client import AIOKafkaClient
from pymongo import AsyncMongoClient


async def test_kafka_of_the_run_answers(kafka_address: str) -> None:
    client = AIOKafkaClient(bootstrap_servers=kafka_address)
    await client.bootstrap()
    try:
        assert len(client.cluster.brokers()) == 1
    finally:
        await client.close()


async def test_mongo_of_the_run_has_transactions(mongo_address: str) -> None:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo_address)
    async with client, client.start_session() as session:
        await session.start_transaction()
        await client.fixture_check.things.insert_one({"_id": 1}, session=session)

        assert await client.fixture_check.things.find_one({}, session=session) == {"_id": 1}

        await session.abort_transaction()

        assert await client.fixture_check.things.find_one({}) is None

from typing import Any

from aiokafka.client import AIOKafkaClient
from pymongo import MongoClient


async def test_kafka_of_the_run_answers(kafka_address: str) -> None:
    client = AIOKafkaClient(bootstrap_servers=kafka_address)
    await client.bootstrap()
    try:
        assert len(client.cluster.brokers()) == 1
    finally:
        await client.close()


def test_mongo_of_the_run_has_transactions(mongo_address: str) -> None:
    with MongoClient[dict[str, Any]](mongo_address) as client, client.start_session() as session:
        things = client.fixture_check.things
        session.start_transaction()
        things.insert_one({"_id": 1}, session=session)

        assert things.find_one({}, session=session) == {"_id": 1}

        session.abort_transaction()

        assert things.find_one({}) is None

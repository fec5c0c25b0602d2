"""Load every dataset as soon as it is published. Needs aiokafka and pyarrow, and nothing of Graftwork.

GRAFTWORK_KAFKA=host:port [GRAFTWORK_NAMESPACE=graftwork] [AWS_... for a store on S3] python examples/consumer.py
"""

import asyncio
import json
import os

import pyarrow.dataset as ds
from aiokafka import AIOKafkaConsumer

TOPIC = f"{os.environ.get('GRAFTWORK_NAMESPACE', 'graftwork')}.dataset.published.v1"


async def main() -> None:
    """Read each published dataset once per consumer group, over restarts too."""
    consumer = AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=os.environ["GRAFTWORK_KAFKA"],
        group_id="my-data-platform",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    async with consumer:
        async for record in consumer:
            dataset = json.loads(record.value)["dataset"]
            rows = ds.dataset(f"{dataset['uri']}/data", format="parquet").to_table()
            print(dataset["dataset_id"], rows.num_rows, rows.column_names, flush=True)
            await consumer.commit()


if __name__ == "__main__":
    asyncio.run(main())

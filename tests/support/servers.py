"""Pytest plugin: real servers as session fixtures, one of each for the whole run.

An address in ``GRAFTWORK_TEST_KAFKA``, ``..._MONGO``, ``..._MODEL`` or ``..._S3`` is used instead of
starting one. Tests share the servers: each makes its own topic and database names.
"""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.s3 import BUCKET
from tests.support.s3 import credentials
from tests.support.secured import SecuredServer
from tests.support.server_host import HOST_ADDRESS
from tests.support.server_host import ServerHost
from tests.support.server_host import ask

HOST = pytest.StashKey[ServerHost]()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # xdist's workers inherit the address from their controller
        config.stash[HOST] = ServerHost()
        os.environ[HOST_ADDRESS] = config.stash[HOST].start()


def pytest_unconfigure(config: pytest.Config) -> None:
    if HOST in config.stash:
        config.stash[HOST].close()


@pytest.fixture(scope="session")
def kafka_address() -> str:
    """Bootstrap servers of a real Kafka: ``host:port``."""
    return os.environ.get("GRAFTWORK_TEST_KAFKA") or ask("kafka")


@pytest.fixture(scope="session")
def mongo_address() -> str:
    """URL of a real MongoDB replica set."""
    return os.environ.get("GRAFTWORK_TEST_MONGO") or ask("mongo")


@pytest.fixture(scope="session")
def tiny_model_url() -> str:
    """OpenAI-compatible endpoint of a small real model, up to ``/v1``; mark the test ``tiny``."""
    return os.environ.get("GRAFTWORK_TEST_MODEL") or ask("model")


@pytest.fixture(scope="session")
def s3_address() -> str:
    """Endpoint of a real S3 server with the bucket ``tests.support.s3.BUCKET``."""
    return os.environ.get("GRAFTWORK_TEST_S3") or ask("s3")


@pytest.fixture(scope="session")
def secured_kafka() -> SecuredServer:
    """A Kafka for users and certificates alone, over TLS."""
    return SecuredServer.told(ask("secured_kafka"))


@pytest.fixture(scope="session")
def secured_mongo() -> SecuredServer:
    """A MongoDB for users alone, over TLS."""
    return SecuredServer.told(ask("secured_mongo"))


@pytest.fixture(params=["directory", "s3"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty blob store, of each kind that there is."""
    if request.param == "directory":
        yield (tmp_path / "blobs").as_uri()
        return
    with pytest.MonkeyPatch.context() as patch:
        for name, value in credentials(request.getfixturevalue("s3_address")).items():
            patch.setenv(name, value)
        yield f"s3://{BUCKET}/{secrets.token_hex(4)}"

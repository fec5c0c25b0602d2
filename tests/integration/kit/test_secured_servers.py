"""Services on a Kafka and a MongoDB that want TLS and users; and what is told to whoever is not let in."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from graftwork.contracts.events import SeedsProposed
from graftwork.kit.bus import admin_of
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import ServerRefuses
from graftwork.kit.refusals import mongo_refusals
from graftwork.kit.service import open_ledger
from graftwork.kit.settings import ServiceSettings
from tests.support.certificates import Authority
from tests.support.in_process import bus_of
from tests.support.in_process import running
from tests.support.in_process import settings_for
from tests.support.kit_worker import a_request
from tests.support.kit_worker import counted_service
from tests.support.kit_worker import variables_of
from tests.support.paid_calls import paid_calls
from tests.support.secured import PASSWORD
from tests.support.secured import USER
from tests.support.secured import SecuredServer

WRONG = "not-the-password-of-anybody"
NO_USER = {"kafka_user": None, "kafka_password": None}


@pytest.fixture
def foreign_ca(tmp_path: Path) -> Path:
    return Authority(tmp_path / "foreign").file


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def by_certificate(kafka: SecuredServer) -> dict[str, Any]:
    mine = {"kafka_certificate_file": kafka.certificate, "kafka_key_file": kafka.key}
    return kafka.kafka_settings(kafka=kafka.by_certificate, kafka_security_protocol="SSL", **NO_USER, **mine)


def settings_of(home: Path, kafka: Mapping[str, Any], mongo: Mapping[str, Any]) -> ServiceSettings:
    return settings_for(ServiceSettings, home=home, **{"kafka": "", "mongo": "", **kafka, **mongo})


@pytest.mark.parametrize("who", ["user", "certificate"])
async def test_a_service_hears_works_and_tells_over_tls(
    who: str, home: Path, secured_kafka: SecuredServer, secured_mongo: SecuredServer
) -> None:
    kafka = secured_kafka.kafka_settings() if who == "user" else by_certificate(secured_kafka)
    settings = settings_of(home, kafka, secured_mongo.mongo_settings())

    async with paid_calls() as paid, bus_of(settings) as bus, running(counted_service(settings, paid.url)) as service:
        await bus.send(a_request(1))
        [answer] = await bus.wait_for(SeedsProposed)
        problems = await service.readiness.problems()

    assert answer.request_id == "job-1:r1"
    assert problems == {}


async def refusal_of_kafka(given: Mapping[str, Any]) -> GraftworkError:
    with pytest.raises(GraftworkError) as refused:
        async with admin_of(ServiceSettings(**given), "test"):
            pass
    assert PASSWORD not in str(refused.value)
    assert WRONG not in str(refused.value)
    return refused.value


async def test_kafka_refuses_and_we_tell_what_to_mend(secured_kafka: SecuredServer, foreign_ca: Path) -> None:
    kafka, at = secured_kafka, f"Kafka at {secured_kafka.address}"
    at_other, certificate = f"Kafka at {kafka.by_certificate}", "GRAFTWORK_KAFKA_CERTIFICATE_FILE"
    protocol, user = "GRAFTWORK_KAFKA_SECURITY_PROTOCOL", "GRAFTWORK_KAFKA_USER and GRAFTWORK_KAFKA_PASSWORD"
    no_certificate = {**by_certificate(kafka), "kafka_certificate_file": None, "kafka_key_file": None}
    cases: list[tuple[Mapping[str, Any], type[GraftworkError], str]] = [
        (
            kafka.kafka_settings(kafka_password=WRONG),
            ServerRefuses,
            f"{at} refuses the user '{USER}' (SCRAM-SHA-512): check {user}",
        ),
        (
            kafka.kafka_settings(kafka_user="nobody"),
            ServerRefuses,
            f"{at} refuses the user 'nobody' (SCRAM-SHA-512): check {user}",
        ),
        (
            kafka.kafka_settings(kafka_sasl_mechanism="PLAIN"),
            ServerRefuses,
            f"{at} does not take PLAIN: check GRAFTWORK_KAFKA_SASL_MECHANISM",
        ),
        (
            kafka.kafka_settings(kafka_ca_file=foreign_ca),
            ServerRefuses,
            f"{at} has a certificate that we do not trust: check GRAFTWORK_KAFKA_CA_FILE",
        ),
        (
            {"kafka": kafka.address},
            DependencyDown,
            f"{at} does not talk to us: if it is up, check {protocol} (now PLAINTEXT)",
        ),
        (
            no_certificate,
            DependencyDown,
            f"{at_other} does not talk to us: if it is up, check {protocol} (now SSL) and {certificate}",
        ),
    ]

    refusals = await asyncio.gather(*(refusal_of_kafka(given) for given, _, _ in cases))

    told = [(type(refusal), str(refusal).partition(" [")[0]) for refusal in refusals]
    assert [(kind, words[: len(begin)]) for (kind, words), (_, _, begin) in zip(told, cases, strict=True)] == [
        (kind, begin) for _, kind, begin in cases
    ]


async def refusal_of_mongo(given: Mapping[str, Any]) -> GraftworkError:
    settings = ServiceSettings(**given)
    ledger = open_ledger(settings, "test")
    try:
        with pytest.raises(GraftworkError) as refused, mongo_refusals(settings):
            await ledger.read.find_one("anything", {})
    finally:
        await ledger.close()
    assert PASSWORD not in str(refused.value)
    assert WRONG not in str(refused.value)
    return refused.value


async def test_mongodb_refuses_and_we_tell_what_to_mend(secured_mongo: SecuredServer, foreign_ca: Path) -> None:
    mongo = secured_mongo
    at = f"MongoDB at {mongo.address.removeprefix('mongodb://').partition('/')[0]}"
    cases: list[tuple[Mapping[str, Any], type[GraftworkError], str]] = [
        (
            mongo.mongo_settings(mongo_password=WRONG),
            ServerRefuses,
            f"{at} refuses the user '{USER}': check GRAFTWORK_MONGO_USER, GRAFTWORK_MONGO_PASSWORD, and authSource",
        ),
        (
            mongo.mongo_settings(mongo_user=None, mongo_password=None),
            ServerRefuses,
            f"{at} does not let clients without a user do this: check GRAFTWORK_MONGO_USER and the user's roles",
        ),
        (
            mongo.mongo_settings(mongo_ca_file=foreign_ca),
            ServerRefuses,
            f"{at} has a certificate that we do not trust: check GRAFTWORK_MONGO_CA_FILE",
        ),
        (
            mongo.mongo_settings(mongo_ca_file=None),
            DependencyDown,
            f"{at} cannot be reached: check GRAFTWORK_MONGO, and whether it wants TLS (GRAFTWORK_MONGO_CA_FILE)",
        ),
    ]

    refusals = await asyncio.gather(*(refusal_of_mongo(given) for given, _, _ in cases))

    assert [(type(one), str(one)[: len(begin)]) for one, (_, _, begin) in zip(refusals, cases, strict=True)] == [
        (kind, begin) for _, kind, begin in cases
    ]


async def ended(settings: ServiceSettings) -> tuple[int, dict[str, Any], str]:
    """Exit status, last line of the log, and all of it, of a service that is run as a process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "graftwork_curator"), env=variables_of(settings), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode is not None
    return process.returncode, json.loads(said.splitlines()[-1]), said.decode()


async def test_a_service_that_is_not_let_in_ends_and_its_last_words_tell_why(
    home: Path, secured_kafka: SecuredServer, secured_mongo: SecuredServer
) -> None:
    kafka, mongo = secured_kafka, secured_mongo
    (status, last, said), (other_status, other_last, other_said) = await asyncio.gather(
        ended(settings_of(home, kafka.kafka_settings(kafka_password=WRONG), mongo.mongo_settings())),
        ended(settings_of(home, kafka.kafka_settings(), mongo.mongo_settings(mongo_password=WRONG))),
    )

    assert (status, last["event"], last["code"]) == (1, "service.failed", "server_refuses")
    assert last["reason"].startswith(f"Kafka at {kafka.address} refuses the user '{USER}'")
    assert (other_status, other_last["event"], other_last["code"]) == (1, "service.failed", "server_refuses")
    assert "refuses the user 'graftwork': check GRAFTWORK_MONGO_USER" in other_last["reason"]
    assert WRONG not in said + other_said

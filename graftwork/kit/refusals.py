"""Why a server will not have us, in words of the settings that an operator can change."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from aiokafka.conn import collect_hosts
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError
from aiokafka.errors import SaslAuthenticationFailed
from aiokafka.errors import UnsupportedSaslMechanismError
from pymongo.errors import AutoReconnect
from pymongo.errors import OperationFailure

from graftwork.kit.connecting import kafka_arguments
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import ServerRefuses
from graftwork.kit.settings import ServiceSettings

_KNOCK_MS = 5_000
_UNAUTHORIZED = 13
_AUTHENTICATION_FAILED = 18
_UNTRUSTED = "certificate verify failed"
_OF_TLS = ("SSL", "TLS", "ssl")


async def kafka_refusal(settings: ServiceSettings) -> GraftworkError:
    """What each of the brokers says; to be asked once a client found none that would have it and did not tell why."""
    arguments = {name: value for name, value in kafka_arguments(settings).items() if name != "bootstrap_servers"}
    hosts = collect_hosts(settings.kafka, randomize=False)
    answers = [await _knock(host, port, arguments) for host, port, _ in hosts]
    refusals = [_of_kafka(error, where, settings) for error, where in answers if error is not None]
    firm = [one for one in refusals if isinstance(one, ServerRefuses)]
    return next(iter([*firm, *refusals]), DependencyDown(f"Kafka at {settings.kafka} answered no client so far"))


async def _knock(host: str, port: int, arguments: dict[str, Any]) -> tuple[Exception | None, str]:
    where = f"{host}:{port}"
    try:
        connection = await create_conn(host, port, request_timeout_ms=_KNOCK_MS, **arguments)
    except (OSError, KafkaError) as error:
        return error, where
    connection.close()
    return None, where


def _of_kafka(error: Exception, where: str, settings: ServiceSettings) -> GraftworkError:
    server, words = f"Kafka at {where}", f"[{_words(error)}]"
    now = f"GRAFTWORK_KAFKA_SECURITY_PROTOCOL (now {settings.kafka_security_protocol})"
    match error:
        case SaslAuthenticationFailed():
            whom = f"the user {settings.kafka_user!r} ({settings.kafka_sasl_mechanism})"
            mend = "GRAFTWORK_KAFKA_USER and GRAFTWORK_KAFKA_PASSWORD"
            return ServerRefuses(f"{server} refuses {whom}: check {mend} {words}")
        case UnsupportedSaslMechanismError():
            mend = "GRAFTWORK_KAFKA_SASL_MECHANISM"
            return ServerRefuses(f"{server} does not take {settings.kafka_sasl_mechanism}: check {mend} {words}")
        case ssl.SSLCertVerificationError():
            mend = "GRAFTWORK_KAFKA_CA_FILE, and the names in its certificate"
            return ServerRefuses(f"{server} has a certificate that we do not trust: check {mend} {words}")
        case ssl.SSLError():
            mend = f"{now} and GRAFTWORK_KAFKA_CERTIFICATE_FILE"
            return ServerRefuses(f"{server} and we do not agree on TLS: check {mend} {words}")
        case KafkaError():  # it took the connection, and ended it at our first words
            # With TLS, that is also all we learn where it wants a certificate of ours.
            mend = (
                f"{now} and GRAFTWORK_KAFKA_CERTIFICATE_FILE"
                if settings.kafka_security_protocol.endswith("SSL")
                else now
            )
            return DependencyDown(f"{server} does not talk to us: if it is up, check {mend} {words}")
        case _:
            return DependencyDown(f"{server} cannot be reached: check GRAFTWORK_KAFKA {words}")


@contextmanager
def mongo_refusals(settings: ServiceSettings) -> Iterator[None]:
    """Tell of MongoDB's refusals what an operator can do; all other errors pass."""
    where = urlsplit(settings.mongo).netloc.rpartition("@")[2]
    try:
        yield
    except OperationFailure as error:
        if error.code not in {_UNAUTHORIZED, _AUTHENTICATION_FAILED}:
            raise
        raise _not_let_in(error, where, settings.mongo_user) from error
    except AutoReconnect as error:
        raise _out_of_reach(error, where) from error


def _not_let_in(error: OperationFailure, where: str, user: str | None) -> GraftworkError:
    if error.code == _AUTHENTICATION_FAILED:
        mend = "GRAFTWORK_MONGO_USER, GRAFTWORK_MONGO_PASSWORD, and authSource in GRAFTWORK_MONGO"
        return ServerRefuses(f"MongoDB at {where} refuses the user {user!r}: check {mend} [{_words(error)}]")
    whom = f"the user {user!r}" if user else "clients without a user"
    mend = "GRAFTWORK_MONGO_USER and the user's roles"
    return ServerRefuses(f"MongoDB at {where} does not let {whom} do this: check {mend} [{_words(error)}]")


def _out_of_reach(error: AutoReconnect, where: str) -> GraftworkError:
    server, words = f"MongoDB at {where}", _words(error)
    if _UNTRUSTED in words:
        mend = "GRAFTWORK_MONGO_CA_FILE, and the names in its certificate"
        return ServerRefuses(f"{server} has a certificate that we do not trust: check {mend} [{words}]")
    if any(mark in words for mark in _OF_TLS):
        mend = "GRAFTWORK_MONGO_CA_FILE, GRAFTWORK_MONGO_CERTIFICATE_FILE, and tls in GRAFTWORK_MONGO"
        return ServerRefuses(f"{server} and we do not agree on TLS: check {mend} [{words}]")
    mend = "GRAFTWORK_MONGO, and whether it wants TLS (GRAFTWORK_MONGO_CA_FILE)"
    return DependencyDown(f"{server} cannot be reached: check {mend} [{words}]")


def _words(error: Exception) -> str:
    """The library's own; MongoDB's driver adds all that it knows of the servers, which says nothing more."""
    text = str(error).partition(" (configured timeouts:")[0].partition(", Timeout: ")[0].partition(", full error:")[0]
    return " ".join(text.split())[:300] or type(error).__name__

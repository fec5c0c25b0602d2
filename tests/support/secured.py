"""A real Kafka and a real MongoDB that let in nobody without TLS and a user, or a certificate."""

import asyncio
import json
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.helpers import create_ssl_context
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from pymongo.errors import PyMongoError

from graftwork.local import kafka
from graftwork.local import mongo
from graftwork.local.ports import HOST
from graftwork.local.ports import free_ports
from graftwork.local.process import OwnedProcess
from graftwork.local.server import Progress
from graftwork.local.server import Server
from graftwork.local.server import accepts
from graftwork.local.server import retry_other_ports
from graftwork.local.server import silent
from graftwork.local.server import started
from graftwork.local.server import stopping
from graftwork.local.settings import LocalSettings
from tests.support.certificates import Authority
from tests.support.certificates import Leaf

USER = "graftwork"
"""May do anything."""
NOBODY = "nobody-yet"
"""May do what a test allows him."""
PASSWORD = "correct-horse/battery=staple"
MECHANISM = "SCRAM-SHA-512"
_PROPERTIES = """\
listeners=SASL_SSL://{host}:{sasl_port},SSL://{host}:{ssl_port},CONTROLLER://{host}:{controller_port}
advertised.listeners=SASL_SSL://localhost:{sasl_port},SSL://localhost:{ssl_port}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL
inter.broker.listener.name=SSL
listener.name.ssl.ssl.client.auth=required
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location={both}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
listener.name.ssl.ssl.principal.mapping.rules=RULE:^.*CN=([^,]+).*$/$1/,DEFAULT
super.users=User:graftwork;User:client;User:kafka;User:ANONYMOUS
"""
_REPLACED = ("listeners=", "advertised.listeners=", "listener.security.protocol.map=", "inter.broker.listener.name=")


@dataclass(frozen=True)
class SecuredServer:
    """Where it is and what a client needs. ``by_certificate``: where Kafka wants a certificate in place of a user."""

    address: str
    ca: str
    certificate: str
    key: str
    both: str
    by_certificate: str = ""

    @classmethod
    def told(cls, address: str) -> "SecuredServer":
        """As it travels between processes of a test run."""
        return cls(**json.loads(address))

    def kafka_settings(self, **changes: Any) -> dict[str, Any]:
        """Fields of any service's settings."""
        told = {
            "kafka": self.address,
            "kafka_security_protocol": "SASL_SSL",
            "kafka_user": USER,
            "kafka_password": PASSWORD,
            "kafka_ca_file": self.ca,
        }
        return {name: value for name, value in {**told, **changes}.items() if value is not None}

    def mongo_settings(self, **changes: Any) -> dict[str, Any]:
        """Fields of any service's settings."""
        told = {"mongo": self.address, "mongo_user": USER, "mongo_password": PASSWORD, "mongo_ca_file": self.ca}
        return {name: value for name, value in {**told, **changes}.items() if value is not None}


def _server(name: str, address: str, process: OwnedProcess, home: Path, by_certificate: str = "") -> Server:
    at = {name: str(home / f"client.{end}") for name, end in {"certificate": "pem", "key": "key"}.items()}
    told = SecuredServer(
        address, str(home / "ca.pem"), **at, both=str(home / "client.both.pem"), by_certificate=by_certificate
    )
    return Server(name, json.dumps(asdict(told)), process)


@asynccontextmanager
async def secured_kafka(
    home: Path, address: str | None = None, *, settings: LocalSettings | None = None, on_progress: Progress = silent
) -> AsyncIterator[Server]:
    """One node with a user by SCRAM, and a listener for certificates."""
    del address
    settings = settings or LocalSettings()
    authority = Authority(home / "tls")
    leaf = authority.leaf("kafka")
    authority.leaf("client", "client")
    command = await kafka._command(home, settings, on_progress)
    ports: tuple[int, ...] = ()

    async def attempt() -> OwnedProcess:
        nonlocal ports
        ports = sasl_port, ssl_port, controller_port = free_ports(3)
        properties = _kafka_properties(home, authority, leaf, (sasl_port, ssl_port, controller_port))
        cluster = b64encode(b"\0" + secrets.token_bytes(15), altchars=b"-_").decode().rstrip("=")
        users = [f"{MECHANISM}=[name={user},password={PASSWORD}]" for user in (USER, NOBODY)]
        scram = tuple(word for user in users for word in ("--add-scram", user))
        storage = ("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties), *scram)
        async with _java(home, command, *storage) as tool:
            await tool.wait_success()
        broker = _java(home, command, "kafka.Kafka", str(properties), ports=ports)
        ready = lambda: _kafka_answers(f"localhost:{sasl_port}", authority.file)  # noqa: E731
        return await started(broker, ready, timeout_seconds=settings.start_timeout_seconds)

    process = await retry_other_ports(attempt)
    at = [f"localhost:{port}" for port in ports]
    async with stopping(_server("Kafka", at[0], process, home / "tls", at[1])) as server:
        yield server


def _kafka_properties(home: Path, authority: Authority, leaf: Leaf, ports: tuple[int, int, int]) -> Path:
    data = home / f"data-{ports[0]}"
    plain = kafka.PROPERTIES.format(host=HOST, broker_port=ports[0], controller_port=ports[2], data=data)
    kept = [line for line in plain.splitlines() if not line.startswith(_REPLACED)]
    ours = _PROPERTIES.format(
        host=HOST,
        sasl_port=ports[0],
        ssl_port=ports[1],
        controller_port=ports[2],
        both=leaf.both,
        ca=authority.file,
    )
    path = home / "server.properties"
    path.write_text("\n".join([*kept, ours]))
    return path


def _java(home: Path, command: Sequence[str], main: str, *arguments: str, ports: tuple[int, ...] = ()) -> OwnedProcess:
    log = home / f"{main.rpartition('.')[-1].lower()}.log"
    return OwnedProcess(main, (*command, main, *arguments), log_path=log, ports=ports)


async def _kafka_answers(address: str, ca: Path) -> bool:
    if not await accepts(HOST, int(address.rpartition(":")[2])):
        return False
    client = AIOKafkaClient(
        bootstrap_servers=address,
        request_timeout_ms=kafka.ANSWER_TIMEOUT_MS,
        security_protocol="SASL_SSL",
        ssl_context=create_ssl_context(cafile=str(ca)),
        sasl_mechanism=MECHANISM,
        sasl_plain_username=USER,
        sasl_plain_password=PASSWORD,
    )
    try:
        await client.bootstrap()
        return bool(client.cluster.brokers())
    except KafkaError:
        return False
    finally:
        await client.close()


@asynccontextmanager
async def secured_mongo(
    home: Path, address: str | None = None, *, settings: LocalSettings | None = None, on_progress: Progress = silent
) -> AsyncIterator[Server]:
    """A replica set of one, with TLS, a user with a password, and nothing for anybody else."""
    del address, on_progress
    settings = settings or LocalSettings()
    authority = Authority(home / "tls")
    leaf = authority.leaf("mongod")
    authority.leaf("client", "client")
    (home / "data").mkdir(parents=True)
    members = home / "members.key"
    members.touch(mode=0o600)
    members.write_text(b64encode(secrets.token_bytes(48)).decode())
    port = 0

    async def attempt() -> OwnedProcess:
        nonlocal port
        (port,) = free_ports(1)
        command = (
            *mongo.find_program().command(port=port, data=home / "data", cache_gib=settings.mongo_cache_gib),
            *("--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(leaf.both), "--tlsCAFile", str(authority.file)),
            *("--tlsAllowConnectionsWithoutCertificates", "--keyFile", str(members)),
            *("--setParameter", "ttlMonitorEnabled=false"),  # as in timeless.py
        )
        process = OwnedProcess("mongod", command, log_path=home / "mongod.log", ports=(port,))
        ready = lambda: asyncio.to_thread(_advance, port, str(authority.file))  # noqa: E731
        return await started(process, ready, timeout_seconds=settings.start_timeout_seconds)

    process = await retry_other_ports(attempt)
    url = f"mongodb://localhost:{port}/?replicaSet={mongo.REPLICA_SET}&authSource=admin"
    async with stopping(_server("MongoDB", url, process, home / "tls")) as server:
        yield server


def _advance(port: int, ca: str) -> bool:
    """Bring the set one step nearer to a primary with a user; whoever is here first may do so without being one."""
    tls: dict[str, Any] = {"directConnection": True, "tls": True, "tlsCAFile": ca}
    with MongoClient[dict[str, Any]](HOST, port, serverSelectionTimeoutMS=mongo.ANSWER_TIMEOUT_MS, **tls) as client:
        try:
            if client.admin.command("hello")["isWritablePrimary"]:
                client.admin.command(
                    "createUser", USER, pwd=PASSWORD, roles=["readWriteAnyDatabase", "userAdminAnyDatabase"]
                )
                return True
            member = {"_id": 0, "host": f"localhost:{port}"}
            client.admin.command("replSetInitiate", {"_id": mongo.REPLICA_SET, "members": [member]})
        except OperationFailure as failure:
            return "already exists" in str(failure)
        except PyMongoError:
            pass  # not listening yet, or between two states: asked again
        return False

"""The services of a whole platform as processes, on secured servers: TLS, users, and secrets in files alone."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx

from graftwork.local.platform import ServerAddresses
from graftwork.local.ports import free_ports
from graftwork.local.process import OwnedProcess
from graftwork.local.services import SERVICES
from graftwork.local.services import PlatformSettings
from graftwork.local.services import Wiring
from graftwork.local.services import command_of
from graftwork.local.services import environment_of
from tests.support.certificates import Authority
from tests.support.certificates import grpc_settings
from tests.support.mongo_users import let_in
from tests.support.mongo_users import user_of
from tests.support.secured import PASSWORD
from tests.support.secured import USER
from tests.support.secured import SecuredServer

READY_SECONDS = 90
MODEL_KEY = "sk-scripted-0123456789abcdef"


@dataclass(frozen=True)
class SecuredPlatform:
    """Its door, and what its services wrote."""

    url: str
    key: str
    logs: dict[str, Path]

    def said(self) -> str:
        """Every line of every service."""
        return "".join(log.read_text() for log in self.logs.values())


@asynccontextmanager
async def secured_platform(
    home: Path, kafka: SecuredServer, mongo: SecuredServer, *, model_url: str
) -> AsyncIterator[SecuredPlatform]:
    """All services, ready; stopped at the end."""
    *ports, solvers_port = free_ports(len(SERVICES) + 1)
    wiring = Wiring(
        addresses=ServerAddresses(kafka.address, mongo.address, model_url, tiny_model=False),
        blobs=(home / "blobs").as_uri(),
        http_ports=dict(zip(SERVICES, ports, strict=True)),
        solvers_port=solvers_port,
        first_key=f"gw_{secrets.token_hex(24)}",
    )
    namespace = f"s{secrets.token_hex(4)}"
    await asyncio.to_thread(let_in, mongo, namespace)
    told = {**_told(home, kafka, mongo, wiring), "GRAFTWORK_NAMESPACE": namespace}
    logs = {service: home / f"{service}.log" for service in SERVICES}
    async with AsyncExitStack() as running, httpx.AsyncClient() as asking:
        processes = {
            service: OwnedProcess(service, command_of(service), log_path=log, env=_environment(service, wiring, told))
            for service, log in logs.items()
        }
        for process in processes.values():
            await running.enter_async_context(process)
        for service, process in processes.items():
            address = f"http://127.0.0.1:{wiring.http_ports[service]}/readyz"
            await process.wait_ready(lambda at=address: _is_ready(asking, at), timeout_seconds=READY_SECONDS)  # type: ignore[misc]
        yield SecuredPlatform(wiring.url, wiring.first_key, logs)


def _told(home: Path, kafka: SecuredServer, mongo: SecuredServer, wiring: Wiring) -> dict[str, str]:
    """To every service; pods and callers share one certificate here, which names the host they are called by."""
    authority = Authority(home / "grpc")
    files = {name: str(path) for name, path in grpc_settings(authority, authority.leaf("platform")).items()}
    folder = home / "secrets"
    folder.mkdir()
    held = {
        "GRAFTWORK_KAFKA_PASSWORD": PASSWORD,
        "GRAFTWORK_MONGO_PASSWORD": PASSWORD,
        "GRAFTWORK_GATEWAY_FIRST_KEY": wiring.first_key,
        "OPENAI_API_KEY": MODEL_KEY,
    }
    for name, value in held.items():
        (folder / name).write_text(f"{value}\n")
    return {
        "GRAFTWORK_SECRETS_DIR": str(folder),
        "GRAFTWORK_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "GRAFTWORK_KAFKA_USER": USER,
        "GRAFTWORK_KAFKA_CA_FILE": kafka.ca,
        "GRAFTWORK_MONGO_CA_FILE": mongo.ca,
        "GRAFTWORK_POOLS": f"dns:///localhost:{wiring.solvers_port}",
        "GRAFTWORK_RETRY_BASE_SECONDS": "0.2",
        **{f"GRAFTWORK_{name.upper()}": path for name, path in files.items()},
    }


def _environment(service: str, wiring: Wiring, told: dict[str, str]) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    usual = environment_of(service, wiring, PlatformSettings(), inherited)
    usual.pop("GRAFTWORK_GATEWAY_FIRST_KEY", None)  # it lies in a file
    return {**usual, **told, "GRAFTWORK_MONGO_USER": user_of(service, told["GRAFTWORK_NAMESPACE"])}


async def _is_ready(asking: httpx.AsyncClient, address: str) -> bool:
    try:
        return (await asking.get(address)).status_code == HTTPStatus.OK
    except httpx.TransportError:
        return False

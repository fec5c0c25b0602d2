"""The services of a platform on one machine: which there are, and what each is told by its environment."""

import importlib.util
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field
from pydantic import Json
from pydantic import ValidationError

from graftwork.local.errors import ServicesMissing
from graftwork.local.errors import SettingInvalid
from graftwork.local.model import TINY_MODEL
from graftwork.local.platform import ServerAddresses
from graftwork.local.settings import LocalSettings

SERVICES = ("gateway", "search", "optimizer", "runner", "evaluator", "curator", "solvers")
GATEWAY = "gateway"
SOLVERS = "solvers"
ROLES = ("optimizer", "evaluator", "generator")
MODEL_KEY = "OPENAI_API_KEY"
POOLS_SETTING = "GRAFTWORK_SOLVERS_POOLS"
SECRETS = frozenset({MODEL_KEY, "GRAFTWORK_SOLVERS_API_KEY", "GRAFTWORK_API_KEY", "GRAFTWORK_GATEWAY_FIRST_KEY"})
DRAIN_SECONDS = 2
ENGINE_SHUTDOWN_SECONDS = 8  # with what comes before it, less than a service is given to stop
TINY_SAMPLING = {"temperature": 1.0, "max_tokens": 140}  # what it writes best with, and within its slot
TINY_POOL = {
    "model": TINY_MODEL,
    "profile": "compact",
    "writes_code": False,
    "sampling": TINY_SAMPLING,
    "omit": ["n"],  # llama.cpp takes no more than its slots, and counts the tokens of one text only
    "extra_body": {"repeat_last_n": 256},  # else lists of metrics repeat themselves
}


class PlatformSettings(LocalSettings):
    """Settings of a whole platform on one machine."""

    gateway_port: int = Field(default=8765, ge=0, le=65535, description="of the REST API; 0: any free port")
    blobs: str | None = Field(default=None, description="blob store URL; a directory of ours where None")
    models: str = Field(default="", description="pool=model, comma separated")
    solvers_pools: Json[dict[str, Any]] | None = Field(
        default=None, description="pool -> its settings; one pool per role where None"
    )

    def start_seconds(self, service: str) -> float:
        """How long a service may take to become ready."""
        if service == SOLVERS and self.solvers_backend == "vllm":
            return self.start_timeout_seconds + self.solvers_vllm_start_seconds
        return self.start_timeout_seconds

    @property
    def pools(self) -> tuple[str, ...]:
        """Every pool the solvers serve: those with settings, else one per role; and those with a model."""
        named = (entry.partition("=")[0].strip() for entry in self.models.split(",") if entry.strip())
        return tuple(dict.fromkeys([*(self.solvers_pools or ROLES), *named]))


def read_settings(**given: Any) -> PlatformSettings:
    """Read the environment; what is given wins.

    Raises:
        SettingInvalid: a variable has a value that is none.
    """
    try:
        return PlatformSettings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0])
        variable = name if name.isupper() else f"GRAFTWORK_{name.upper()}"
        raise SettingInvalid(variable, first["msg"]) from error


@dataclass(frozen=True)
class Wiring:
    """Where everything of one platform is.

    Attributes:
        addresses: of the servers.
        blobs: URL of the blob store.
        http_ports: of every service, by name.
        solvers_port: gRPC.
        first_key: API key of the first tenant.
        models: names that jobs may ask for, beside each pool's own.
    """

    addresses: ServerAddresses
    blobs: str
    http_ports: Mapping[str, int]
    solvers_port: int
    first_key: str
    models: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """URL of the gateway."""
        return f"http://127.0.0.1:{self.http_ports[GATEWAY]}"


def require_installed() -> None:
    """Check that every service can be started.

    Raises:
        ServicesMissing: naming those that cannot.
    """
    missing = [name for name in SERVICES if importlib.util.find_spec(package_of(name)) is None]
    if missing:
        raise ServicesMissing(missing)


def package_of(service: str) -> str:
    """Name of a service's package."""
    return f"graftwork_{service}"


def command_of(service: str) -> tuple[str, ...]:
    """Command line of a service; what lies in the working directory is never imported."""
    return (sys.executable, "-P", "-m", package_of(service))


def environment_of(
    service: str, wiring: Wiring, settings: PlatformSettings, inherited: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return a service's whole environment: ours is inherited but for the secrets that are not its business."""
    given = {name: value for name, value in inherited.items() if name not in SECRETS}
    return {
        "GRAFTWORK_DRAIN_SECONDS": str(DRAIN_SECONDS),
        "GRAFTWORK_SOLVERS_VLLM_SHUTDOWN_SECONDS": str(ENGINE_SHUTDOWN_SECONDS),
        **given,
        **_common(service, wiring),
        **_own(service, wiring, settings),
    }


def operator_environment(wiring: Wiring, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what ``graftwork admin`` has to know: where the servers are, and the platform's name on them."""
    namespace = {name: value for name, value in inherited.items() if name == "GRAFTWORK_NAMESPACE"}
    return {**_servers(wiring), **namespace}


def _servers(wiring: Wiring) -> dict[str, str]:
    return {
        "GRAFTWORK_KAFKA": wiring.addresses.kafka,
        "GRAFTWORK_MONGO": wiring.addresses.mongo,
        "GRAFTWORK_BLOBS": wiring.blobs,
    }


def _common(service: str, wiring: Wiring) -> dict[str, str]:
    return {
        **_servers(wiring),
        "GRAFTWORK_POOLS": f"127.0.0.1:{wiring.solvers_port}",
        "GRAFTWORK_HTTP_HOST": "127.0.0.1",
        "GRAFTWORK_HTTP_PORT": str(wiring.http_ports[service]),
        "PYTHONUNBUFFERED": "1",
    }


def _own(service: str, wiring: Wiring, settings: PlatformSettings) -> dict[str, str]:
    if service == GATEWAY:
        return {
            "GRAFTWORK_GATEWAY_FIRST_KEY": wiring.first_key,
            "GRAFTWORK_KNOWN_POOLS": json.dumps(settings.pools),
        }
    if service == SOLVERS:
        return _solvers(wiring, settings)
    return {}


def _solvers(wiring: Wiring, settings: PlatformSettings) -> dict[str, str]:
    endpoint = {
        **({"OPENAI_BASE_URL": wiring.addresses.openai_base_url} if wiring.addresses.openai_base_url else {}),
        "GRAFTWORK_SOLVERS_HOST": "127.0.0.1",
        "GRAFTWORK_SOLVERS_PORT": str(wiring.solvers_port),
    }
    if settings.solvers_backend != "vllm":
        # One pod alone cannot be routed around, and a platform at rest on a laptop shall cost nothing. An engine
        # of its own, though, is started again by the pod when it hangs.
        endpoint["GRAFTWORK_SOLVERS_CANARY_SECONDS"] = "0"
    if wiring.addresses.tiny_model:
        return {
            **endpoint,
            POOLS_SETTING: json.dumps(dict.fromkeys(ROLES, TINY_POOL)),
            "GRAFTWORK_SOLVERS_CONCURRENCY": str(settings.tiny_model_slots),
            "GRAFTWORK_MODELS": "",
        }
    key = {MODEL_KEY: settings.openai_api_key.get_secret_value()} if settings.openai_api_key else {}
    pools = settings.solvers_pools or {pool: {"models": wiring.models} for pool in settings.pools}
    return {**endpoint, **key, "GRAFTWORK_MODELS": settings.models, POOLS_SETTING: json.dumps(pools)}

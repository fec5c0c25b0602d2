"""Versions of every ledger of a platform, and the migrations that raise them.

Which migrations there are is known to the services alone, and only those that are installed here can be
asked: ``graftwork_<service>.migrations.MIGRATIONS``, where a service has any. An image holds one service.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec

from graftwork.admin.ledgers import open_ledgers
from graftwork.kit.ledger import INBOX
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Ledger
from graftwork.kit.migrations import SCHEMA
from graftwork.kit.migrations import Migration
from graftwork.kit.migrations import Migrator
from graftwork.kit.migrations import Plan
from graftwork.kit.migrations import read_schema
from graftwork.kit.settings import ServiceSettings


@dataclass(frozen=True)
class Applied:
    """A migration that was run, with the release that did."""

    part: str
    number: int
    name: str
    at: datetime
    release: str


@dataclass(frozen=True)
class LedgerVersion:
    """How far a ledger is.

    Attributes:
        exists: False until the service has started for the first time.
        versions: number of the last migration of the kit's and of the service's collections; None where the
            ledger is older than versions.
        newest: what the release that is installed here would make of it; None where the service is not.
        pending: migrations it would run for that.
        newer: the ledger is newer than what is installed here, which would refuse to start.
        migrated_by: process that migrates it right now.
    """

    service: str
    exists: bool
    versions: dict[str, int] | None
    newest: dict[str, int] | None
    pending: Sequence[str] = ()
    newer: bool = False
    applied: Sequence[Applied] = field(default_factory=tuple)
    migrated_by: str | None = None


def plan_of(service: str) -> Plan | None:
    """Every migration of a service as it is installed here; None where it is not."""
    package = f"graftwork_{service}"
    if find_spec(package) is None:
        return None
    own: Sequence[Migration] = ()
    if find_spec(f"{package}.migrations") is not None:
        own = import_module(f"{package}.migrations").MIGRATIONS
    return Plan.of(service, own)


async def read_versions(settings: ServiceSettings) -> list[LedgerVersion]:
    """Read how far each ledger is. Raises ``ServerAway``."""
    async with open_ledgers(settings) as ledgers:
        return [await _version(service, ledger) for service, ledger in ledgers.items()]


async def apply(settings: ServiceSettings, services: Sequence[str] = ()) -> dict[str, list[str]]:
    """Run what is pending in the ledgers there are; return what was run, by service.

    Args:
        settings: where the ledgers are.
        services: only these; all that are installed here where empty.

    Raises ``ServerAway``, and what ``Migrator.run`` raises.
    """
    done: dict[str, list[str]] = {}
    async with open_ledgers(settings) as ledgers:
        for service in services or ledgers:
            plan, ledger = plan_of(service), ledgers[service]
            if plan is not None and await _exists(ledger):
                steps = await Migrator(
                    ledger, plan, lease_seconds=settings.lease_seconds, poll_seconds=settings.poll_seconds
                ).run()
                done[service] = [str(step) for step in steps]
    return done


async def _version(service: str, ledger: Ledger) -> LedgerVersion:
    plan, exists = plan_of(service), await _exists(ledger)
    row = await read_schema(ledger.read) or {}
    versions: dict[str, int] | None = row.get("versions")
    return LedgerVersion(
        service=service,
        exists=exists,
        versions=versions,
        newest=None if plan is None else plan.newest,
        pending=[str(step) for step in plan.pending(versions or {})] if plan and exists else [],
        newer=plan is not None and bool(plan.ahead(versions or {})),
        applied=[_applied(one) for one in row.get("applied", ())],
        migrated_by=row.get("lease", {}).get("owner"),
    )


async def _exists(ledger: Ledger) -> bool:
    return not {INBOX, SCHEMA}.isdisjoint(await ledger.database.list_collection_names())


def _applied(row: Document) -> Applied:
    return Applied(row["part"], row["number"], row["name"], row["at"], row["release"])

"""Every ledger of a platform, opened as its service opens it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pymongo.errors import PyMongoError

from graftwork.admin.errors import ServerAway
from graftwork.kit.ledger import Ledger
from graftwork.kit.refusals import mongo_refusals
from graftwork.kit.service import open_ledger
from graftwork.kit.settings import ServiceSettings

SERVICES = ("gateway", "search", "optimizer", "runner", "evaluator", "curator")
"""Services with a ledger."""


@asynccontextmanager
async def open_ledgers(settings: ServiceSettings) -> AsyncIterator[dict[str, Ledger]]:
    """Ledger of each service, over one client, which connects when first used.

    Raises ``ServerAway``, ``ServerRefuses``, ``DependencyDown``.
    """
    one = open_ledger(settings, "admin")
    ledgers = {
        service: Ledger(one.client, service=service, namespace=settings.namespace, clock=one.clock)
        for service in SERVICES
    }
    try:
        with mongo_refusals(settings):
            yield ledgers
    except PyMongoError as error:
        raise ServerAway("MongoDB", settings.mongo.rpartition("@")[2], error) from error
    finally:
        await one.close()

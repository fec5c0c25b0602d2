"""Users of services with the roles that the manifests give them, and no more, on a MongoDB of the tests."""

from pathlib import Path
from typing import Any

import yaml
from pymongo import MongoClient

from graftwork.local.services import SERVICES
from tests.support.secured import PASSWORD
from tests.support.secured import USER
from tests.support.secured import SecuredServer

_MANIFEST = Path(__file__).parents[2] / "k8s" / "components" / "mongodb" / "mongodb.yaml"
_NAMESPACE = "graftwork"


def user_of(service: str, namespace: str) -> str:
    """What a service is called there."""
    return f"{namespace}-{service}"


def let_in(mongo: SecuredServer, namespace: str) -> None:
    """Make each service the user that MongoDB's operator would make of it; all have one password."""
    described = next(one for one in yaml.safe_load_all(_MANIFEST.read_text()) if one["kind"] == "MongoDBCommunity")
    users = {user["name"]: user["roles"] for user in described["spec"]["users"]}
    tls: dict[str, Any] = {"tls": True, "tlsCAFile": mongo.ca}
    with MongoClient[dict[str, Any]](mongo.address, username=USER, password=PASSWORD, **tls) as client:
        for service in sorted(users.keys() & set(SERVICES)):
            roles = [
                {"role": role["name"], "db": role["db"].replace(_NAMESPACE, namespace, 1)} for role in users[service]
            ]
            client.admin.command("createUser", user_of(service, namespace), pwd=PASSWORD, roles=roles)

"""Which secrets there are in a cluster, and who makes them."""

from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]
Secret = tuple[str, frozenset[str]]
BROUGHT = {
    "objects": frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}),
    "endpoint": frozenset({"api-key"}),
    "gateway": frozenset({"first-key"}),
    "mongodb-passwords": frozenset(
        {"gateway", "search", "optimizer", "runner", "evaluator", "curator", "keda", "admin"}
    ),
}
"""Secrets that a person brings, as k8s/README.md tells -> their keys."""


def secrets_of(objects: Iterable[Object]) -> dict[str, frozenset[str]]:
    """Every secret that there will be: brought, rendered, or made by an operator for one of the objects -> its keys."""
    return {**BROUGHT, **dict(made for one in objects for made in _made_for(one))}


def _made_for(one: Object) -> Iterator[Secret]:
    name, spec = one["metadata"]["name"], one.get("spec", {})
    match one["kind"]:
        case "Secret":
            yield name, frozenset({*one.get("data", {}), *one.get("stringData", {})})
        case "Certificate":
            yield spec["secretName"], frozenset({"ca.crt", "tls.crt", "tls.key"})
        case "Kafka":
            yield f"{name}-cluster-ca-cert", frozenset({"ca.crt", "ca.p12", "ca.password"})
        case "KafkaUser":
            yield name, frozenset({"password", "sasl.jaas.config"})
        case "MongoDBCommunity":
            for user in spec["users"]:
                own = user.get("connectionStringSecretName", f"{name}-{user['db']}-{user['name']}")
                parts = ("username", "password", "connectionString.standard", "connectionString.standardSrv")
                yield own, frozenset(parts)

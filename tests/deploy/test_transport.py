"""In production events, ledgers and calls go encrypted by name, nobody may more than he must; what is plain is told."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlsplit

import pytest

from graftwork.contracts.events import EventData
from graftwork.kit.bus import dead_letter_topic
from graftwork.kit.bus import topic_of
from publishing.flow import observed
from tests.deploy.test_scaling import NAMESPACE
from tests.deploy.test_scaling import WORKERS
from tests.deploy.test_settings import told
from tests.support.manifest_secrets import BROUGHT
from tests.support.manifest_secrets import secrets_of
from tests.support.manifests import PLACES
from tests.support.manifests import RENDERINGS
from tests.support.manifests import ROOT
from tests.support.manifests import Container
from tests.support.manifests import Object
from tests.support.manifests import compose
from tests.support.manifests import compose_containers
from tests.support.manifests import containers
from tests.support.manifests import is_ours
from tests.support.manifests import mounted
from tests.support.manifests import of_kind
from tests.support.manifests import rendering
from tests.support.manifests import service_of
from tests.support.manifests import wrong

PROD = "overlays/prod"
SECURED = [PROD, "components/tls", "components/keda-tls"]
SECRET = ("PASSWORD", "SECRET_ACCESS_KEY", "ACCESS_KEY_ID", "API_KEY", "FIRST_KEY")
"""How variables end that no process shall have in its environment."""
SERVICES = {"gateway", "search", "optimizer", "runner", "evaluator", "curator"}
ALL_THREE = {"GRAFTWORK_GRPC_CA_FILE", "GRAFTWORK_GRPC_CERTIFICATE_FILE", "GRAFTWORK_GRPC_KEY_FILE"}


def services(place: str) -> dict[str, Container]:
    return {name: one for name, one in told(place).items() if name in SERVICES}


def named(place: str, kind: str) -> dict[str, Object]:
    return {one["metadata"]["name"]: one["spec"] for one in of_kind(rendering(place), kind)}


def plain(one: Container) -> Iterator[str]:
    """What it says or hears in plain text."""
    said = one.environment
    if service_of(one) != "solvers":
        if said.get("GRAFTWORK_KAFKA_SECURITY_PROTOCOL") != "SASL_SSL" or "GRAFTWORK_KAFKA_CA_FILE" not in said:
            yield "Kafka"
        if (
            "tls=true" not in urlsplit(said["GRAFTWORK_MONGO"]).query.split("&")
            or "GRAFTWORK_MONGO_CA_FILE" not in said
        ):
            yield "MongoDB"
        if said.get("AWS_ALLOW_HTTP") or said.get("AWS_ENDPOINT_URL", "https:").startswith("http:"):
            yield "the object store"
    if (service_of(one) == "solvers" or "GRAFTWORK_POOLS" in said) and not said.keys() >= ALL_THREE:
        yield "gRPC"


def opened(one: Container) -> list[str]:
    """Files that its certificates' variables name and that nobody mounts."""
    files = {
        f"{folder}/{name}" for folder, names in mounted(one.raw, one.pod, rendering(PROD)).items() for name in names
    }
    return [path for name, path in one.environment.items() if name.endswith("_FILE") and path not in files]


@pytest.mark.parametrize("place", SECURED)
def test_no_event_ledger_or_call_is_said_in_plain_text(place: str) -> None:
    assert wrong({name: list(plain(one)) for name, one in told(place).items()}) == {}


def test_what_is_plain_in_production_is_told() -> None:
    """By rows of the page's table whose last cell begins with that word."""
    page = (ROOT / "k8s" / "README.md").read_text().splitlines()
    rows = {
        line.split("|")[1].strip() for line in page if line.count("|") == 4 and line.split("|")[3].startswith(" plain")
    }
    objects = rendering(PROD)
    traces = {one.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] for one in told(PROD).values()}
    (onwards,) = (one.environment for one in containers(objects) if one.name == "collector")
    asked = {spec_of["metadata"]["serverAddress"] for spec_of in _triggers(objects) if spec_of["type"] == "prometheus"}
    scraped = {
        one.get("scheme", "http") for spec in named(PROD, "PodMonitor").values() for one in spec["podMetricsEndpoints"]
    }

    plain_ways = {
        "services, collector": any(url.startswith("http://") for url in traces),
        "collector, `traces.monitoring`": onwards["TRACES_INSECURE"] == "true",
        "KEDA, Prometheus": any(url.startswith("http://") for url in asked),
        "Prometheus, the kubelet, and the HTTP port": scraped == {"http"},
        "engines of one group (`leaderworkerset`)": True,
    }

    assert rows == {name for name, is_plain in plain_ways.items() if is_plain}


def _triggers(objects: tuple[Object, ...]) -> list[Object]:
    return [one for scaled in of_kind(objects, "ScaledObject") for one in scaled["spec"]["triggers"]]


def test_a_laptop_speaks_plain_text_and_this_sees_it() -> None:
    assert {"Kafka", "MongoDB", "the object store", "gRPC"} == set(plain(told("overlays/dev")["runner"]))


def test_certificates_are_where_variables_say() -> None:
    assert wrong({name: opened(one) for name, one in told(PROD).items()}) == {}


def test_the_servers_take_nothing_else() -> None:
    (kafka,) = named(PROD, "Kafka").values()
    (mongo,) = named(PROD, "MongoDBCommunity").values()
    (listener,) = kafka["kafka"]["listeners"]
    bootstrap = told(PROD)["search"].environment["GRAFTWORK_KAFKA"]

    assert (listener["tls"], listener["authentication"]) == (True, {"type": "scram-sha-512"})
    assert bootstrap == f"graftwork-kafka-bootstrap.graftwork.svc:{listener['port']}"
    assert kafka["kafka"]["authorization"] == {"type": "simple"}
    assert mongo["security"]["authentication"] == {"modes": ["SCRAM"]}
    assert mongo["security"]["tls"]["enabled"] is True


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_is_in_the_environment_of_a_process_of_ours(place: str) -> None:
    everyone = compose_containers() if place == "compose" else containers(rendering(place))
    found = {
        one.name: [name for name in one.environment if name.endswith(SECRET)]
        + [str(source) for source in one.raw.get("envFrom", []) if "secretRef" in source]
        + [str(variable) for variable in one.raw.get("env", []) if "valueFrom" in variable]
        for one in everyone
        if is_ours(one)
    }

    assert wrong(found) == {}


def test_services_know_their_passwords_and_users() -> None:
    users = {name: one.environment["GRAFTWORK_KAFKA_USER"] for name, one in services(PROD).items()}
    passwords = {name: set(_secrets_for(one, "GRAFTWORK_KAFKA_PASSWORD")) for name, one in services(PROD).items()}
    of_mongo = {
        name: (one.environment["GRAFTWORK_MONGO_USER"], set(_secrets_for(one, "GRAFTWORK_MONGO_PASSWORD")))
        for name, one in services(PROD).items()
    }

    assert users == {name: f"kafka-{name}" for name in SERVICES}
    assert passwords == {name: {(f"kafka-{name}", "password")} for name in SERVICES}
    assert of_mongo == {name: (name, {("mongodb-passwords", name)}) for name in SERVICES}
    assert set(users.values()) <= set(named(PROD, "KafkaUser"))


def test_people_come_as_users_who_may_look_after_everything() -> None:
    people = told(PROD)["admin"]
    (mongo,) = named(PROD, "MongoDBCommunity").values()
    (admin,) = (user for user in mongo["users"] if user["name"] == people.environment["GRAFTWORK_MONGO_USER"])
    topics = _may(named(PROD, "KafkaUser")[people.environment["GRAFTWORK_KAFKA_USER"]])

    assert topics == {("topic", f"{NAMESPACE}.", "All"), ("group", f"{NAMESPACE}.", "All")}
    assert {"readWriteAnyDatabase", "dbAdminAnyDatabase"} == {role["name"] for role in admin["roles"]}
    assert set(_secrets_for(people, "GRAFTWORK_KAFKA_PASSWORD")) == {("kafka-admin", "password")}
    assert set(_secrets_for(people, "GRAFTWORK_MONGO_PASSWORD")) == {("mongodb-passwords", "admin")}
    assert people.told >= {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


@pytest.mark.parametrize("place", ["overlays/dev", PROD])
def test_people_are_told_what_services_are_told_and_are_not_there_until_they_are_wanted(place: str) -> None:
    people, service = told(place)["admin"], told(place)["search"]
    (admin,) = (one for one in of_kind(rendering(place), "Deployment") if one["metadata"]["name"] == "admin")

    assert people.told == service.told - {"GRAFTWORK_DRAIN_SECONDS"}
    assert people.labels["graftwork.dev/role"] == service.labels["graftwork.dev/role"]
    assert admin["spec"]["replicas"] == 0


def _secrets_for(one: Container, variable: str) -> Iterator[tuple[str, str]]:
    """Secret and key that hold a variable's value."""
    for volume in one.pod["volumes"]:
        for source in volume.get("projected", {}).get("sources", []):
            for item in source["secret"].get("items", []):
                if item["path"] == variable:
                    yield source["secret"]["name"], item["key"]


def test_services_read_what_they_hear_write_what_they_say_and_no_more() -> None:
    flow = observed()
    may = {name: _may(spec) for name, spec in named(PROD, "KafkaUser").items()}

    assert set(flow.services) == SERVICES
    for service in SERVICES:
        heard = {topic_of(NAMESPACE, event) for event in flow.hears[service]}
        said = {topic_of(NAMESPACE, event) for event in flow.says[service]}
        assert may[f"kafka-{service}"] == {
            ("topic", f"{NAMESPACE}.", "Describe"),
            ("group", f"{NAMESPACE}.{service}", "Read"),
            *(("topic", name, "Read") for name in heard),
            *(("topic", name, "Write") for name in said),
            *(("topic", dead_letter_topic(name), operation) for name in heard for operation in ("Read", "Write")),
        }


def test_every_event_is_written_by_somebody_who_may() -> None:
    may = {rule for spec in named(PROD, "KafkaUser").values() for rule in _may(spec)}

    assert set() == {event for event in EventData.registry if ("topic", topic_of(NAMESPACE, event), "Write") not in may}


def test_scaling_reads_no_event() -> None:
    assert {"Describe"} == {operation for _, _, operation in _may(named(PROD, "KafkaUser")["kafka-keda"])}


def _may(user: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {
        (rule["resource"]["type"], rule["resource"]["name"], operation)
        for rule in user["authorization"]["acls"]
        for operation in rule["operations"]
    }


def test_users_of_mongodb_are_nobody_outside_their_own_database() -> None:
    (mongo,) = named(PROD, "MongoDBCommunity").values()
    roles = {user["name"]: {(role["db"], role["name"]) for role in user["roles"]} for user in mongo["users"]}
    passwords = {user["name"]: user["passwordSecretRef"] for user in mongo["users"]}

    assert {name: {(database(name), "readWrite"), (database(name), "dbAdmin")} for name in SERVICES} == {
        name: roles[name] for name in SERVICES
    }
    assert roles["keda"] == {(database(name), "read") for name in WORKERS}
    assert set(roles) == SERVICES | {"keda", "admin"} == BROUGHT["mongodb-passwords"]
    assert passwords == {name: {"name": "mongodb-passwords", "key": name} for name in roles}


def database(service: str) -> str:
    """As the ledger names it."""
    return f"{NAMESPACE}_{service}"


def test_certificates_are_of_the_names_that_are_called() -> None:
    made = {spec["secretName"]: spec for spec in named(PROD, "Certificate").values()}
    called = {
        name for one in told(PROD).values() if (name := one.name).startswith("solvers") and service_of(one) == "solvers"
    }
    hosts = urlsplit(told(PROD)["search"].environment["GRAFTWORK_MONGO"]).netloc.split(",")
    (wildcard,) = made["mongodb-members"]["dnsNames"]

    assert called == set(made["grpc-solvers"]["dnsNames"])
    assert len(hosts) == 3
    assert {host.partition(".")[2] for host in hosts} == {f"{wildcard.removeprefix('*.')}:27017"}
    assert made["grpc-solvers"]["usages"] == ["server auth"]
    assert {"client auth"} == {
        usage
        for name, spec in made.items()
        if name.startswith("grpc-") and name[5:] in SERVICES
        for usage in spec["usages"]
    }


def test_whoever_signs_exists_and_keeps_his_key_to_himself() -> None:
    issuers, made = named(PROD, "Issuer"), named(PROD, "Certificate")
    authorities = {spec["secretName"] for spec in made.values() if spec.get("isCA")}
    shown = {
        source["secret"]["name"]
        for one in containers(rendering(PROD))
        for volume in one.pod.get("volumes", [])
        for source in volume.get("projected", {}).get("sources", [])
    }

    assert {spec["issuerRef"]["name"] for spec in made.values()} <= set(issuers)
    assert authorities == {spec["ca"]["secretName"] for spec in issuers.values() if "ca" in spec}
    assert set() == authorities & shown


def test_each_caller_has_a_certificate_of_its_own() -> None:
    own = {
        name: {secret for secret, key in _secrets_for(one, "grpc/tls.key") if key == "tls.key"}
        for name, one in told(PROD).items()
        if "GRAFTWORK_POOLS" in one.environment
    }

    assert own == {name: {f"grpc-{name}"} for name in ("gateway", "optimizer", "runner", "evaluator")}


def test_the_kubelet_which_has_no_certificate_asks_over_http() -> None:
    pods = [one for place in SECURED for one in told(place).values() if service_of(one) == "solvers"]

    assert {"solvers", "solvers-weak", "solvers-strong"} == {one.name for one in pods}
    for one in pods:
        assert [name for name, probe in one.raw.items() if name.endswith("Probe") and "grpc" in probe] == []


def test_scaling_says_who_it_is() -> None:
    known, secrets = named(PROD, "TriggerAuthentication"), secrets_of(rendering(PROD))
    given = {one["metadata"]["name"]: one["data"] for one in of_kind(rendering(PROD), "ConfigMap")}
    who = {
        (one["type"], one.get("authenticationRef", {}).get("name"))
        for spec in named(PROD, "ScaledObject").values()
        for one in spec["triggers"]
        if one["type"] != "prometheus"
    }

    assert who == {("kafka", "kafka"), ("mongodb", "mongodb")}
    assert {one["parameter"] for one in known["kafka"]["secretTargetRef"]} == {"password", "ca"}
    assert {one["parameter"] for one in known["mongodb"]["secretTargetRef"]} == {"connectionString", "ca"}
    for spec in known.values():
        assert [one for one in spec["secretTargetRef"] if one["key"] not in secrets[one["name"]]] == []
    assert {
        name: {one["parameter"]: given[one["name"]][one["key"]] for one in spec["configMapTargetRef"]}
        for name, spec in known.items()
    } == {
        "kafka": {"sasl": "scram_sha512", "username": "kafka-keda", "tls": "enable"},
        "mongodb": {"tls": "enable"},
    }


@pytest.mark.parametrize("place", RENDERINGS)
def test_volumes_stand_where_patches_look_for_them(place: str) -> None:
    order = {name: [volume["name"] for volume in one.pod["volumes"]][:3] for name, one in services(place).items()}

    assert {("secrets", "tmp"), ("secrets", "tmp", "certificates")} >= {tuple(names) for names in order.values()}


def test_addresses_hold_no_password() -> None:
    for place in PLACES:
        for one in services(place).values():
            url = urlsplit(one.environment["GRAFTWORK_MONGO"])
            assert "@" not in url.netloc, (place, one.name)
            assert "replicaSet" in parse_qs(url.query)


def test_compose_takes_its_secrets_from_files_that_a_script_makes() -> None:
    made = (ROOT / "scripts" / "compose-secrets").read_text()
    files = {name: one["file"] for name, one in compose()["secrets"].items()}

    assert files == {name: str(ROOT / "secrets" / name) for name in files}
    assert [name for name in files if f"keep {name} " not in made] == []

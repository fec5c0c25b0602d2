"""Topics, consumer groups and databases go by the names that the code gives them, wherever manifests name them."""

import json
import re
from typing import Any

import pytest
import yaml

from graftwork.contracts.events import EventData
from graftwork.kit.bus import topic_configs
from graftwork.kit.bus import topics_of
from graftwork.kit.ledger import READY
from graftwork.kit.ledger import RUNNING
from graftwork.kit.ledger import TASKS
from graftwork.kit.settings import ServiceSettings
from tests.deploy.test_settings import SETTINGS
from tests.support.manifests import RENDERINGS
from tests.support.manifests import Object
from tests.support.manifests import containers
from tests.support.manifests import of_kind
from tests.support.manifests import rendering

NAMESPACE = ServiceSettings.model_fields["namespace"].default
WORKERS = {"optimizer", "runner", "evaluator", "curator"}


def scaled() -> dict[str, Object]:
    return {one["metadata"]["name"]: one["spec"] for one in of_kind(rendering("overlays/prod"), "ScaledObject")}


def trigger(spec: Object, kind: str) -> dict[str, Any]:
    (found,) = (one["metadata"] for one in spec["triggers"] if one["type"] == kind)
    assert isinstance(found, dict)
    return found


def told(name: str) -> dict[str, str]:
    (one,) = (one for one in containers(rendering("overlays/prod")) if one.name == name)
    return dict(one.environment)


def test_the_operator_owns_every_topic_with_the_sizes_that_services_would_give_it() -> None:
    topics = {one["spec"]["topicName"]: one["spec"] for one in of_kind(rendering("overlays/prod"), "KafkaTopic")}
    platform = told("search")

    assert topics == {
        name: {
            "topicName": name,
            "partitions": int(platform["GRAFTWORK_TOPIC_PARTITIONS"]),
            "replicas": int(platform["GRAFTWORK_TOPIC_REPLICAS"]),
            "config": topic_configs(name),
        }
        for name in topics_of(NAMESPACE, EventData.registry)
    }


def test_workers_scale_by_tasks_that_are_due_or_under_way_in_their_own_ledger() -> None:
    queries = {name: trigger(scaled()[name], "mongodb") for name in WORKERS}

    assert {name: f"{NAMESPACE}_{name}" for name in WORKERS} == {name: one["dbName"] for name, one in queries.items()}
    assert {TASKS} == {one["collection"] for one in queries.values()}
    due = {"state": READY, "$expr": {"$lte": ["$due", "$$NOW"]}}
    for one in queries.values():
        assert json.loads(one["query"]) == {"$or": [{"state": RUNNING}, due]}


@pytest.mark.parametrize("name", sorted(WORKERS))
def test_a_worker_that_is_full_is_wanted(name: str) -> None:
    fields = SETTINGS[name].model_fields
    at_once = told(name).get("GRAFTWORK_TASK_CONCURRENCY", fields["task_concurrency"].default)

    assert int(trigger(scaled()[name], "mongodb")["queryValue"]) == int(at_once)


def test_workers_scale_by_the_lag_of_their_own_group() -> None:
    lags = {name: trigger(scaled()[name], "kafka") for name in WORKERS}

    assert {name: f"{NAMESPACE}.{name}" for name in WORKERS} == {
        name: one["consumerGroup"] for name, one in lags.items()
    }
    assert {"earliest"} == {one["offsetResetPolicy"] for one in lags.values()}


@pytest.mark.parametrize("name", sorted(WORKERS))
def test_what_triggers_read_from_the_environment_is_there(name: str) -> None:
    read = {
        value for one in scaled()[name]["triggers"] for key, value in one["metadata"].items() if key.endswith("FromEnv")
    }

    assert {"GRAFTWORK_KAFKA"} == read & set(told(name)) == read
    assert name == scaled()[name]["scaleTargetRef"]["envSourceContainerName"]


def test_triggers_name_servers_as_they_are_known_in_every_namespace() -> None:
    """KEDA has one of its own, and one trigger that leads nowhere fails all of them."""
    asked = {
        value
        for name in WORKERS
        for one in scaled()[name]["triggers"]
        for key, value in one["metadata"].items()
        if key == "serverAddress"
    }
    read = {told(name)[variable] for name in WORKERS for variable in ("GRAFTWORK_KAFKA", "GRAFTWORK_MONGO")}
    hosts = {host for value in asked | read for host in re.findall(r"([a-z0-9.-]+):\d+", value)}

    assert len(hosts) >= 4
    assert {host for host in hosts if not re.search(r"\.svc(\.cluster\.local)?$", host)} == set()


def test_pools_do_not_shrink_while_nobody_knows_how_busy_they_are() -> None:
    """No answer counts as 0 unless it is said otherwise, and a trigger that fails keeps all pods."""
    busy = [
        one["metadata"]
        for spec in scaled().values()
        for one in spec["triggers"]
        if "graftwork_solver_in_flight" in one["metadata"].get("query", "")
    ]

    assert len(busy) == 3
    assert {one.get("ignoreNullValues") for one in busy} == {"false"}


@pytest.mark.parametrize("name", sorted(WORKERS))
def test_consumer_groups_change_slowly_and_never_beyond_their_partitions(name: str) -> None:
    spec = scaled()[name]
    behaviour = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    up, down = behaviour["scaleUp"], behaviour["scaleDown"]

    assert spec["minReplicaCount"] >= 2
    assert spec["maxReplicaCount"] <= int(told(name)["GRAFTWORK_TOPIC_PARTITIONS"])
    assert (up["stabilizationWindowSeconds"], min(one["periodSeconds"] for one in up["policies"])) >= (60, 120)
    assert (down["stabilizationWindowSeconds"], min(one["periodSeconds"] for one in down["policies"])) >= (1800, 600)
    assert {1} == {one["value"] for one in down["policies"]}


def test_services_that_only_admit_keep_their_replicas() -> None:
    assert set() == {"gateway", "search"} & set(scaled())


def test_solvers_scale_by_calls_that_wait_and_by_those_under_way() -> None:
    pools = {name: spec for name, spec in scaled().items() if name.startswith("solvers")}
    queries = {name: {one["metadata"]["query"] for one in spec["triggers"]} for name, spec in pools.items()}

    assert {"solvers", "solvers-weak", "solvers-strong"} == set(queries)
    for name, asked in queries.items():
        engines = {f'sum(vllm:num_requests_waiting{{service="{name}"}})'} if name != "solvers" else set()
        assert asked == engines | {
            f'sum(graftwork_solver_waiting{{service="{name}"}})',
            f'sum(graftwork_solver_in_flight{{service="{name}"}})',
        }


@pytest.mark.parametrize("place", RENDERINGS)
def test_what_scales_is_there_and_nobody_sets_back_what_scaling_found_out(place: str) -> None:
    objects = rendering(place)
    there = {(one["apiVersion"], one["kind"], one["metadata"]["name"]): one["spec"] for one in objects if "spec" in one}
    targets = [one["spec"]["scaleTargetRef"] for one in of_kind(objects, "ScaledObject")]
    meant = [(one.get("apiVersion", "apps/v1"), one.get("kind", "Deployment"), one["name"]) for one in targets]

    assert [one for one in meant if one not in there] == []
    assert [one for one in meant if "replicas" in there[one]] == []


def test_the_weak_pool_is_as_wide_as_the_papers() -> None:
    (weak,) = (
        one for one in of_kind(rendering("components/gpu"), "Deployment") if one["metadata"]["name"] == "solvers-weak"
    )

    assert weak["spec"]["replicas"] == scaled()["solvers-weak"]["maxReplicaCount"] == 32


def test_no_machine_holds_two_copies_of_the_same() -> None:
    objects = rendering("overlays/prod")
    (nodes,) = of_kind(objects, "KafkaNodePool")
    (mongo,) = of_kind(objects, "MongoDBCommunity")
    in_pool = {"strimzi.io/pool-name": nodes["metadata"]["name"]}
    in_set = {"app": f"{mongo['metadata']['name']}-svc"}
    apart = [
        nodes["spec"]["template"]["pod"]["affinity"],
        mongo["spec"]["statefulSet"]["spec"]["template"]["spec"]["affinity"],
    ]

    assert apart == [
        {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": labels}}
                ]
            }
        }
        for labels in (in_pool, in_set)
    ]


def test_draining_nodes_leaves_mongodb_its_majority() -> None:
    """Strimzi makes a budget for Kafka; MongoDB's operator makes none."""
    objects = rendering("overlays/prod")
    (mongo,) = of_kind(objects, "MongoDBCommunity")
    labels = {"app": f"{mongo['metadata']['name']}-svc"}
    budgets = [one["spec"] for one in of_kind(objects, "PodDisruptionBudget")]

    assert [one["maxUnavailable"] for one in budgets if one["selector"]["matchLabels"] == labels] == [1]
    assert mongo["spec"]["members"] >= 3


def test_dead_transactions_end_soon_in_every_mongodb_of_ours() -> None:
    (managed,) = of_kind(rendering("overlays/prod"), "MongoDBCommunity")
    (own,) = (one for one in containers(rendering("overlays/dev")) if one.name == "mongo")

    assert managed["spec"]["additionalMongodConfig"]["setParameter"]["transactionLifetimeLimitSeconds"] == 10
    assert "transactionLifetimeLimitSeconds=10" in yaml.safe_dump(own.raw["args"])

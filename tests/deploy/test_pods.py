"""What every pod, wherever it is rendered, is held to."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.manifests import RENDERINGS
from tests.support.manifests import Container
from tests.support.manifests import containers
from tests.support.manifests import is_ours
from tests.support.manifests import of_kind
from tests.support.manifests import pods
from tests.support.manifests import quantity
from tests.support.manifests import rendering
from tests.support.manifests import service_of
from tests.support.manifests import wrong

PINNED = re.compile(r"^[a-z0-9/-]+:v?\d+(\.\d+)+$")
WRITES_BESIDE_ITS_PROGRAMS = {"kafka"}
"""Its start-up script writes the configuration there. For clusters to look around in (components/servers)."""
_OPEN_STREAMS_SECONDS = 5.0  # what HttpServer gives connections that are open at the end
_MARGIN_SECONDS = 5.0


def problems_of(container: Container) -> Iterator[str]:
    """All that is wrong with it."""
    inside, around = container.raw.get("securityContext", {}), container.pod.get("securityContext", {})
    if not PINNED.match(container.image):
        yield f"image {container.image} is not pinned"
    for kind in ("requests", "limits"):
        if lacking := {"cpu", "memory", "ephemeral-storage"} - set(container.raw["resources"][kind]):
            yield f"no {kind} of {lacking}"
    if around.get("runAsNonRoot") is not True or around.get("runAsUser", 0) == 0:
        yield "may run as root"
    if around.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "its system calls are not filtered"
    if inside.get("allowPrivilegeEscalation") is not False or inside.get("capabilities") != {"drop": ["ALL"]}:
        yield "may gain privileges"
    if inside.get("readOnlyRootFilesystem") is not True and container.name not in WRITES_BESIDE_ITS_PROGRAMS:
        yield "may write to its image"
    if container.pod.get("automountServiceAccountToken") is not False or container.pod.get("enableServiceLinks", True):
        yield "is told about the cluster"
    if any(key in container.pod for key in ("hostNetwork", "hostPID", "hostIPC")) or "hostPath" in str(container.pod):
        yield "sees its node"


def is_watched(container: Container) -> bool:
    """Whether it has to say how it is: all but those that end by themselves, and those that serve nothing.

    Of the latter there is nothing to ask but whether they run, which the kubelet sees.
    """
    stays = container.raw in container.pod["containers"] and container.pod.get("restartPolicy", "Always") == "Always"
    return stays and bool(container.ports)


@pytest.mark.parametrize("place", RENDERINGS)
def test_pods_are_walled_in_and_bounded(place: str) -> None:
    found = {one.name: list(problems_of(one)) for one in containers(rendering(place))}

    assert wrong(found) == {}


def test_what_operators_make_is_admitted_to_the_namespace() -> None:
    """It is the namespace of their resources, too; they make pods by what these say, and by their own habits else."""
    objects = rendering("overlays/prod")
    (namespace,) = of_kind(objects, "Namespace")
    (nodes,), (kafka,), (mongo,) = (of_kind(objects, kind) for kind in ("KafkaNodePool", "Kafka", "MongoDBCommunity"))
    brokers = nodes["spec"]["template"]
    operators = kafka["spec"]["entityOperator"]["template"]
    members = mongo["spec"]["statefulSet"]["spec"]["template"]["spec"]
    made = {
        "brokers": (brokers["pod"], [brokers["kafkaContainer"]]),
        "operators": (operators["pod"], [operators["topicOperatorContainer"], operators["userOperatorContainer"]]),
        "members": (members, [*members["initContainers"], *members["containers"]]),
    }

    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert wrong({name: list(not_restricted(*pod)) for name, pod in made.items()}) == {}
    assert {"mongod", "mongodb-agent", "mongod-posthook", "mongodb-agent-readinessprobe"} == {
        one["name"] for one in made["members"][1]
    }


def not_restricted(pod: dict[str, Any], inside: list[dict[str, Any]]) -> Iterator[str]:
    """What the Pod Security Standard ``restricted`` refuses of a pod."""
    around = pod.get("securityContext", {})
    if around.get("runAsNonRoot") is not True or around.get("runAsUser") == 0:
        yield "may run as root"
    if around.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "its system calls are not filtered"
    for one in inside:
        context = one.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False or context.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{one.get('name', 'a container')} may gain privileges"


@pytest.mark.parametrize("place", RENDERINGS)
def test_pods_say_how_they_are(place: str) -> None:
    missing = {
        one.name: {"livenessProbe", "readinessProbe"} - set(one.raw)
        for one in containers(rendering(place))
        if is_watched(one)
    }

    assert wrong(missing) == {}


@pytest.mark.parametrize("place", RENDERINGS)
def test_probes_and_services_ask_at_ports_where_somebody_listens(place: str) -> None:
    objects = rendering(place)
    for one in containers(objects):
        named = {port["name"]: port["containerPort"] for port in one.raw.get("ports", [])}
        asked = {
            port
            for probe in ("startupProbe", "livenessProbe", "readinessProbe")
            for how in ("httpGet", "grpc", "tcpSocket")
            if (port := one.raw.get(probe, {}).get(how, {}).get("port"))
        }

        assert asked <= set(named) | one.ports, one.name
        if is_ours(one) and one.name not in {"vllm", "admin"}:
            expected = {8080, 50051} if service_of(one) == "solvers" else {8080}
            assert expected == one.ports, one.name
    for service in of_kind(objects, "Service"):
        behind = [pod for pod in pods(objects).values() if _selects(service, pod)]
        listening = {port["name"] for pod in behind for one in pod["spec"]["containers"] for port in one["ports"]}

        assert behind, service["metadata"]["name"]
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= listening, service["metadata"]["name"]


@pytest.mark.parametrize("place", RENDERINGS)
def test_pods_have_time_to_finish(place: str) -> None:
    late = {
        one.name: (one.grace_seconds, needed)
        for one in containers(rendering(place))
        if is_ours(one) and one.grace_seconds < (needed := seconds_to_finish(one))
    }

    assert late == {}


def test_the_other_half_of_an_engine_stays_until_the_calls_of_its_leader_are_through() -> None:
    found = {one.name: one for one in containers(rendering("components/leaderworkerset"))}
    leader, worker = found["solvers-strong"], found["vllm"]
    waits = worker.raw["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert seconds_to_finish(leader) - _MARGIN_SECONDS <= waits < worker.grace_seconds


def seconds_to_finish(one: Container) -> float:
    """From SIGTERM's sending to the end of a process that takes all the time that it may take."""
    told = one.environment
    before = float(one.raw.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0))
    engine = float(told.get("GRAFTWORK_SOLVERS_VLLM_SHUTDOWN_SECONDS", 0))
    propagation = float(told.get("GRAFTWORK_SOLVERS_PROPAGATION_SECONDS", 0))
    drain = float(told.get("GRAFTWORK_DRAIN_SECONDS", 0))
    return before + propagation + drain + engine + _OPEN_STREAMS_SECONDS + _MARGIN_SECONDS


@pytest.mark.parametrize("place", RENDERINGS)
def test_what_serves_survives_the_draining_of_a_node(place: str) -> None:
    objects = rendering(place)
    budgets = [one["spec"] for one in of_kind(objects, "PodDisruptionBudget")]
    counted = {
        one["metadata"]["name"]: sum(_counts(budget, pod) for pod in pods([one]).values() for budget in budgets)
        for one in of_kind(objects, "Deployment", "LeaderWorkerSet")
        if one["spec"].get("replicas") != 0
    }

    assert dict.fromkeys(counted, 1) == counted
    assert {"AlwaysAllow"} == {one["unhealthyPodEvictionPolicy"] for one in budgets}


@pytest.mark.parametrize("place", RENDERINGS)
def test_every_service_has_an_account_of_its_own(place: str) -> None:
    objects = rendering(place)
    accounts = [one["metadata"]["name"] for one in of_kind(objects, "ServiceAccount")]
    owners = of_kind(objects, "Deployment", "LeaderWorkerSet")
    used = [{pod["spec"]["serviceAccountName"] for pod in pods([one]).values()} for one in owners]

    assert sorted(accounts) == sorted(name for names in used for name in names)


@pytest.mark.parametrize("place", RENDERINGS)
def test_the_runner_has_room_for_all_its_sandboxes(place: str) -> None:
    (runner,) = (one for one in containers(rendering(place)) if one.name == "runner")
    processes = int(runner.environment["GRAFTWORK_SANDBOX_PROCESSES"])
    each = int(runner.environment["GRAFTWORK_SANDBOX_MEMORY_BYTES"]) + 25 * 1024**2

    assert runner.memory is not None
    assert runner.memory >= processes * each + 512 * 1024**2


@pytest.mark.parametrize(
    "place", [place for place in RENDERINGS if "gpu" in place or "leader" in place or "prod" in place]
)
def test_engines_have_their_gpus_and_shared_memory(place: str) -> None:
    engines = [one for one in containers(rendering(place)) if "nvidia.com/gpu" in one.raw["resources"]["limits"]]

    assert engines
    for one in engines:
        volumes = {volume["name"]: volume for volume in one.pod["volumes"]}
        (shared,) = (mount["name"] for mount in one.raw["volumeMounts"] if mount["mountPath"] == "/dev/shm")  # noqa: S108
        size = quantity(volumes[shared]["emptyDir"]["sizeLimit"])

        assert volumes[shared]["emptyDir"]["medium"] == "Memory"
        assert one.memory is not None
        assert size is not None
        assert size < one.memory
        assert one.raw["resources"]["requests"]["nvidia.com/gpu"] == one.raw["resources"]["limits"]["nvidia.com/gpu"]


@pytest.mark.parametrize("place", ["overlays/prod", "components/gpu"])
def test_the_strong_pool_is_parallel_over_as_many_gpus_as_it_has(place: str) -> None:
    (strong,) = (one for one in containers(rendering(place)) if one.name == "solvers-strong")

    assert strong.raw["resources"]["limits"]["nvidia.com/gpu"] == "8"
    assert strong.environment["GRAFTWORK_SOLVERS_VLLM_ARGUMENTS"] == '["--tensor-parallel-size", "8"]'


@pytest.mark.parametrize("place", ["overlays/prod", "components/gpu", "components/leaderworkerset"])
def test_engines_are_not_killed_while_they_load(place: str) -> None:
    owners = [one for one in containers(rendering(place)) if "GRAFTWORK_SOLVERS_VLLM_START_SECONDS" in one.environment]

    assert owners
    for one in owners:
        probe = one.raw["startupProbe"]
        patience = probe["periodSeconds"] * probe["failureThreshold"]

        assert patience > float(one.environment["GRAFTWORK_SOLVERS_VLLM_START_SECONDS"])


def test_in_production_the_runner_has_a_kernel_of_its_own() -> None:
    (classed,) = of_kind(rendering("overlays/prod"), "RuntimeClass")

    assert pods(rendering("overlays/prod"))["runner"]["spec"]["runtimeClassName"] == classed["metadata"]["name"]
    assert classed["handler"] == "runsc"


@pytest.mark.parametrize("place", RENDERINGS)
def test_groups_get_a_service_of_their_own_to_meet_at(place: str) -> None:
    """LeaderWorkerSet makes one of the group's name, which knows pods before they are ready; or takes what is there."""
    objects = rendering(place)
    groups = {one["metadata"]["name"] for one in of_kind(objects, "LeaderWorkerSet")}

    assert set() == groups & {one["metadata"]["name"] for one in of_kind(objects, "Service")}


@pytest.mark.parametrize("place", RENDERINGS)
def test_probes_run_programs_that_an_image_is_sure_to_have(place: str) -> None:
    ran = {
        one.name: [
            probe["exec"]["command"][0] for key, probe in one.raw.items() if key.endswith("Probe") and "exec" in probe
        ]
        for one in containers(rendering(place))
        if is_ours(one)
    }

    assert {program for programs in ran.values() for program in programs} <= {"/opt/graftwork/bin/python"}


def _counts(budget: dict[str, Any], pod: dict[str, Any]) -> bool:
    return set(budget["selector"]["matchLabels"].items()) <= set(pod["metadata"]["labels"].items())


def _selects(service: dict[str, object], pod: dict[str, object]) -> bool:
    spec, metadata = service["spec"], pod["metadata"]
    assert isinstance(spec, dict)
    assert isinstance(metadata, dict)
    return set(spec["selector"].items()) <= set(metadata["labels"].items())

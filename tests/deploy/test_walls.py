"""Who can talk to whom, worked out from the network policies and from Compose's networks."""

import ipaddress
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.manifests import RENDERINGS
from tests.support.manifests import Object
from tests.support.manifests import compose
from tests.support.manifests import of_kind
from tests.support.manifests import pods
from tests.support.manifests import rendering

Way = tuple[str, int]
DNS = ("kube-dns", 53)
SERVICES = {"gateway", "search", "optimizer", "runner", "evaluator", "curator"}
NOT_OURS = {"graftwork-mongo-svc", "graftwork"}
"""Pods that operators make, and wall in as they like."""


def selects(selector: Object, labels: dict[str, str]) -> bool:
    wanted = set(selector.get("matchLabels", {}).items()) <= set(labels.items())
    return wanted and all(_fits(one, labels) for one in selector.get("matchExpressions", []))


def _fits(expression: Object, labels: dict[str, str]) -> bool:
    assert expression["operator"] == "In", "nothing else is used, so nothing else is understood here"
    return labels.get(expression["key"]) in expression["values"]


def policies(objects: tuple[Object, ...], direction: str, labels: dict[str, str]) -> Iterator[Object]:
    """Rules of one direction that hold for a pod."""
    for policy in of_kind(objects, "NetworkPolicy"):
        spec = policy["spec"]
        if direction in spec["policyTypes"] and selects(spec["podSelector"], labels):
            yield from spec.get(direction.lower(), [])


def ways_out(objects: tuple[Object, ...], labels: dict[str, str]) -> set[Way]:
    """Where a pod gets to, by name and port; 0 is any port."""
    found: set[Way] = set()
    for rule in policies(objects, "Egress", labels):
        ports = {port["port"] for port in rule.get("ports", [])} or {0}
        names = {name for peer in rule.get("to", [{}]) for name in _named(peer, objects)}
        found |= {(name, port) for name in names for port in ports}
    return found


def _named(peer: Object, objects: tuple[Object, ...]) -> Iterator[str]:
    if "ipBlock" in peer:
        yield peer["ipBlock"]["cidr"]
    elif "namespaceSelector" in peer:
        labels = {**peer["namespaceSelector"]["matchLabels"], **peer.get("podSelector", {}).get("matchLabels", {})}
        yield labels.get("k8s-app", labels["kubernetes.io/metadata.name"])
    elif "podSelector" in peer:
        ours = [pod["metadata"]["labels"] for pod in pods(objects).values()]
        chosen = [one["app.kubernetes.io/name"] for one in ours if selects(peer["podSelector"], one)]
        yield from chosen or ["+".join(sorted(peer["podSelector"]["matchLabels"].values()))]
    else:
        yield "anywhere"


SERVERS = {
    "overlays/dev": {("kafka", 9092), ("mongo", 27017), ("objects", 7070)},
    "overlays/prod": {("Kafka+graftwork", 9093), ("graftwork-mongo-svc", 27017), ("203.0.113.0/24", 443)},
}
SOLVERS = {
    "overlays/dev": {("solvers", 50051)},
    "overlays/prod": {("solvers", 50051), ("solvers-weak", 50051), ("solvers-strong", 50051)},
}
TELLING = {"overlays/dev": set[Way](), "overlays/prod": {("collector", 4318)}}


@pytest.mark.parametrize("place", ["overlays/dev", "overlays/prod"])
@pytest.mark.parametrize("service", ["runner", "optimizer", "evaluator"])
def test_callers_reach_the_servers_and_the_solvers_and_nothing_else(place: str, service: str) -> None:
    out = ways_out(rendering(place), pods(rendering(place))[service]["metadata"]["labels"])

    assert {DNS} | SERVERS[place] | SOLVERS[place] | TELLING[place] == out


@pytest.mark.parametrize("place", ["overlays/dev", "overlays/prod"])
@pytest.mark.parametrize("service", ["search", "curator"])
def test_services_that_ask_no_models_reach_the_servers_alone(place: str, service: str) -> None:
    out = ways_out(rendering(place), pods(rendering(place))[service]["metadata"]["labels"])

    assert {DNS} | SERVERS[place] | TELLING[place] == out


@pytest.mark.parametrize("place", RENDERINGS)
def test_only_webhooks_and_the_endpoint_lead_out_into_the_world(place: str) -> None:
    objects = rendering(place)
    leads_out = {
        name
        for name, pod in pods(objects).items()
        for peer, _ in ways_out(objects, pod["metadata"]["labels"])
        if peer in {"0.0.0.0/0", "2000::/3", "anywhere"}
    }

    assert {"gateway", "solvers"} == leads_out


@pytest.mark.parametrize("place", RENDERINGS)
def test_no_way_leads_to_the_cluster_by_address_or_to_its_metadata(place: str) -> None:
    """Private networks, loopback, link-local: 169.254.169.254 tells anybody who asks about the node's credentials."""
    forbidden = [
        ipaddress.ip_address(one)
        for one in (
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "fd00:ec2::254",
            "fe80::1",
            "::1",
        )
    ]
    open_to = [
        (policy["metadata"]["name"], str(address))
        for policy in of_kind(rendering(place), "NetworkPolicy")
        for rule in policy["spec"].get("egress", [])
        for peer in rule.get("to", [])
        if "ipBlock" in peer
        for address in forbidden
        if _holds(peer["ipBlock"], address)
    ]

    assert open_to == []


def _holds(block: dict[str, Any], address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    inside = address in ipaddress.ip_network(block["cidr"])
    return inside and not any(address in ipaddress.ip_network(one) for one in block.get("except", []))


@pytest.mark.parametrize("place", RENDERINGS)
def test_everybody_is_walled_in_both_ways_to_begin_with(place: str) -> None:
    (nobody,) = (one for one in of_kind(rendering(place), "NetworkPolicy") if one["metadata"]["name"] == "nobody")

    assert nobody["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("place", RENDERINGS)
def test_only_the_gateway_is_reached_from_outside(place: str) -> None:
    objects = rendering(place)
    open_pods = {
        name
        for name, pod in pods(objects).items()
        for rule in policies(objects, "Ingress", pod["metadata"]["labels"])
        if not rule.get("from")
    }

    assert {"gateway"} == open_pods


@pytest.mark.parametrize("place", RENDERINGS)
def test_every_way_out_to_a_pod_of_ours_is_a_way_in_there(place: str) -> None:
    objects = rendering(place)
    by_name = {pod["metadata"]["labels"]["app.kubernetes.io/name"]: pod for pod in pods(objects).values()}
    shut = [
        (name, target, port)
        for name, pod in by_name.items()
        for target, port in ways_out(objects, pod["metadata"]["labels"])
        if target in by_name and not _lets_in(objects, by_name[target], pod, port)
    ]

    assert shut == []


def _lets_in(objects: tuple[Object, ...], target: Object, source: Object, port: int) -> bool:
    for rule in policies(objects, "Ingress", target["metadata"]["labels"]):
        ports = {one["port"] for one in rule.get("ports", [])}
        sources = [peer.get("podSelector") for peer in rule.get("from", [{"podSelector": {}}])]
        if (port in ports or not ports) and any(
            one is not None and selects(one, source["metadata"]["labels"]) for one in sources
        ):
            return True
    return False


def neighbours(name: str) -> set[str]:
    """Who shares a network with a service of Compose."""
    services = compose()["services"]
    mine = set(services[name].get("networks", {}))
    return {other for other, one in services.items() if mine & set(one.get("networks", {})) and other != name}


def test_composes_networks_lead_out_where_the_policies_do() -> None:
    project = compose()
    outside = {name for name, network in project["networks"].items() if not network.get("internal")}
    leads_out = {name for name, one in project["services"].items() if outside & set(one.get("networks", {}))}

    assert {"outside"} == outside
    assert {"gateway", "solvers", "grafana", "traces"} == leads_out


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_compose_and_kubernetes_let_services_reach_the_same(service: str) -> None:
    objects = rendering("overlays/dev")
    by_policies = {name for name, _ in ways_out(objects, pods(objects)[service]["metadata"]["labels"])}
    servers_and_models = {"kafka", "mongo", "objects", "solvers"}

    assert by_policies & servers_and_models == neighbours(service) & servers_and_models


def test_compose_publishes_the_gateway_dashboards_and_traces_to_this_machine_alone() -> None:
    published = {
        name: [port["host_ip"] for port in one["ports"]]
        for name, one in compose()["services"].items()
        if one.get("ports")
    }

    assert published == {name: ["127.0.0.1"] for name in ("gateway", "grafana", "traces")}

#!/usr/bin/env python3
"""Makes what in manifests follows from something else: topics, users from the code; alerts, dashboards from deploy/.

``scripts/deployment.py`` writes them; ``--check`` writes nothing and fails on drift.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from graftwork.contracts.events import EventData
from graftwork.kit.bus import dead_letter_topic
from graftwork.kit.bus import topic_configs
from graftwork.kit.bus import topic_of
from graftwork.kit.bus import topics_of
from publishing.flow import Flow
from publishing.flow import observed

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "deploy" / "observability"
COMPONENTS = ROOT / "k8s" / "components"
NAMESPACE = "graftwork"
PARTITIONS, REPLICAS = 24, 3
_MADE = "# Made by scripts/deployment.py from {source}.\n"
_WIDTH, _HEIGHT = 24, 8


def topic(name: str) -> dict[str, Any]:
    """A topic as Strimzi's operator reads it; Kafka's names may have underscores, Kubernetes' may not."""
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {"name": name.replace("_", "-"), "labels": {"strimzi.io/cluster": "graftwork"}},
        "spec": {
            "topicName": name,
            "partitions": PARTITIONS,
            "replicas": REPLICAS,
            "config": dict(topic_configs(name)),
        },
    }


def user(service: str, flow: Flow) -> dict[str, Any]:
    """A service as Kafka knows it: it reads what it hears, writes what it says, buries and counts the dead.

    It sees that the other topics are there, or it would try to create them.
    """
    heard = [topic_of(NAMESPACE, event) for event in sorted(flow.hears[service])]
    said = [topic_of(NAMESPACE, event) for event in sorted(flow.says[service])]
    prefix = {"type": "topic", "name": f"{NAMESPACE}.", "patternType": "prefix"}
    acls = [
        {"resource": prefix, "operations": ["Describe"]},
        {"resource": {"type": "group", "name": f"{NAMESPACE}.{service}"}, "operations": ["Read"]},
        *(_may(name, "Read") for name in heard),
        *(_may(name, "Write") for name in said),
        *(_may(dead_letter_topic(name), "Read", "Write") for name in heard),
    ]
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaUser",
        "metadata": {"name": f"kafka-{service}", "labels": {"strimzi.io/cluster": "graftwork"}},
        "spec": {"authentication": {"type": "scram-sha-512"}, "authorization": {"type": "simple", "acls": acls}},
    }


def _may(topic_name: str, *operations: str) -> dict[str, Any]:
    return {"resource": {"type": "topic", "name": topic_name}, "operations": list(operations)}


def rule(groups: Mapping[str, Any]) -> dict[str, Any]:
    """Alert rules as the Prometheus operator reads them."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "graftwork"},
        "spec": groups,
    }


def dashboard(uid: str, written: Mapping[str, Any]) -> dict[str, Any]:
    """A dashboard as Grafana reads it."""
    return {
        "uid": f"graftwork-{uid}",
        "title": written["title"],
        "tags": ["graftwork"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "panels": list(_panels(written["rows"])),
    }


def _panels(rows: list[list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    ids = count(1)
    for y, row in enumerate(rows):
        width = _WIDTH // len(row)
        for x, panel in enumerate(row):
            place = {"x": x * width, "y": y * _HEIGHT, "w": width, "h": _HEIGHT}
            yield {"id": next(ids), "gridPos": place, **_panel(panel)}


def _panel(written: Mapping[str, Any]) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "prometheus"}
    targets = [
        {"refId": chr(ord("A") + index), "datasource": source, "expr": query, "legendFormat": legend}
        for index, (legend, query) in enumerate(written["queries"].items())
    ]
    return {
        "type": "timeseries",
        "title": written["title"],
        "datasource": source,
        "fieldConfig": {"defaults": {"unit": written["unit"], "min": 0}, "overrides": []},
        "targets": targets,
    }


def files() -> Iterator[tuple[Path, str]]:
    """Every made file and what has to be in it."""
    topics = [topic(name) for name in topics_of(NAMESPACE, EventData.registry)]
    yield COMPONENTS / "strimzi" / "topics.yaml", _yaml("graftwork/contracts/events.py", *topics)
    flow = observed()
    users = [user(service, flow) for service in flow.services]
    yield COMPONENTS / "tls" / "kafka-users.yaml", _yaml("the services' routers", *users)
    groups = yaml.safe_load((SOURCES / "alerts.yml").read_text(encoding="utf-8"))
    yield COMPONENTS / "observability" / "alerts.yaml", _yaml("deploy/observability/alerts.yml", rule(groups))
    for uid, written in yaml.safe_load((SOURCES / "dashboards.yaml").read_text(encoding="utf-8")).items():
        made = json.dumps(dashboard(uid, written), indent=1, ensure_ascii=False) + "\n"
        yield COMPONENTS / "observability" / "dashboards" / f"{uid}.json", made


def _yaml(source: str, *documents: Mapping[str, Any]) -> str:
    return _MADE.format(source=source) + yaml.safe_dump_all(documents, sort_keys=False, width=120, allow_unicode=True)


def main() -> None:
    """Write, or check, every made file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where a file is not what it should be"
    )
    stale = []
    check = parser.parse_args().check
    for path, text in files():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.relative_to(ROOT))
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if check and stale:
        sys.exit("stale, run scripts/deployment.py: " + ", ".join(map(str, stale)))


if __name__ == "__main__":
    main()

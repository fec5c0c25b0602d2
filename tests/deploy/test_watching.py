"""Dashboards, alerts and what scales name metrics and labels that the code declares; every alert has its runbook."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client import REGISTRY

from graftwork_solvers.engine import load as engine_load
from tests.support.declared_metrics import MODULES
from tests.support.declared_metrics import declared_in
from tests.support.manifests import COMPONENTS
from tests.support.manifests import ROOT
from tests.support.manifests import compose_containers
from tests.support.manifests import containers
from tests.support.manifests import of_kind
from tests.support.manifests import rendering
from tests.support.manifests import wrong

SOURCES = ROOT / "deploy" / "observability"
RUNBOOKS = ROOT / "docs" / "runbooks"
_OF_HISTOGRAMS = ("_bucket", "_sum", "_count")
EVERYWHERE = {"service", "job", "instance", "le"}
"""Labels that Prometheus adds where it scrapes, and those of histograms."""
OF_OTHERS = {
    "up": set[str](),
    **{
        name: set[str]()
        for name in (engine_load._WAITING, engine_load._RUNNING, engine_load._READ, engine_load._WRITTEN)
    },
}


@cache
def declared() -> dict[str, set[str]]:
    """Metric -> its labels, by every name that it is exposed under."""
    assert [declared_in(module) for module in MODULES]  # they are in the registry from now on
    named = REGISTRY._names_to_collectors.items()
    ours = {name: set(getattr(one, "_labelnames", ())) for name, one in named if name.startswith("graftwork_")}
    return {**ours, **OF_OTHERS, **{one["record"]: recorded_labels(one["expr"]) for one in rules("record")}}


def queries() -> Iterator[tuple[str, str]]:
    """Where it stands -> the query."""
    for path in sorted((COMPONENTS / "observability" / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            yield from ((f"{path.stem}: {panel['title']}", target["expr"]) for target in panel["targets"])
    yield from ((one["alert"], one["expr"]) for one in alerts())
    yield from ((one["record"], one["expr"]) for one in rules("record"))
    for scaled in of_kind(rendering("overlays/prod"), "ScaledObject"):
        for one in scaled["spec"]["triggers"]:
            if one["type"] == "prometheus":
                yield scaled["metadata"]["name"], one["metadata"]["query"]


def rules(kind: str) -> list[dict[str, Any]]:
    written = yaml.safe_load((SOURCES / "alerts.yml").read_text())
    return [rule for group in written["groups"] for rule in group["rules"] if kind in rule]


def alerts() -> list[dict[str, Any]]:
    return rules("alert")


def recorded_labels(query: str) -> set[str]:
    """Labels that a recorded quotient keeps: those its numerator is summed by."""
    summed: Any = promql_parser.parse(query).lhs  # type: ignore[attr-defined]
    return set(summed.modifier.labels)


def parts(expression: Any) -> Iterator[Any]:
    """The expression and all within it."""
    yield expression
    for name in ("lhs", "rhs", "expr", "vector_selector", "args", "param"):
        inner = getattr(expression, name, None)
        for one in inner if isinstance(inner, list) else [inner]:
            if isinstance(one, promql_parser.Expr):
                yield from parts(one)


def unknown_in(query: str) -> Iterator[str]:
    """Metrics and labels that nobody declares."""
    every = list(parts(promql_parser.parse(query)))
    selectors = [one for one in every if isinstance(one, promql_parser.VectorSelector)]
    assert selectors, query
    labels = set(EVERYWHERE)
    for one in selectors:
        if one.name not in declared():
            yield f"no metric {one.name}"
            continue
        labels |= declared()[one.name]
        for matcher in one.matchers.matchers:
            if matcher.name not in declared()[one.name] | EVERYWHERE:
                yield f"{one.name} has no label {matcher.name}"
    for one in every:
        modifier = getattr(one, "modifier", None)
        for label in set(getattr(modifier, "labels", [])) - labels:
            yield f"nothing here has a label {label}"


def kinds() -> dict[str, str]:
    """Sample -> counter or gauge; those of histograms count, too."""
    every = [one for module in MODULES for one in declared_in(module)]
    histograms = {one.name + end: "counter" for one in every if one.kind == "histogram" for end in _OF_HISTOGRAMS}
    return {one.name: one.kind for one in every if one.kind != "histogram"} | histograms


def mistaken_in(query: str) -> Iterator[str]:
    """Functions over metrics that they make no sense of."""
    over_time = set[str]()
    for one in parts(promql_parser.parse(query)):
        if not isinstance(one, promql_parser.Call):
            continue
        selectors = [each for each in parts(one) if isinstance(each, promql_parser.VectorSelector)]
        names = {each.name or "" for each in selectors}
        if one.func.name in {"rate", "increase"}:
            over_time |= names
            yield from (f"{one.func.name} of {name}" for name in names if kinds().get(name, "counter") != "counter")
        if one.func.name == "histogram_quantile":
            sums = [each for each in parts(one) if isinstance(each, promql_parser.AggregateExpr)]
            summed = [set(getattr(each.modifier, "labels", ())) for each in sums]
            if not all(name.endswith("_bucket") for name in names) or not all("le" in labels for labels in summed):
                yield f"a quantile of {names}"
    for one in parts(promql_parser.parse(query)):
        if isinstance(one, promql_parser.VectorSelector):
            name = one.name or ""
            if kinds().get(name) == "counter" and name not in over_time:
                yield f"{name} since each process began"


def test_queries_ask_of_metrics_what_their_kind_can_tell() -> None:
    assert wrong({where: list(mistaken_in(query)) for where, query in queries()}) == {}


@pytest.mark.parametrize(
    "query",
    [
        "rate(graftwork_outbox_rows[5m])",
        "sum by (service) (graftwork_tasks_finished_total) > 5",
        "histogram_quantile(0.9, sum by (service, le) (rate(graftwork_handler_seconds_sum[5m])))",
        "histogram_quantile(0.9, sum by (service) (rate(graftwork_handler_seconds_bucket[5m])))",
    ],
)
def test_a_function_over_the_wrong_kind_is_found_out(query: str) -> None:
    assert len(list(mistaken_in(query))) == 1


def test_queries_name_only_what_is_declared() -> None:
    found = {where: list(unknown_in(query)) for where, query in queries()}

    assert len(found) > 40
    assert wrong(found) == {}


def test_a_metric_that_nobody_declares_is_found_out() -> None:
    assert list(unknown_in("sum(rate(graftwork_nonsense[5m])) > 0")) == ["no metric graftwork_nonsense"]
    assert list(unknown_in('graftwork_solver_waiting{flavour="x"}')) == [
        "graftwork_solver_waiting has no label flavour"
    ]


def test_what_is_declared_is_shown() -> None:
    shown = {
        one.name or ""
        for _, query in queries()
        for one in parts(promql_parser.parse(query))
        if isinstance(one, promql_parser.VectorSelector)
    }
    suffixes = ("_created", "_bucket", "_sum", "_count")
    whole = {name for name in declared() if name.startswith("graftwork_") and not name.endswith(suffixes)}
    counters = {name for name in whole if f"{name}_total" in whole}
    unseen = {name for name in whole - counters if not any(one.startswith(name) for one in shown)}

    assert set() == unseen


def test_every_metric_is_explained_as_it_is_declared() -> None:
    explained = (ROOT / "docs" / "metrics.md").read_text()
    tables = {module: rows_under(explained, module) for module in MODULES}

    assert tables == {module: [one.row for one in declared_in(module)] for module in MODULES}


def rows_under(text: str, module: str) -> list[str]:
    section = text.partition(f"`{module}`")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| `")]


def test_every_module_of_metrics_is_known_here() -> None:
    found = {
        ".".join(path.relative_to(base).with_suffix("").parts)
        for base in (ROOT, *(ROOT / "services").iterdir())
        for path in base.glob("graftwork*/**/metrics.py")
    }

    assert set(MODULES) == found


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}

    assert {one["alert"] for one in alerts()} == pages
    assert {one["alert"]: f"docs/runbooks/{one['alert']}.md" for one in alerts()} == {
        one["alert"]: one["annotations"]["runbook_url"] for one in alerts()
    }


def test_every_alert_says_how_urgent_it_is_and_what_is_the_matter() -> None:
    assert {"page", "ticket"} == {one["labels"]["severity"] for one in alerts()}
    assert [one["alert"] for one in alerts() if not one["annotations"]["summary"]] == []


def test_made_files_are_what_their_sources_give() -> None:
    done = subprocess.run(  # noqa: S603 - a script of ours
        [sys.executable, str(ROOT / "scripts" / "deployment.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_the_collector_is_told_all_that_its_configuration_reads() -> None:
    text = (COMPONENTS / "observability" / "collector-config.yaml").read_text()
    written = yaml.safe_load(text)
    read = set(re.findall(r"\$\{env:(\w+)\}", text))
    (here,) = (one.environment for one in compose_containers() if one.name == "collector")
    (there,) = (one.environment for one in containers(rendering("overlays/prod")) if one.name == "collector")

    assert read == set(here) == set(there)
    # `otlp` and `otlphttp` are old names, which are going away
    assert set(written["exporters"]) <= {"otlp_grpc", "otlp_http"}
    for line in written["service"]["pipelines"].values():
        assert set(line["exporters"]) <= set(written["exporters"])
        assert set(line["receivers"]) <= set(written["receivers"])
        assert set(line["processors"]) <= set(written["processors"])


def test_prometheus_scrapes_every_part_of_both_worlds() -> None:
    (scraped,) = yaml.safe_load((SOURCES / "prometheus.yml").read_text())["scrape_configs"]
    (names,) = (one["names"] for one in scraped["dns_sd_configs"])
    (monitor,) = of_kind(rendering("overlays/prod"), "PodMonitor")
    roles = {"graftwork.dev/role": {"service", "solver"}}

    assert names == [
        *("gateway", "search", "optimizer", "runner", "evaluator", "curator"),
        *("solvers", "solvers-weak", "solvers-strong"),
    ]
    assert roles == {one["key"]: set(one["values"]) for one in monitor["spec"]["selector"]["matchExpressions"]}
    assert [(one["port"], one["path"]) for one in monitor["spec"]["podMetricsEndpoints"]] == [("http", "/metrics")]

"""Alerts on what stands still, evaluated over what a service tells while nothing moves.

Only the part of PromQL that these rules are written in: selectors, max by, differences, comparisons, or, ``absent()``,
``time()``.
"""

import re
from collections.abc import Callable
from collections.abc import Mapping
from operator import eq
from operator import gt
from operator import sub
from typing import Any

import promql_parser
import pytest
import yaml
from promql_parser import MatchOp

from tests.support.manifests import ROOT

Labels = tuple[tuple[str, str], ...]
Series = Mapping[tuple[str, Labels], float]
NOW = 1_800_000_000.0
OPERATORS: Mapping[str, Callable[[float, float], float]] = {">": gt, "==": eq, "-": sub}


def up(service: str, value: float, job: str = "graftwork", instance: str = "a") -> tuple[tuple[str, Labels], float]:
    return ("up", (("instance", instance), ("job", job), ("service", service))), value


def one(name: str, value: float, **labels: str) -> tuple[tuple[str, Labels], float]:
    return (f"graftwork_{name}", tuple(sorted(labels.items()))), value


def evaluated(query: Any, series: Series) -> float | dict[Labels, float]:  # noqa: PLR0911 - one a kind of node
    match query:
        case promql_parser.NumberLiteral():
            return float(query.val)
        case promql_parser.Call() if query.func.name == "time":
            return NOW
        case promql_parser.Call() if query.func.name == "absent":
            [selector] = query.args
            return {} if evaluated(selector, series) else {said_by(selector): 1.0}
        case promql_parser.VectorSelector():
            every = {labels: value for (name, labels), value in series.items() if name == query.name}
            return {labels: value for labels, value in every.items() if matches(query, dict(labels))}
        case promql_parser.AggregateExpr():
            assert str(query.op) == "max"
            assert query.modifier is not None
            return most_by(set(query.modifier.labels), evaluated(query.expr, series))
        case promql_parser.BinaryExpr() if str(query.op) == "or":
            left, right = evaluated(query.lhs, series), evaluated(query.rhs, series)
            assert isinstance(left, dict)
            assert isinstance(right, dict)
            return {**right, **left}
        case promql_parser.BinaryExpr():
            return joined(str(query.op), evaluated(query.lhs, series), evaluated(query.rhs, series))
    raise AssertionError(f"{type(query).__name__} is not known here")


def matches(selector: Any, labels: Mapping[str, str]) -> bool:
    """Whether a series has the labels that a selector asks for."""
    has = {one: labels.get(one.name, "") for one in selector.matchers.matchers}
    return all(
        bool(re.fullmatch(one.value, value)) if one.op == MatchOp.Re else value == one.value
        for one, value in has.items()
    )


def said_by(selector: Any) -> Labels:
    """Labels that a selector names one value for."""
    return tuple((one.name, one.value) for one in selector.matchers.matchers if one.op == MatchOp.Equal)


def most_by(labels: set[str], vector: float | dict[Labels, float]) -> dict[Labels, float]:
    assert isinstance(vector, dict)
    found: dict[Labels, float] = {}
    for every, value in vector.items():
        kept = tuple(pair for pair in every if pair[0] in labels)
        found[kept] = max(value, found.get(kept, value))
    return found


def joined(operator: str, left: Any, right: Any) -> dict[Labels, float]:
    """A vector and a number, either way round; a comparison keeps the elements for which it holds."""
    vector = left if isinstance(left, dict) else right
    pairs = {labels: (value, right) if vector is left else (left, value) for labels, value in vector.items()}
    told = {labels: OPERATORS[operator](*pair) for labels, pair in pairs.items()}
    return {labels: vector[labels] for labels, holds in told.items() if holds} if operator in {">", "=="} else told


def firing(alert: str, *series: tuple[tuple[str, Labels], float]) -> list[dict[str, str]]:
    written = yaml.safe_load((ROOT / "deploy" / "observability" / "alerts.yml").read_text())
    (query,) = [rule["expr"] for group in written["groups"] for rule in group["rules"] if rule.get("alert") == alert]
    found = evaluated(promql_parser.parse(query), dict(series))
    assert isinstance(found, dict)
    return [dict(labels) for labels in found]


RUNNER = {"service": "runner"}
REPLICAS = ({"instance": "a", **RUNNER}, {"instance": "b", **RUNNER})


@pytest.mark.parametrize(
    ("alert", "name", "well", "stands", "labels"),
    [
        ("AdmissionLags", "admission_lag_seconds", 30, 61, {"topic": "graftwork.samples.requested.v1"}),
        ("OutboxStands", "outbox_age_seconds", 30, 61, {}),
        ("TasksWait", "ready_task_age_seconds", 500, 601, {}),
        ("EventsRefused", "outbox_refused_rows", 0, 1, {}),
        ("WatchFails", "watched_at_seconds", NOW - 20, NOW - 121, {"what": "ledger"}),
    ],
)
def test_what_stands_still_is_told_though_no_counter_moves(
    alert: str, name: str, well: float, stands: float, labels: dict[str, str]
) -> None:
    replicas = [{**replica, **labels} for replica in REPLICAS]

    assert firing(alert, *(one(name, well, **each) for each in replicas)) == []
    assert firing(alert, *(one(name, stands, **each) for each in replicas)) == [{**RUNNER, **labels}]
    assert firing(alert) == []


def test_a_pool_is_told_when_none_of_its_pods_has_a_model_that_answers() -> None:
    pods = [
        one("solver_endpoint_up", answers, instance=name, service="solvers") for name, answers in (("a", 0), ("b", 1))
    ]

    assert firing("EndpointDown", *pods) == []
    assert firing("EndpointDown", pods[0]) == [{"service": "solvers"}]


SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/pyproject.toml"))


@pytest.mark.parametrize("job", ["graftwork", "graftwork/graftwork"])
def test_a_service_is_down_when_no_replica_answers_and_when_there_is_none(job: str) -> None:
    well = [up(service, 1, job) for service in SERVICES]
    others = [up("search", 1, "somebody/else"), up("grafana", 0, "somebody/else")]

    assert firing("ServiceDown", *well, *others) == []
    assert firing("ServiceDown", *well, up("runner", 0, job, "b")) == []
    assert firing("ServiceDown", *well, up("runner", 0, job)) == [{"service": "runner"}]
    for service in SERVICES:
        rest = [each for each in well if ("service", service) not in each[0][1]]
        assert firing("ServiceDown", *rest, *others) == [{"service": service}]
    assert sorted(each["service"] for each in firing("ServiceDown")) == SERVICES


def test_a_single_dead_letter_is_told_once_however_many_services_see_it() -> None:
    told = [one("dead_letters", 1, topic="t", service=service) for service in ("runner", "search")]

    assert firing("DeadLettersWait", *told) == [{"topic": "t"}]
    assert firing("DeadLettersWait", one("dead_letters", 0, topic="t", service="runner")) == []


def test_one_replica_that_reaches_the_ledger_is_enough() -> None:
    looks = [one("watched_at_seconds", at, what="ledger", **each) for at, each in zip((NOW, 0), REPLICAS, strict=True)]

    assert firing("WatchFails", *looks) == []

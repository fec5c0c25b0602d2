"""A gateway without patience: gaps, idle clients, strange pools, events that are early or cannot be read."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest import PoolsView
from graftwork.kit.bus import dead_letter_topic
from graftwork.kit.bus import topic_of
from tests.support.doors import Gateway
from tests.support.doors import gateway_settings
from tests.support.doors import open_gateway
from tests.support.doors import with_ids
from tests.support.eventually import assert_eventually
from tests.support.in_process import records_of
from tests.support.search_told import advanced
from tests.support.search_told import finished
from tests.support.search_told import node
from tests.support.search_told import publish

pytestmark = pytest.mark.asyncio(loop_scope="module")
PLANNED_IDS: list[str] = []
"""Ids that the gateway gives to its next jobs."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_gateway(
    kafka_address: str, mongo_address: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    home = tmp_path_factory.mktemp("odd")
    waits = {"keep_alive_seconds": 0.05, "stream_gap_seconds": 0.2, "stream_send_seconds": 0.2}
    pools = ("down", "priced", "tiny", "unheard_of")
    settings = gateway_settings(kafka_address, mongo_address, home, known_pools=pools, **waits)
    async with open_gateway(settings, change=with_ids(PLANNED_IDS)) as opened:
        yield opened


def dropped_streams() -> float:
    return REGISTRY.get_sample_value("graftwork_gateway_streams_dropped_total") or 0.0


async def test_a_version_that_never_comes_holds_a_stream_up_for_a_while_only(gateway: Gateway) -> None:
    job = await gateway.submit()
    await gateway.send(advanced(job.id, 1), finished(job.id, 3))
    await gateway.admitted(job.id, 2)
    stream = (await gateway.http.get(job.links["events"])).text

    assert [line for line in stream.splitlines() if line.startswith("id: ")] == ["id: 1", "id: 3"]


async def test_a_client_that_takes_nothing_is_given_up(gateway: Gateway) -> None:
    job = await gateway.submit()
    watchers = gateway.door.watchers
    for version in range(1, 41):  # more than the buffers of both sides hold
        told = advanced(job.id, version)
        await gateway.send(told.model_copy(update={"message": "x" * 400_000}))
    before = dropped_streams()
    url = gateway.http.base_url
    _, writer = await asyncio.open_connection(url.host, url.port)
    key = gateway.http.headers["authorization"]
    writer.write(f"GET {job.links['events']} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n\r\n".encode())

    async def dropped() -> None:
        assert dropped_streams() == before + 1
        assert job.id not in watchers.jobs

    await assert_eventually(dropped, timeout_seconds=30)
    writer.close()
    await writer.wait_closed()


def measured(status: int) -> float:
    labels = {"method": "POST", "route": "/v1/jobs", "status": str(status)}
    return REGISTRY.get_sample_value("graftwork_gateway_http_seconds_count", labels) or 0.0


def series() -> set[tuple[tuple[str, str], ...]]:
    """Of the answers' times, those with a count."""
    return {
        tuple(sorted(sample.labels.items()))
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "graftwork_gateway_http_seconds_count"
    }


async def test_methods_that_clients_make_up_are_one_series_a_status(gateway: Gateway) -> None:
    """An HTTP client of ours would refuse to send them; whoever wants to fill Prometheus would not."""
    before = series()
    for number in range(20):
        await gateway.http.request(f"X{number}", "/nowhere")

    assert series() - before <= {(("method", "_OTHER"), ("route", "none"), ("status", "404"))}
    assert (("method", "_OTHER"), ("route", "none"), ("status", "404")) in series()


async def test_a_client_that_leaves_while_it_sends_is_no_crash_of_ours(
    gateway: Gateway, capfd: pytest.CaptureFixture[str]
) -> None:
    crashed, left = measured(500), measured(499)
    url, key = gateway.http.base_url, gateway.http.headers["authorization"]
    _, writer = await asyncio.open_connection(url.host, url.port)
    head = f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nContent-Type: application/json\r\n"
    writer.write(f'{head}Content-Length: 1000\r\n\r\n{{"name": "half'.encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    async def told() -> None:
        assert measured(500) + measured(499) == crashed + left + 1

    await assert_eventually(told, timeout_seconds=20)
    said = "".join(capfd.readouterr())

    assert (measured(500), measured(499)) == (crashed, left + 1)
    assert "Traceback" not in said
    assert "request.crashed" not in said


async def test_a_pool_that_cannot_be_asked_says_why(gateway: Gateway) -> None:
    view = PoolsView.model_validate_json((await gateway.http.get("/v1/pools")).content)
    pools = {pool.pool: pool for pool in view.pools}

    assert {name: pool.available for name, pool in pools.items()} == {
        "down": False,
        "priced": True,
        "tiny": True,
        "unheard_of": False,
    }
    assert pools["down"].problem == "pool 'down' does not answer"
    assert pools["priced"].models[0].completion_usd_per_mtok == 2.0
    assert (pools["tiny"].profile, pools["tiny"].writes_code) == ("compact", False)


async def test_events_that_are_faster_than_their_job_are_kept_for_its_owner(gateway: Gateway) -> None:
    job_id = "job-early"
    dataset = await publish(gateway.door.blobs, job_id, {"README.md": b"card"})
    await gateway.send(advanced(job_id, 1, node=node(job_id, 0)))
    await gateway.send(finished(job_id, 2, dataset=dataset))
    await gateway.admitted(job_id, 2)
    before = await gateway.http.get(f"/v1/jobs/{job_id}")
    nothing = (await gateway.http.get("/v1/jobs")).json()["items"]
    PLANNED_IDS.append(job_id)
    await gateway.submit()
    view = await gateway.until(job_id, JobState.SUCCEEDED)
    stream = (await gateway.http.get(view.links["events"])).text
    nodes = (await gateway.http.get(view.links["tree"])).json()["nodes"]
    found = await gateway.http.get(view.links["dataset"])

    assert (before.status_code, nothing) == (404, [])
    assert (view.name, view.count) == ("fractions", 3)
    assert stream.count("\nid: ") == 2
    assert [one["node_id"] for one in nodes] == [f"{job_id}:node:0"]
    assert found.status_code == 200


async def test_an_event_that_cannot_be_read_is_kept_aside_and_harms_no_other(gateway: Gateway) -> None:
    job = await gateway.submit()
    topic = topic_of(gateway.door.settings.namespace, "search.advanced")
    broken = json.dumps({"job_id": job.id, "version": 0}).encode()
    headers = [
        ("ce_id", b"broken"),
        ("ce_source", b"/tests"),
        ("ce_specversion", b"1.0"),
        ("ce_type", b"graftwork.search.advanced.v1"),
        ("content-type", b"application/json"),
    ]
    await gateway.bus.send_raw(topic, broken, headers, job.id.encode())
    await gateway.send(advanced(job.id, 1))
    await gateway.until(job.id, JobState.RUNNING)
    dead = await records_of(gateway.door.settings, dead_letter_topic(topic), 1)

    assert [one.value for one in dead] == [broken]
    assert b"version" in dict(dead[0].headers)["dlq-reason"]

"""Callers and pods that show each other certificates: who is let in, what others are told, and renewal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from graftwork.kit.certificates import CertificateFiles
from graftwork.kit.errors import DependencyDown
from graftwork.models.addresses import PoolAddresses
from graftwork.models.client import SolverClient
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from graftwork_solvers.bootstrap import Pod
from tests.support.certificates import Authority
from tests.support.certificates import Leaf
from tests.support.certificates import grpc_settings
from tests.support.endpoints import running_endpoint
from tests.support.eventually import assert_eventually
from tests.support.pods import pod_settings
from tests.support.pods import running_pod

REQUEST = GenerateRequest(pool="generator", messages=(Message(role="user", content="hi"),))
RECONNECTING = {"solvers_connection_age_seconds": 0.5}


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "theirs")


@asynccontextmanager
async def secured_pod(authority: Authority, leaf: Leaf, **changes: float) -> AsyncIterator[Pod]:
    async with (
        running_endpoint() as endpoint,
        running_pod(pod_settings(endpoint.url, **grpc_settings(authority, leaf), **changes)) as pod,
    ):
        yield pod


def calling(pod: Pod, files: CertificateFiles | None, host: str = "dns:///localhost") -> SolverClient:
    """By name, as services do: certificates are for names."""
    addresses = PoolAddresses.everywhere(f"{host}:{pod.grpc_port}")
    return SolverClient(addresses, unavailable_attempts=2, backoff_seconds=0.02, certificates=files)


async def refusal(pod: Pod, files: CertificateFiles | None) -> str:
    # By address: a name that also stands for ::1, where nobody listens, may fail with the words of that.
    async with calling(pod, files, "ipv4:127.0.0.1") as client:
        with pytest.raises(DependencyDown) as refused:
            await client.generate(REQUEST, timeout_seconds=10)
    return str(refused.value)


async def test_who_shows_a_certificate_of_the_authority_is_answered(ours: Authority) -> None:
    caller = ours.grpc_files(ours.leaf("caller", "caller"))
    async with secured_pod(ours, ours.leaf("pod")) as pod, calling(pod, caller) as client:
        described = await client.describe("generator")
        generation = await client.generate(REQUEST, timeout_seconds=10)

    assert described.pool == "generator"
    assert generation.texts == ("hello",)


async def test_without_a_certificate_or_with_a_foreign_one_nobody_is_let_in(ours: Authority, theirs: Authority) -> None:
    foreign = theirs.leaf("caller", "caller")
    knows_us = CertificateFiles("GRAFTWORK_GRPC_", ours.file, foreign.certificate, foreign.key)
    async with secured_pod(ours, ours.leaf("pod")) as pod:
        told = [await refusal(pod, None), await refusal(pod, knows_us)]

    assert [text.partition(" (")[2] for text in told] == [
        "if the pods live: they may want a certificate, or not trust ours; see GRAFTWORK_GRPC_..._FILE)"
    ] * 2


async def test_a_pod_of_a_foreign_authority_is_not_trusted(ours: Authority, theirs: Authority) -> None:
    async with secured_pod(ours, ours.leaf("pod")) as pod:
        told = await refusal(pod, theirs.grpc_files(theirs.leaf("caller", "caller")))

    assert told.endswith(" (no authority in GRAFTWORK_GRPC_CA_FILE vouches for the pods' certificate)")


async def test_a_pod_with_the_certificate_of_another_service_is_not_trusted(ours: Authority) -> None:
    async with secured_pod(ours, ours.leaf("pod", "elsewhere")) as pod:
        told = await refusal(pod, ours.grpc_files(ours.leaf("caller", "caller")))

    assert told.endswith(" (the pods' certificate does not name the host that GRAFTWORK_POOLS does)")


async def test_health_and_metrics_are_told_without_a_certificate(ours: Authority) -> None:
    async with secured_pod(ours, ours.leaf("pod")) as pod, httpx.AsyncClient() as prober:
        told = [await prober.get(f"http://127.0.0.1:{pod.http.port}/{path}") for path in ("readyz", "metrics")]

    assert [answer.status_code for answer in told] == [200, 200]


async def test_both_sides_take_renewed_certificates_of_a_new_authority_without_a_restart(ours: Authority) -> None:
    pod_leaf, caller = ours.leaf("pod"), ours.leaf("caller", "caller")
    async with (
        secured_pod(ours, pod_leaf, **RECONNECTING) as pod,
        calling(pod, ours.grpc_files(caller)) as client,
    ):
        await client.generate(REQUEST, timeout_seconds=10)
        before = ours.grpc_files(ours.leaf("late", "late"))
        ours.renew()
        ours.leaf("pod")
        ours.leaf("caller", "caller")

        async def answered_anew() -> None:
            await client.generate(REQUEST, timeout_seconds=10)

        await assert_eventually(answered_anew, timeout_seconds=30)
        told = await refusal(pod, before)
        async with calling(pod, ours.grpc_files(caller)) as newcomer:
            await newcomer.generate(REQUEST, timeout_seconds=10)

    assert "if the pods live" in told


async def test_a_call_under_way_ends_on_the_channel_it_began_on(ours: Authority) -> None:
    caller = ours.leaf("caller", "caller")
    async with secured_pod(ours, ours.leaf("pod")) as pod, calling(pod, ours.grpc_files(caller)) as client:
        async with client._lines.to(f"dns:///localhost:{pod.grpc_port}") as first:
            ours.leaf("caller", "caller")
            async with client._lines.to(f"dns:///localhost:{pod.grpc_port}") as second:
                assert first is not second
            assert len(client._lines._replaced) == 1
            await client.generate(REQUEST, timeout_seconds=10)
        assert len(client._lines._replaced) == 0

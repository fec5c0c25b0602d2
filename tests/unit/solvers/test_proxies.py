import pytest
from pydantic import HttpUrl

from graftwork_solvers.endpoint.client import proxy_for


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_the_environment_s_proxy_for_the_scheme_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")

    proxy = proxy_for(HttpUrl("https://models.example/v1"))

    assert proxy is not None
    assert str(proxy.url) == "http://proxy.example:3128"


def test_no_proxy_is_used_for_a_host_that_is_excepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,.cluster.example")

    assert proxy_for(HttpUrl("http://127.0.0.1:8000/v1")) is None
    assert proxy_for(HttpUrl("http://vllm.cluster.example/v1")) is None
    assert proxy_for(HttpUrl("http://elsewhere.example/v1")) is not None


def test_without_a_proxy_there_is_none() -> None:
    assert proxy_for(HttpUrl("https://models.example/v1")) is None

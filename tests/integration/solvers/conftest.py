"""Real models behind pods, one of each for the whole run: an engine takes most of a minute to start."""

from collections.abc import Iterator

import pytest

from graftwork.local.model import TINY_MODEL
from tests.support.real_backends import Backend
from tests.support.real_backends import openai_backend
from tests.support.real_backends import vllm_backend
from tests.support.vllm import require_gpu
from tests.support.vllm import require_vllm


@pytest.fixture(scope="session")
def vllm_pod() -> Iterator[Backend]:
    """A pod that owns a vLLM; mark the test ``vllm``, and leave the pod serving."""
    require_vllm()
    with vllm_backend() as backend:
        yield backend


@pytest.fixture(scope="session")
def openai_pod(tiny_model_url: str) -> Iterator[Backend]:
    """A pod in front of llama.cpp with the bundled tiny model; mark the test ``tiny``."""
    with openai_backend(tiny_model_url, TINY_MODEL) as backend:
        yield backend


@pytest.fixture(scope="session")
def gpu_pod() -> Iterator[Backend]:
    """A pod that owns a vLLM on a GPU; mark the test ``gpu``."""
    require_gpu()
    with vllm_backend(on_gpu=True) as backend:
        yield backend

"""The vLLM of this machine, where there is one, and the settings of a pod that runs it."""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
COMMAND = Path(os.environ.get("GRAFTWORK_TEST_VLLM", _ROOT / ".venv-vllm" / "bin" / "vllm"))
CHECKPOINT = Path(os.environ.get("GRAFTWORK_TEST_CHECKPOINT", _ROOT / "build" / "tiny-checkpoint"))
ADAPTER = CHECKPOINT / "adapter"
SERVED = "smollm2"
ADAPTER_NAME = "whim"
CONTEXT_TOKENS = 2048
START_SECONDS = 400.0
_SMALL = ("--max-model-len", str(CONTEXT_TOKENS), "--enforce-eager", "--max-num-seqs", "32")
# A processor without instructions for bfloat16 takes six times as long for it.
_ON_CPU = ("--dtype", "float32")
# An engine with a GPU would take nearly all of its memory for its cache.
_ON_GPU = ("--gpu-memory-utilization", "0.3")


def require_vllm() -> None:
    """Skip where there is none."""
    for needed in (COMMAND, CHECKPOINT):
        if not needed.exists():
            pytest.skip(f"{needed} is not there: make test-vllm installs and makes it")


def require_gpu() -> None:
    """Skip where there is no NVIDIA GPU, or no vLLM for it."""
    found = shutil.which("nvidia-smi")
    if found is None or subprocess.run([found, "-L"], capture_output=True, check=False).returncode:  # noqa: S603
        pytest.skip("there is no NVIDIA GPU here")
    require_vllm()


def has_adapter() -> bool:
    """Whether the checkpoint brings a LoRA adapter: ours does, another that lies at hand need not."""
    return ADAPTER.is_dir()


def engine_environment(*, on_gpu: bool = False) -> dict[str, str]:
    """Settings of a pod that runs the tiny checkpoint, or the one that ``GRAFTWORK_TEST_CHECKPOINT`` names."""
    return {
        "GRAFTWORK_SOLVERS_BACKEND": "vllm",
        "GRAFTWORK_SOLVERS_VLLM_COMMAND": shlex.quote(str(COMMAND)),
        "GRAFTWORK_SOLVERS_VLLM_MODEL": str(CHECKPOINT),
        "GRAFTWORK_SOLVERS_VLLM_SERVED_NAME": SERVED,
        "GRAFTWORK_SOLVERS_VLLM_ADAPTERS": json.dumps({ADAPTER_NAME: str(ADAPTER)} if has_adapter() else {}),
        "GRAFTWORK_SOLVERS_VLLM_ARGUMENTS": json.dumps([*_SMALL, *(_ON_GPU if on_gpu else _ON_CPU)]),
        "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
        "HF_HUB_OFFLINE": "1",
    }

"""What authors are told of CPython is true of it."""

import pytest

from graftwork.contracts.dialect import CPYTHON_DIALECT
from graftwork.contracts.dialect import DIALECT
from graftwork.contracts.dialect import HELPERS
from graftwork.contracts.dialect import MISSING_MODULES
from graftwork.contracts.dialect import MODULES
from graftwork.contracts.dialect import dialect_of
from graftwork.contracts.runtimes import WorkflowRuntime
from tests.support.walls import needs_bwrap
from tests.support.workflow_bench import Bench

HEAD = "async def workflow(ctx, seed):\n"


def test_each_runtime_has_its_own() -> None:
    assert dialect_of(WorkflowRuntime.MONTY) == DIALECT
    assert dialect_of(WorkflowRuntime.CPYTHON) == CPYTHON_DIALECT


@needs_bwrap
async def test_all_modules_that_monty_has_or_lacks_are_there(bench: Bench) -> None:
    names = {*MODULES, *MISSING_MODULES, *HELPERS} - {"numpy"}
    code = "".join(f"import {name}\n" for name in sorted(names)) + HEAD + "    return {}\n"
    result = await bench.run(code, seeds=[{}])
    assert [o.record for o in result.outcomes] == ["{}"], result.trace


@needs_bwrap
@pytest.mark.parametrize(
    "code",
    ["open('/etc/passwd')", "import os; os.listdir('/home')", "import socket; socket.create_connection(('::1', 9))"],
)
async def test_what_asks_the_operating_system_raises_oserror(bench: Bench, code: str) -> None:
    body = f"    try:\n        {code}\n    except OSError:\n        return {{}}\n"
    result = await bench.run(HEAD + body, seeds=[{}])
    assert [o.record for o in result.outcomes] == ["{}"], result.trace

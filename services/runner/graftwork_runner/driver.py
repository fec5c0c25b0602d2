"""Our own code inside the sandbox, in Monty's dialect: the ``ctx`` that workflows see, and who calls them.

It holds nothing worth stealing: the host object of a seed lets one ask for that seed and report on it,
and it is reached through closures, which the dialect cannot look into.
"""

_DETAIL_CHARS = 2_000

_CONTEXT = """
def _graftwork_context(host):
    import json
    import random

    async def ask(name, variables, wants_json):
        if type(name) is not str:
            raise TypeError("the name of a prompt is text")
        kind, text, entropy = await host.ask(name, json.dumps(variables), wants_json)
        random.seed(entropy)
        if kind == "misused":
            raise ValueError(text)
        if kind == "refused":
            raise RuntimeError(text)
        return text

    class Ctx:
        async def llm(self, name, /, **variables):
            return await ask(name, variables, False)

        async def llm_json(self, name, /, **variables):
            return json.loads(await ask(name, variables, True))

    return Ctx()

async def _graftwork_workflow(host, seed):
    import random

    kind, text, entropy = await host.begin()
    random.seed(entropy)
    record = workflow(_graftwork_context(host), seed)
    if type(record).__name__ != "coroutine":
        raise TypeError("workflow must be an `async def`")
    return await record
"""

_ALL = """
async def _graftwork_one(host, seed):
    import json

    try:
        record = await _graftwork_workflow(host, seed)
    except BaseException as error:
        host.failed(type(error).__name__, str(error)[:{detail_chars}])
        return
    try:
        text = json.dumps(record)
    except BaseException as error:
        host.unfit(str(error)[:{detail_chars}])
        return
    if len(text) > {output_chars}:
        host.unfit("the record has " + str(len(text)) + " characters; at most {output_chars} are allowed")
    else:
        host.done(text)

async def _graftwork_all(works):
    import asyncio

    await asyncio.gather(*[_graftwork_one(host, seed) for host, seed in works])

await _graftwork_all({works})
"""

_FIRST = """
await _graftwork_workflow({works}[0][0], {works}[0][1])
"""


def run_all(works: str, output_chars: int) -> str:
    """Code that runs every (host, seed) of the variable named ``works``, side by side, and reports each."""
    return _CONTEXT + _ALL.format(works=works, output_chars=output_chars, detail_chars=_DETAIL_CHARS)


def run_first(works: str) -> str:
    """Code that runs the first work alone and lets its exception out, for the sake of the traceback."""
    return _CONTEXT + _FIRST.format(works=works)

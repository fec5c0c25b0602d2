"""Workflows to start a search from where the model cannot write one.

Each is a folder: ``workflow.py.txt``, the code (text and not a module of ours: another interpreter runs it),
and its prompts, one ``<name>.j2`` each. The two comments in a prompt mark where advice may be added.

==========  =========================================================  ==========================
name        makes                                                      seed keys it knows by name
==========  =========================================================  ==========================
explain     a short explanation, one call                              topic, audience, fact
facts       a given fact with a scene of one sentence, for very small  fact (needed), topic,
            models: whatever has to be true comes from the seed        audience, child, thing
messages    a chat of four messages                                    none, uses all
qa          a question, then its answer                                none, uses all
==========  =========================================================  ==========================

``messages`` makes records of layout ``messages``, the others ``prompt_completion``.
"""

from functools import cache
from importlib.resources import files

from graftwork.contracts.workflows import Workflow
from graftwork_optimizer.errors import UnknownStarter

_CODE = "workflow.py.txt"
_PROMPT_SUFFIX = ".j2"


def names() -> tuple[str, ...]:
    """Names of the built-in starters."""
    return tuple(sorted(folder.name for folder in files(__name__).iterdir() if folder.joinpath(_CODE).is_file()))


@cache
def load(name: str) -> Workflow:
    """Return the starter ``name``. Raises ``UnknownStarter``."""
    if name not in names():
        raise UnknownStarter(f"no starter {name!r}; there are {', '.join(names())}")
    folder = files(__name__) / name
    prompts = {
        file.name.removesuffix(_PROMPT_SUFFIX): file.read_text(encoding="utf-8")
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(_PROMPT_SUFFIX)
    }
    return Workflow(prompts=prompts, code=(folder / _CODE).read_text(encoding="utf-8"))

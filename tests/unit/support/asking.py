"""Asks the scripted model's answers directly, without the wire."""

import json
from collections.abc import Mapping
from typing import Any

from tests.support.scripted_model import Quality
from tests.support.scripted_model.answers import Asked
from tests.support.scripted_model.answers import content
from tests.support.scripted_model.conversation import ChatCall
from tests.support.scripted_model.draws import Draws
from tests.support.scripted_model.script import Fault

TASK = "Explain fractions to children by means of everyday things they can touch."
RECORD = '{"properties": {"prompt": {"type": "string"}, "completion": {"type": "string"}}}'

_TEXT = {"type": "string", "minLength": 1}
_SCORE = {"type": "integer", "enum": [1, 2, 3, 4, 5]}


def strict(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def listed(item: Mapping[str, Any], **limits: int) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 1, **limits}


PROMPTS = listed(strict(name=_TEXT, template=_TEXT))
WORKFLOW = strict(modification=_TEXT, prompts=PROMPTS, code=_TEXT)
SCHEMAS: dict[str, dict[str, Any]] = {
    "propose_seeds": strict(facets=listed(strict(name=_TEXT, values=listed(_TEXT, minItems=5)), minItems=3)),
    "init_workflow": WORKFLOW,
    "refine_workflow": WORKFLOW,
    "repair_workflow": WORKFLOW,
    "revise_workflow": WORKFLOW,
    "propose_metrics": strict(
        metrics=listed(strict(name=_TEXT, definition=_TEXT, positive_exemplar=_TEXT, negative_exemplar=_TEXT))
    ),
    "score_sample": strict(judgements=listed(strict(metric=_TEXT, justification=_TEXT, score=_SCORE))),
    "judge_workflow": strict(
        code=strict(clarity=_SCORE, efficiency=_SCORE, robustness=_SCORE),
        prompt=strict(clarity=_SCORE, specificity=_SCORE, effectiveness=_SCORE),
        notes=_TEXT,
    ),
}


def body(user: str, *, role: str | None = None, schema: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": 'Code calls ctx.llm("example", x=1).'}, {"role": "user", "content": user}]
    asked: dict[str, Any] = {"model": "scripted", "messages": messages, **more}
    if role is not None:
        wanted = {"name": role, "strict": True, "schema": schema or SCHEMAS[role]}
        asked["response_format"] = {"type": "json_schema", "json_schema": wanted}
    return asked


def text(
    user: str,
    *,
    role: str | None = None,
    schema: Mapping[str, Any] | None = None,
    seed: int = 0,
    knobs: Quality | None = None,
    bug: Fault | None = None,
) -> str:
    call = ChatCall.parse(body(user, role=role, schema=schema))
    return content(Asked(call=call, knobs=knobs or Quality(), draws=Draws(seed, user), bug=bug))


def answer(user: str, *, role: str, **more: Any) -> Any:
    return json.loads(text(user, role=role, **more))


def shown(workflow: Mapping[str, Any]) -> str:
    """A workflow as role prompts show it."""
    prompts = "\n".join(f'Prompt "{one["name"]}":\n{one["template"]}' for one in workflow["prompts"])
    return f"Task: {TASK}\nSchema: {RECORD}\n{prompts}\nCode:\n{workflow['code']}"

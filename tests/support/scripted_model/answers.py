"""What the server answers to each role call; README.md lists the shapes."""

import json
import re
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator

from tests.support.scripted_model import prose
from tests.support.scripted_model import vocabulary as words
from tests.support.scripted_model import workflows
from tests.support.scripted_model.conversation import ChatCall
from tests.support.scripted_model.draws import Draws
from tests.support.scripted_model.instances import Filler
from tests.support.scripted_model.instances import hints_of
from tests.support.scripted_model.instances import resolved
from tests.support.scripted_model.latent import FAILS
from tests.support.scripted_model.latent import MUDDLED
from tests.support.scripted_model.latent import SHOWS
from tests.support.scripted_model.latent import exemplar_quality
from tests.support.scripted_model.latent import metric_score
from tests.support.scripted_model.latent import refined
from tests.support.scripted_model.latent import score
from tests.support.scripted_model.latent import template_marker
from tests.support.scripted_model.latent import template_quality
from tests.support.scripted_model.latent import text_marker
from tests.support.scripted_model.latent import text_quality
from tests.support.scripted_model.script import Fault
from tests.support.scripted_model.script import Quality

ANY_OBJECT = {"type": "object"}
_METRIC_RANGE = (5, 8)
_METRICS_WANTED = re.compile(r"(\d+)(?:\s*(?:-|\u2013|to|and)\s*(\d+))?\s+(?:\w+\s+){0,3}metrics", re.IGNORECASE)
_METRIC_LINE = re.compile(
    r"""(?m)^\s*(?:[-*]|\d+[.)]|"name":|Metric:)\s*["*`]*([A-Za-z][\w /-]{2,60}?)["*`]*\s*(?::|,|$)"""
)
_SPARE_JUDGEMENTS = 8
_FENCED = re.compile(r"(?s)<(?:data-\w+|\w+)>\n(.*?)\n</")
_WORD = re.compile(r"[A-Za-z]{5,}")
_REMARKS = (
    "most of it is missing; {hint}", "little of it is there; {hint}", "partly there; {hint}",
    "mostly there, though {hint}", "fully there",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """One call, with everything an answer may depend on."""

    call: ChatCall
    knobs: Quality
    draws: Draws
    bug: Fault | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The standard shape, and values for properties that only compact schemas have."""

    value: dict[str, Any]
    hints: Mapping[str, list[Any]] = field(default_factory=dict)


def content(asked: Asked) -> str:
    """The assistant's message; raises ``UnsupportedSchemaError`` for schemas it cannot satisfy."""
    call = asked.call
    if call.schema is None:
        return _generated(asked)
    if call.schema == ANY_OBJECT:
        return json.dumps({"text": _generated(asked)})
    builder = _BUILDERS.get(call.role)
    answer = Answer({}) if builder is None else builder(asked)
    return json.dumps(_fitted(answer, asked), ensure_ascii=False)


def _generated(asked: Asked) -> str:
    if asked.bug is Fault.COPIED:
        return prose.copied(asked.call)
    return prose.text(asked.call, asked.knobs, asked.draws)


def _fitted(answer: Answer, asked: Asked) -> Any:
    schema = asked.call.schema or {}
    known = schema.get("properties", {})
    value = {key: below for key, below in answer.value.items() if key in known}
    if value and _validator(json.dumps(schema)).is_valid(value):
        return value
    hints = {**hints_of(answer.value), **answer.hints}
    return Filler(schema, text=lambda name: _text(name, asked), hints=hints, draws=asked.draws).instance()


@lru_cache(maxsize=64)
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema))


def _text(name: str, asked: Asked) -> str:
    if asked.call.role in _BUILDERS:
        return asked.draws.choose(words.IMPROVEMENTS, "text", name)[1]
    one = prose.text(asked.call, asked.knobs, Draws(asked.draws.share(name)))
    return f"{text_marker(text_quality(one))} {one}"  # ahead, since a field may be too short for more


def _seeds(asked: Asked) -> Answer:
    nouns = sorted(dict.fromkeys(_WORD.findall(_task(asked.call.asked).lower()))) or ["things"]
    draws = asked.draws
    topics = [
        angle.format(draws.choose(nouns, "noun", place), draws.choose(nouns, "other", place))
        for place, angle in enumerate(words.TOPIC_ANGLES)
    ]
    chosen = words.FACETS[:1] + tuple(draws.shuffled(words.FACETS[1:], "facets")[: 1 + draws.below(3, "count")])
    facets = [{"name": "topic", "values": list(dict.fromkeys(topics))}]
    return Answer({"facets": facets + [{"name": name, "values": list(values)} for name, values in chosen]})


def _task(asked: str) -> str:
    fenced = _FENCED.search(asked)
    return fenced[1] if fenced else asked


def _initial(asked: Asked) -> Answer:
    quality = asked.knobs.start + asked.draws.between(-0.02, 0.02, "start")
    modification = asked.draws.choose(words.FIRST_DRAFTS, "modification")
    return _workflow(asked, modification, asked.draws.choose(words.IMPROVEMENTS, "added")[1], max(0.0, quality))


def _repaired(asked: Asked) -> Answer:
    quality = template_quality(asked.call.asked, asked.knobs.start)
    modification = asked.draws.choose(words.REPAIRS, "modification")
    return _workflow(asked, modification, asked.draws.choose(words.IMPROVEMENTS, "added")[1], quality)


def _revised(asked: Asked) -> Answer:
    before = template_quality(asked.call.asked, asked.knobs.start)
    quality = before + (1 - before) * asked.draws.between(*asked.knobs.gain, "gain")
    modification = asked.draws.choose(words.REVISIONS, "modification")
    return _workflow(asked, modification, asked.draws.choose(words.IMPROVEMENTS, "added")[1], quality)


def _refined(asked: Asked) -> Answer:
    step = refined(template_quality(asked.call.asked, asked.knobs.start), asked.knobs, asked.draws)
    repeat = asked.draws.share("repeat") < asked.knobs.repeat_share
    modification, added = workflows.improvement(asked.call.asked, asked.draws, good=step.good, repeat=repeat)
    return _workflow(asked, modification, added, step.quality)


def _workflow(asked: Asked, modification: str, added: str, quality: float) -> Answer:
    hints = {"add": [f"{template_marker(quality)} {added}"]}
    wanted = (asked.call.schema or {}).get("properties", {})
    if "code" in wanted and "prompts" not in wanted:
        code = workflows.rewrite_code(asked.call.asked, quality, bug=asked.bug)
        return Answer({"modification": modification, "code": code})
    if "code" not in wanted:
        prompts = workflows.rewrite_prompts(asked.call.asked, quality, added)
        return Answer({"modification": modification, "prompts": _pairs(prompts)}, hints)
    two_calls = asked.draws.share("two calls") < asked.knobs.second_call_share
    written = workflows.write(asked.call.asked, quality, added, two_calls=two_calls, bug=asked.bug)
    return Answer({"modification": modification, "prompts": _pairs(written.prompts), "code": written.code}, hints)


def _pairs(prompts: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "template": template} for name, template in prompts.items()]


def _metrics(asked: Asked) -> Answer:
    low, high = _metrics_wanted(asked.call)
    count = low + asked.draws.below(high - low + 1, "count")
    chosen = asked.draws.shuffled(words.METRICS, "metrics")
    pairs = [chosen[place % len(chosen)] for place in range(count)]
    named = [(name if place < len(chosen) else f"{name} {place}", text) for place, (name, text) in enumerate(pairs)]
    return Answer({"metrics": [_metric(name, text, asked) for name, text in named]})


def _metrics_wanted(call: ChatCall) -> tuple[int, int]:
    array = (call.schema or {}).get("properties", {}).get("metrics", {})
    said = _METRICS_WANTED.search(call.heard)
    told = (int(said[1]), int(said[2] or said[1])) if said else _METRIC_RANGE
    low = max(array.get("minItems", 1), min(told))
    return low, max(low, min(array.get("maxItems", max(told)), max(told)))


def _metric(name: str, definition: str, asked: Asked) -> dict[str, str]:
    draws = asked.draws
    muddled = draws.share("muddled", name) < asked.knobs.muddled_metric_share
    good, bad = (MUDDLED, MUDDLED) if muddled else (SHOWS, FAILS)
    return {
        "name": name,
        "definition": definition,
        "positive_exemplar": f"{good} {draws.choose(words.IMPROVEMENTS, name, 'good')[1]}",
        "negative_exemplar": f"{bad} {draws.choose(words.DAMAGES, name, 'bad')[1]}",
    }


def _judgements(asked: Asked) -> Answer:
    judgements = [_judgement(asked, metric) for metric in metric_names(asked.call)]
    spare = [_judgement(asked, f"Criterion {place}") for place in range(1, _SPARE_JUDGEMENTS + 1)]
    hints = {"score": [one["score"] for one in spare], "why": [one["justification"] for one in spare]}
    return Answer({"judgements": judgements}, hints)


def _judgement(asked: Asked, metric: str) -> dict[str, Any]:
    exemplar = exemplar_quality(asked.call.asked)
    if exemplar is None:
        value = metric_score(text_quality(asked.call.asked), metric, asked.knobs, asked.draws)
    else:
        value = score(exemplar, asked.draws, metric)
    return {"metric": metric, "justification": _remark(metric, value, asked.draws), "score": value}


def metric_names(call: ChatCall) -> list[str]:
    """The metrics to score: the schema's enum, else the server's own names, else the prompt's list items."""
    listed = _listed_metrics(call.schema or {})
    if listed:
        return listed
    own = sorted((call.heard.find(name), name) for name, _ in words.METRICS if name in call.heard)
    if own:
        return [name for _, name in own]
    return list(dict.fromkeys(name.strip() for name in _METRIC_LINE.findall(call.asked))) or ["Overall"]


def _listed_metrics(schema: Mapping[str, Any]) -> list[str]:
    items = schema.get("properties", {}).get("judgements", {}).get("items", {})
    metric = resolved(items, schema).get("properties", {}).get("metric", {})
    return list(metric.get("enum", [metric["const"]] if "const" in metric else []))


def _remark(metric: str, value: int, draws: Draws) -> str:
    return f"{metric}: {_REMARKS[value - 1].format(hint=_hint(draws, 'remark', metric))}."


def _hint(draws: Draws, *label: object) -> str:
    """Advice in lower case, so that it is not mistaken for an instruction of the workflow."""
    return draws.choose(words.IMPROVEMENTS, *label)[1].rstrip(".").lower()


def _judgement_of_workflow(asked: Asked) -> Answer:
    quality = template_quality(asked.call.asked, asked.knobs.start)
    scores = {
        part: {name: score(quality, asked.draws, part, name) for name in names}
        for part, names in (
            ("code", ("clarity", "efficiency", "robustness")),
            ("prompt", ("clarity", "specificity", "effectiveness")),
        )
    }
    weakest = min(scores["prompt"], key=lambda name: scores["prompt"][name])
    hint = _hint(asked.draws, "notes")
    return Answer({**scores, "notes": f"The prompt's {weakest} can gain most: {hint}."})


_BUILDERS: Mapping[str, Callable[[Asked], Answer]] = {
    "propose_seeds": _seeds,
    "init_workflow": _initial,
    "refine_workflow": _refined,
    "repair_workflow": _repaired,
    "revise_workflow": _revised,
    "propose_metrics": _metrics,
    "score_sample": _judgements,
    "judge_workflow": _judgement_of_workflow,
}

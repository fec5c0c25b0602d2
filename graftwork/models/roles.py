"""Role calls: a prompt template, a role, an answer model. Declared once by a service, checked strictly.

A template is a Jinja file with two blocks, ``system`` and ``user``. The answer model's JSON schema is
sent with the request; its validators see the template's variables as validation context, so an answer
can be checked against what was asked.
"""

import hashlib
import json
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from typing import Generic
from typing import TypeVar

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel
from pydantic import ValidationError

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import Profile
from graftwork.contracts.jobs import RoleModel
from graftwork.contracts.visible import visible
from graftwork.kit.errors import PermanentError
from graftwork.models.errors import PromptBroken
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message

A = TypeVar("A", bound=BaseModel)
MAX_REPAIRS = 2
_SHOWN_ERRORS = 8
_SHOWN_ERROR_CHARS = 1_000
_SHOWN_ANSWER_CHARS = 4_000
_LONGEST_LABEL = 80


@dataclass(frozen=True)
class Sampling:
    """How a role call samples; the job may override temperature and max_tokens."""

    temperature: float = 0.7
    max_tokens: int = 2_048
    top_p: float | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None


@dataclass(frozen=True)
class Variant(Generic[A]):
    """Another shape of a role call, for very small models.

    ``adapt`` turns its answer into the standard one; it gets the template's variables.
    """

    template: str
    answer: type[BaseModel]
    sampling: Sampling
    adapt: Callable[[Any, Mapping[str, Any]], A]


@dataclass(frozen=True)
class RoleCall(Generic[A]):
    """One kind of question to one role. ``package`` holds the templates in its ``prompts`` folder."""

    name: str
    role: str
    template: str
    answer: type[A]
    package: str
    sampling: Sampling = Sampling()
    compact: Variant[A] | None = None

    def variant(self, spec: JobSpec) -> "RoleCall[A] | Variant[A]":
        """Shape to use for this job."""
        if spec.models.profile is Profile.COMPACT and self.compact is not None:
            return self.compact
        return self

    def accept(self, spec: JobSpec, text: str, variables: Mapping[str, Any]) -> A:
        """Parse an answer. Raises ``pydantic.ValidationError`` or ``ValueError``."""
        shape = self.variant(spec)
        parsed = shape.answer.model_validate_json(text, strict=True, context=dict(variables))
        if isinstance(shape, Variant):
            return shape.adapt(parsed, variables)
        return parsed  # type: ignore[return-value]  # answer is type[A] for the standard shape

    def request(self, spec: JobSpec, variables: Mapping[str, Any], *, seed: int) -> GenerateRequest:
        """Build the first question. Raises ``PromptBroken``."""
        shape, model = self.variant(spec), role_model(spec, self.role)
        sampling = shape.sampling
        return GenerateRequest(
            pool=model.pool,
            model=model.model,
            messages=self._render(spec, shape.template, variables),
            temperature=sampling.temperature if model.temperature is None else model.temperature,
            top_p=sampling.top_p,
            min_p=sampling.min_p,
            repeat_penalty=sampling.repeat_penalty,
            max_tokens=model.max_tokens or sampling.max_tokens,
            seed=seed,
            json_schema=shape.answer.model_json_schema(),
            schema_name=self.name,
        )

    def _render(self, spec: JobSpec, template: str, variables: Mapping[str, Any]) -> tuple[Message, ...]:
        environment = prompt_environment(self.package)
        try:
            override = spec.role_prompts.get(self.name)
            found = environment.from_string(override) if override else environment.get_template(template)
            context = found.new_context({**variables, "task": spec.task, "spec": spec})
            system = "".join(found.blocks["system"](context)).strip()
            user = "".join(found.blocks["user"](context)).strip()
        except KeyError as error:
            raise PromptBroken(f"prompt of {self.name} has no block {error}") from error
        except Exception as error:  # a template is a program: it may fail in any way, and each time again
            raise PromptBroken(f"prompt of {self.name} cannot be rendered: {error}") from error
        return (Message(role="system", content=system), Message(role="user", content=user))


def prompt_fault(template: str) -> str | None:
    """What is wrong with a job's own prompt before it has any variables; None: nothing that can be seen."""
    try:
        found = _environment().from_string(template)
    except jinja2.TemplateError as error:
        return f"not a template: {error}"
    missing = [block for block in ("system", "user") if block not in found.blocks]
    return f"no block {' and no block '.join(missing)}" if missing else None


def role_model(spec: JobSpec, role: str) -> RoleModel:
    """Pool and model that play ``role`` in this job."""
    found = spec.models.by_role().get(role)
    if found is None:
        raise PermanentError(f"the job names no model for role {role!r}")
    return found


def repair_messages(request: GenerateRequest, answer: str, problem: str) -> GenerateRequest:
    """Ask again, showing the answer and what was wrong with it."""
    shown = answer if len(answer) <= _SHOWN_ANSWER_CHARS else answer[:_SHOWN_ANSWER_CHARS] + " [cut]"
    ask = (
        f"That answer was refused:\n{problem}\n\n"
        "Answer again from the start: one JSON object that fits the schema, nothing before or after it."
    )
    more = (Message(role="assistant", content=shown or "(empty)"), Message(role="user", content=ask))
    return request.model_copy(update={"messages": (*request.messages, *more)})


def readable(error: ValidationError | ValueError) -> str:
    """Validation problems, one a line, bounded."""
    if not isinstance(error, ValidationError):
        return str(error)[:_SHOWN_ERROR_CHARS]
    problems = error.errors(include_url=False, include_input=False)
    lines = [f"- {'.'.join(map(str, p['loc'])) or 'answer'}: {p['msg']}" for p in problems[:_SHOWN_ERRORS]]
    lines = [line[:_SHOWN_ERROR_CHARS] for line in lines]
    if len(problems) > _SHOWN_ERRORS:
        lines.append(f"- and {len(problems) - _SHOWN_ERRORS} more")
    return "\n".join(lines)


def fenced(text: object) -> str:
    """Mark text that models or users wrote as data, under a fence it cannot close; nothing in it hides."""
    content = visible(str(text))
    tag = _tag(content)
    while f"data-{tag}" in content:  # found by trying: the tag follows from the content
        tag = _tag(tag + content)
    return f"<data-{tag}>\n{content}\n</data-{tag}>"


def labelled(name: object) -> str:
    """A name that a model gave: JSON text, short and on one line, so that it is no order and no fence."""
    told = visible(str(name))
    shown = told if len(told) <= _LONGEST_LABEL else f"{told[:_LONGEST_LABEL]}..."
    return json.dumps(shown, ensure_ascii=False).replace("<", "\\u003c")


def _tag(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:8]


@lru_cache(maxsize=8)
def prompt_environment(package: str) -> jinja2.Environment:
    """Environment of a package's prompts: sandboxed, undefined names are errors, plain text."""
    return _environment(jinja2.PackageLoader(package, "prompts"))


def _environment(loader: jinja2.BaseLoader | None = None) -> jinja2.Environment:
    environment = ImmutableSandboxedEnvironment(
        loader=loader,
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["fenced"] = fenced
    environment.filters["labelled"] = labelled
    return environment

"""What the Optimizer LLM may answer: the JSON schemas that are sent, and the strict reading of what comes back.

Validation sees the variables of the prompt as context, so a change is checked against the workflow it
changes. What is wrong is told in words that help to mend it.
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Annotated
from typing import Any
from typing import Self

from pydantic import AfterValidator
from pydantic import Field
from pydantic import ValidationInfo
from pydantic import model_validator

from graftwork.contracts.workflows import Workflow
from graftwork.contracts.workflows import WorkflowScores
from graftwork.models.answers import Answer
from graftwork.models.answers import Line
from graftwork.models.answers import Points
from graftwork.models.answers import Text
from graftwork.models.answers import not_blank
from graftwork_optimizer.inspection import blemishes
from graftwork_optimizer.inspection import problems
from graftwork_optimizer.seeding import distinct
from graftwork_optimizer.seeding import facet_problems

MAX_MODIFICATION_CHARS = 400


def _bounded(line: str) -> str:
    return line[:MAX_MODIFICATION_CHARS]


# --- seeds --------------------------------------------------------------------------------------


class Facet(Answer):
    """One dimension along which records differ."""

    name: str
    values: list[str]


class ProposedSeeds(Answer):
    """The facets of a seed space."""

    facets: list[Facet]

    @model_validator(mode="after")
    def _are_usable(self) -> Self:
        _refuse(facet_problems([(facet.name, distinct(facet.values)) for facet in self.facets]))
        return self

    def by_name(self) -> dict[str, tuple[str, ...]]:
        """Facet name -> its distinct values."""
        return {facet.name: distinct(facet.values) for facet in self.facets}


# --- workflows ----------------------------------------------------------------------------------


class NamedPrompt(Answer):
    """One template in the dialect of prompts."""

    name: Text
    template: Text


class WorkflowAnswer(Answer):
    """A workflow, whole or as a change of its parent."""

    modification: Annotated[Line, AfterValidator(_bounded)]

    @abstractmethod
    def applied_to(self, parent: Workflow | None) -> Workflow:
        """Return the workflow this answer stands for."""

    @model_validator(mode="after")
    def _runs_as_far_as_one_can_see(self, info: ValidationInfo) -> Self:
        parent = parent_in(info.context)
        workflow = self.applied_to(parent)
        inherited = [] if parent is None else blemishes(parent.prompts, parent.code)
        found = [one for one in problems(workflow.prompts, workflow.code) if one not in inherited]
        if not found and parent is not None and workflow.shape_sha256 == parent.shape_sha256:
            found = ["nothing was changed: the workflow is the same as before"]
        _refuse(found)
        return self


class WholeWorkflow(WorkflowAnswer):
    """Every prompt, and the complete module."""

    prompts: list[NamedPrompt]
    code: Text

    def applied_to(self, parent: Workflow | None) -> Workflow:
        """Return it as it is, whatever the parent."""
        del parent
        return Workflow(prompts=_by_name(self.prompts), code=self.code)


class ChangedPrompts(WorkflowAnswer):
    """The prompts that change; the others and the code stay as they are, byte for byte."""

    prompts: list[NamedPrompt] = Field(min_length=1)

    def applied_to(self, parent: Workflow | None) -> Workflow:
        """Return ``parent`` with these prompts. Raises ``ValueError`` for names it does not have."""
        if parent is None:
            raise ValueError("there is no workflow whose prompts could be changed")
        changed = _by_name(self.prompts)
        unknown = sorted(changed.keys() - parent.prompts.keys())
        if unknown:
            known = ", ".join(parent.prompts)
            raise ValueError(f"the code asks for the prompts {known}; there is no {', '.join(unknown)}")
        return Workflow(prompts={**parent.prompts, **changed}, code=parent.code)


class ChangedCode(WorkflowAnswer):
    """The complete new module; the prompts stay as they are, byte for byte."""

    code: Text

    def applied_to(self, parent: Workflow | None) -> Workflow:
        """Return ``parent`` with this code. Raises ``ValueError`` without one."""
        if parent is None:
            raise ValueError("there is no workflow whose code could be changed")
        return Workflow(prompts=parent.prompts, code=self.code)


class Advice(Answer):
    """One change and the sentence that makes it; the shape for very small models."""

    modification: Annotated[str, Field(min_length=3, max_length=80), AfterValidator(not_blank)]
    add: Annotated[str, Field(min_length=10, max_length=120), AfterValidator(not_blank)]


# --- judgements ---------------------------------------------------------------------------------


class CodeScores(Answer):
    """Sub-scores of the code."""

    clarity: Points
    efficiency: Points
    robustness: Points


class PromptScores(Answer):
    """Sub-scores of the prompts."""

    clarity: Points
    specificity: Points
    effectiveness: Points


class WorkflowJudgement(Answer):
    """Six sub-scores, and what would help most."""

    code: CodeScores
    prompt: PromptScores
    notes: Text

    def to_scores(self) -> WorkflowScores:
        """Return it as what other services read."""
        return WorkflowScores.model_validate(self.model_dump())


class CompactWorkflowJudgement(WorkflowJudgement):
    """The same in a few words."""

    notes: str = Field(min_length=3, max_length=100)


def parent_in(context: Any) -> Workflow | None:
    """Return the workflow that the prompt showed (its variables ``prompts`` and ``code``), or None."""
    shown: Mapping[str, Any] = context or {}
    if "code" not in shown:
        return None
    return Workflow(prompts=shown["prompts"], code=shown["code"])


def _by_name(prompts: Sequence[NamedPrompt]) -> dict[str, str]:
    counts = Counter(prompt.name for prompt in prompts)
    _refuse([f"prompt {name!r} is given {n} times" for name, n in counts.items() if n > 1])
    return {prompt.name: prompt.template for prompt in prompts}


def _refuse(found: Sequence[str]) -> None:
    if found:
        raise ValueError("; ".join(found))

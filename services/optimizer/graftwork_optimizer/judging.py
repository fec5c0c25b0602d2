"""What a workflow is worth that asks its reviewer for points: the minimum, without asking. Pure."""

from graftwork.contracts.workflows import CodeQuality
from graftwork.contracts.workflows import PromptQuality
from graftwork.contracts.workflows import Workflow
from graftwork.contracts.workflows import WorkflowScores
from graftwork.models.appeals import plea_in

_CODE = CodeQuality(clarity=1, efficiency=1, robustness=1)
_PROMPT = PromptQuality(clarity=1, specificity=1, effectiveness=1)


def lowest_for_a_plea(workflow: Workflow) -> WorkflowScores | None:
    """The lowest scores for a workflow whose prompts, their names or code speak to its reviewer; None: it does not."""
    plea = plea_in([*workflow.prompts, *workflow.prompts.values(), workflow.code])
    if plea is None:
        return None
    return WorkflowScores(
        code=_CODE, prompt=_PROMPT, notes=f"it appeals to its reviewer, which earns the minimum: {plea}"
    )

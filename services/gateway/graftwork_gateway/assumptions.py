"""What estimates rest on: typical sizes, in tokens of four characters, and rates. Pure.

``FIXED`` are the role calls' own templates, rules of the runtime included, without what they show; a test counts them
anew. The rest is what we saw in runs with mid-sized models, rounded; ``max_tokens`` of the role calls lie far
above it. Whoever knows better can say so per role with ``max_tokens``.
"""

from dataclasses import dataclass

CHARS_PER_TOKEN = 4
RECORD_TOKENS = 300  # a seed and the record made of it
WORKFLOW_TOKENS = 1_500  # prompts and code; their answers may have 8,000
METRIC_TOKENS = 120  # name, definition and two exemplars
JUDGEMENT_TOKENS = 60  # a justification of one or two sentences, and a score
EXPERIENCE_TOKENS = 1_200  # what was learnt at and below the parent, and suggestions
GENERATOR_PROMPT_TOKENS = 250  # a rendered prompt of a workflow
GENERATOR_ANSWER_TOKENS = 250
EMBEDDED_TOKENS = 40  # name and definition of a metric

CALLS_PER_RECORD = 3  # the optimizer is told that two to four are plenty
CALLS_OF_STARTERS = {"explain": 1, "facts": 1, "messages": 4, "qa": 2}
ACCEPTED_SHARE = 0.8  # of the candidates; the others fail, or repeat what there is
REVISIONS = 1  # asked for by a person, where one is asked


@dataclass(frozen=True)
class Size:
    """Tokens of a role call: its own template, and its answer where that does not depend on what is asked."""

    fixed: int
    answer: int = 0


STANDARD = {
    "propose_seeds": Size(fixed=430, answer=700),
    "init_workflow": Size(fixed=1_700, answer=WORKFLOW_TOKENS),
    "revise_workflow": Size(fixed=1_900, answer=WORKFLOW_TOKENS),
    "refine_workflow": Size(fixed=2_300, answer=WORKFLOW_TOKENS),
    "judge_workflow": Size(fixed=640, answer=400),
    "propose_metrics": Size(fixed=640),
    "score_sample": Size(fixed=580),
}
COMPACT = {
    **STANDARD,
    "revise_workflow": Size(fixed=300, answer=60),
    "refine_workflow": Size(fixed=300, answer=60),
    "judge_workflow": Size(fixed=300, answer=100),
    "propose_metrics": Size(fixed=290),
    "score_sample": Size(fixed=380),
}
COMPACT_METRICS = 3  # the compact form asks for so many, each in a few words
COMPACT_METRIC_TOKENS = 40
COMPACT_JUDGEMENT_TOKENS = 20


def readable(*, human: bool) -> tuple[str, ...]:
    """The assumptions that matter most, one line each."""
    review = (f"the person who reviews asks for {REVISIONS} revision",) if human else ()
    return (
        "all iterations are run; a search that converges ends earlier",
        "no workflow crashes, and no answer has to be asked for again",
        f"{ACCEPTED_SHARE:.0%} of the candidates are accepted",
        f"a record has about {RECORD_TOKENS} tokens, a workflow {WORKFLOW_TOKENS}, a metric {METRIC_TOKENS}",
        *review,
    )

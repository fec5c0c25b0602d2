"""Which service makes which spans, and what each follows from. The one place where this stands.

``EDGES`` are parents and children that every whole job has; a service's model calls look the same in each of them.
"""

from tests.support.traces import Step

GENERATE = "graftwork.v1.Solvers/Generate"
CHAT = "chat scripted"
CALLERS = ("optimizer", "runner", "evaluator")

Edge = tuple[Step, Step]


def asked(event: str, sender: str, receiver: str) -> tuple[Edge, ...]:
    """An event on its way from one service to another."""
    return (((sender, f"send {event}"), (receiver, f"process {event}")),)


def worked(service: str, request: str, task: str, answer: str) -> tuple[Edge, ...]:
    """A request is answered by a task."""
    return (
        *asked(request, "search", service),
        ((service, f"process {request}"), (service, f"task {task}")),
        ((service, f"task {task}"), (service, f"send {answer}")),
        *asked(answer, service, "search"),
    )


def called(service: str, within: str) -> tuple[Edge, ...]:
    """A call to a model, through a pod, to the endpoint."""
    return (
        ((service, within), (service, CHAT)),
        ((service, CHAT), (service, GENERATE)),
        ((service, GENERATE), ("solvers", GENERATE)),
        (("solvers", GENERATE), ("solvers", CHAT)),
        (("solvers", CHAT), ("solvers", "POST /chat/completions")),
    )


EDGES: frozenset[Edge] = frozenset(
    (
        # in through the door
        (("gateway", "POST /v1/jobs"), ("gateway", "send job.submitted")),
        *asked("job.submitted", "gateway", "search"),
        (("search", "process job.submitted"), ("search", "task open_job")),
        # seeds and workflows
        (("search", "task open_job"), ("search", "send seeds.requested")),
        *worked("optimizer", "seeds.requested", "propose_seeds", "seeds.proposed"),
        *called("optimizer", "task propose_seeds"),
        (("search", "process seeds.proposed"), ("search", "send workflow.requested")),
        *worked("optimizer", "workflow.requested", "write_workflow", "workflow.proposed"),
        *called("optimizer", "task write_workflow"),
        # samples
        (("search", "process workflow.proposed"), ("search", "send samples.requested")),
        *worked("runner", "samples.requested", "generate_samples", "samples.generated")[:2],
        (("runner", "task generate_samples"), ("runner", "sandbox run")),
        *called("runner", "sandbox run"),
        *worked("runner", "samples.requested", "generate_samples", "samples.generated")[2:],
        # both halves of the reward
        (("search", "process samples.generated"), ("search", "send scores.requested")),
        *worked("evaluator", "scores.requested", "propose_metrics", "metrics.regenerated"),
        *called("evaluator", "task propose_metrics"),
        (("evaluator", "task propose_metrics"), ("evaluator", "task score_samples")),
        *called("evaluator", "task score_samples"),
        (("evaluator", "task score_samples"), ("evaluator", "send scores.ready")),
        *asked("scores.ready", "evaluator", "search"),
        *worked("optimizer", "scores.requested", "judge_workflow", "scores.ready"),
        *called("optimizer", "task judge_workflow"),
        # the next node, and the finalists
        (("search", "process scores.ready"), ("search", "send workflow.requested")),
        (("search", "process scores.ready"), ("search", "send samples.requested")),
        # production and publication
        (("search", "process samples.generated"), ("search", "send acceptance.requested")),
        *worked("curator", "acceptance.requested", "accept_samples", "samples.accepted"),
        (("search", "process samples.accepted"), ("search", "send dataset.requested")),
        *worked("curator", "dataset.requested", "publish_dataset", "dataset.published"),
        # what the client is told
        *asked("search.advanced", "search", "gateway"),
        (("search", "process dataset.published"), ("search", "send job.finished")),
        *asked("job.finished", "search", "gateway"),
    )
)

SPANS: frozenset[Step] = frozenset(step for edge in EDGES for step in edge)
"""Every kind of span that a whole job has."""

KINDS = {"send": "PRODUCER", "process": "CONSUMER", "task": "CONSUMER", "chat": "CLIENT", "sandbox": "INTERNAL"}
"""First word of a span's name -> its kind."""

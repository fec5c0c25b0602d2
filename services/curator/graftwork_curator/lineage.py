"""Files beside the rows that say where they come from and how to make them again."""

import json

import yaml

from graftwork.contracts.jobs import JobSpec
from graftwork_curator.publication import Publication

LINEAGE_VERSION = 1


def lineage_json(publication: Publication) -> bytes:
    """Everything that led to the rows: job, path in the tree, winning workflow, models, seeds, spending."""
    lineage = publication.lineage
    space = publication.space
    told = {
        "version": LINEAGE_VERSION,
        "dataset_id": publication.dataset_id,
        "job": {
            "job_id": publication.job_id,
            "spec_sha256": publication.spec_ref.sha256,
            "seed": publication.spec.seed,
            "strategy": publication.spec.strategy,
        },
        "complete": publication.complete,
        "counts": publication.counts.model_dump(mode="json"),
        "winner": {
            "node_id": lineage.winner_node_id,
            "reward": lineage.reward,
            "workflow_sha256": publication.origin.workflow_sha256,
            "workflow": None if publication.workflow is None else publication.workflow.model_dump(mode="json"),
        },
        "path": [node.model_dump(mode="json") for node in lineage.path],
        "models": {role: model.model_dump(mode="json") for role, model in publication.spec.models.by_role().items()},
        "seed_space": None if space is None else {"size": space.size, **space.model_dump(mode="json")},
        "spent": publication.spent.model_dump(mode="json"),
    }
    return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()


def job_yaml(spec: JobSpec) -> bytes:
    """The job as a job file, every default written out, so that later defaults do not change it."""
    plain = spec.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100).encode()

import json

import yaml

from graftwork.contracts.jobs import JobSpec
from graftwork_curator.lineage import job_yaml
from graftwork_curator.lineage import lineage_json
from graftwork_curator.publication import dataset_id_of
from tests.support.publications import SPACE
from tests.support.publications import WORKFLOW
from tests.support.publications import custom
from tests.support.publications import job_spec
from tests.support.publications import publication


def test_the_job_file_is_the_job_again() -> None:
    spec = job_spec(
        task="Line one: *x*\n  - line 'two' \"three\" # ü\n",
        facets={"yes": ("no", "0123", "null", "")},
        output=custom({"b": {"type": "string"}, "a": {"type": "integer"}}).model_dump(),
        models={"optimizer": {"pool": "big", "model": "m"}},
        role_prompts={"refine_workflow": "{% block user %}x{% endblock %}"},
    )
    written = yaml.safe_load(job_yaml(spec))
    assert spec == JobSpec.model_validate(written)
    assert list(written["output"]["record_schema"]["properties"]) == ["b", "a"]


def test_lineage_tells_job_path_workflow_models_seeds_and_spending() -> None:
    told = json.loads(lineage_json(publication()))
    assert (told["job"]["job_id"], told["winner"]["node_id"], told["winner"]["reward"]) == ("job-1", "n2", 4.25)
    assert {"prompts": dict(WORKFLOW.prompts), "code": WORKFLOW.code} == told["winner"]["workflow"]
    assert WORKFLOW.sha256 == told["winner"]["workflow_sha256"]
    assert [node["node_id"] for node in told["path"]] == ["n1", "n2"]
    assert {"optimizer", "evaluator", "generator"} == set(told["models"])
    assert SPACE.size == told["seed_space"]["size"]
    assert told["spent"]["total"]["cost_usd"] is None


def test_lineage_of_a_job_without_a_winner_has_nulls() -> None:
    nothing = {"winner_node_id": None, "workflow": None, "reward": None, "path": ()}
    lineage = publication().lineage.model_copy(update=nothing)
    told = json.loads(lineage_json(publication(lineage=lineage, workflow=None, space=None)))
    assert told["winner"] == {"node_id": None, "reward": None, "workflow_sha256": None, "workflow": None}
    assert told["seed_space"] is None


def test_a_dataset_is_named_by_its_job_and_request() -> None:
    spec = job_spec()
    assert dataset_id_of(spec, "r1") == dataset_id_of(spec, "r1")
    assert dataset_id_of(spec, "r1") != dataset_id_of(spec, "r2")
    assert dataset_id_of(spec, "job:x/../1").startswith("fractions-")
    assert dataset_id_of(spec, "job:x/../1").replace("-", "").isalnum()

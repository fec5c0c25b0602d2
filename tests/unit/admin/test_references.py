"""The names of collections outside the services are those that the services use."""

from graftwork.admin.ledgers import SERVICES
from graftwork.admin.references import CURATOR
from graftwork.admin.references import DATASETS
from graftwork.admin.references import GATEWAY
from graftwork.admin.references import JOBS
from graftwork.admin.references import ROUNDS
from graftwork.admin.references import SEARCH
from graftwork_curator import handlers as curator
from graftwork_curator import store
from graftwork_gateway import documents as gateway
from graftwork_gateway import handlers
from graftwork_search import documents as search


def test_collections_are_called_as_their_services_call_them() -> None:
    assert JOBS == {handlers.SERVICE: gateway.JOBS, SEARCH: search.JOBS}
    assert DATASETS == {GATEWAY: gateway.DATASETS, CURATOR: store.DATASETS}
    assert {curator.router.service: store.ROUNDS} == ROUNDS


def test_rows_are_found_by_fields_that_they_have() -> None:
    assert gateway.JobRow.model_fields["id"].alias == "_id"
    assert "job_id" in gateway.DatasetRow.model_fields
    assert "job_id" in store.Round.model_fields
    assert set(SERVICES) >= {GATEWAY, SEARCH, CURATOR}

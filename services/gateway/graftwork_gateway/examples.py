"""Examples of bodies for the OpenAPI document, by the name of their schema. A test reads each of them."""

from collections.abc import Mapping
from typing import Any

from graftwork.contracts.rest import PROBLEM_TYPE_PREFIX

EXAMPLES: Mapping[str, Any] = {
    "ExtensionRequest": {"rows": 500},
    "JobSpec": {
        "name": "fractions",
        "task": "Word problems about fractions for ten-year-olds, each with a solution that explains every step.",
        "count": 1000,
        "search": {"iterations": 20},
        "budget": {"calls": 20_000},
    },
    "KeyRequest": {"tenant": "research", "name": "nightly jobs"},
    "Problem": {
        "type": f"{PROBLEM_TYPE_PREFIX}invalid_request",
        "title": "The request is not valid",
        "status": 422,
        "detail": "1 mistake",
        "instance": "/v1/jobs",
        "errors": [{"path": "count", "message": "Input should be greater than or equal to 1"}],
    },
    "ReviewAnswer": {"decision": "revise", "feedback": "Shorter questions, and no negative numbers."},
    "TenantLimits": {"requests_per_minute": 600, "open_jobs": 10, "rows_per_job": 50_000, "retention_days": 90},
    "WebhookRequest": {"url": "https://example.org/hooks/graftwork", "events": ["job.finished"]},
}

"""Prometheus metrics of the gateway. The names are a contract: dashboards and alerts depend on them."""

from prometheus_client import Counter
from prometheus_client import Gauge
from prometheus_client import Histogram

JOBS_SUBMITTED = Counter("graftwork_gateway_jobs_submitted_total", "Submissions taken")
STREAMS_OPEN = Gauge("graftwork_gateway_streams_open", "Event streams being followed in this process")
STREAMS_DROPPED = Counter("graftwork_gateway_streams_dropped_total", "Event streams whose client took nothing")
HTTP_SECONDS = Histogram(
    "graftwork_gateway_http_seconds",
    "Time to the first byte of an answer",
    ["method", "route", "status"],
    buckets=(0.005, 0.02, 0.1, 0.5, 2, 10),
)

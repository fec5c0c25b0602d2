"""Prometheus metrics of a pod. The names are a contract: dashboards and autoscalers depend on them."""

from prometheus_client import Counter
from prometheus_client import Gauge
from prometheus_client import Histogram

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)

CALLS = Counter("graftwork_solver_calls_total", "Calls by outcome: ok or an error's code", ["pool", "call", "outcome"])
RUN_SECONDS = Histogram("graftwork_solver_run_seconds", "Time at the endpoint", ["pool", "call"], buckets=_SECONDS)
QUEUE_SECONDS = Histogram("graftwork_solver_queue_seconds", "Time spent waiting for a place", buckets=_SECONDS)
IN_FLIGHT = Gauge("graftwork_solver_in_flight", "Calls at the endpoint now")
LIMIT = Gauge("graftwork_solver_limit", "Calls that the endpoint takes at once, as far as found out")
REFUSED = Counter("graftwork_solver_refused_total", "Calls that the endpoint refused because it was full")
WAITING = Gauge("graftwork_solver_waiting", "Calls waiting for a place now")
TOKENS = Counter("graftwork_solver_tokens_total", "Tokens used", ["pool", "direction"])
CANARIES = Counter("graftwork_solver_canaries_total", "Calls made to see whether the endpoint writes", ["outcome"])
ENDPOINT_UP = Gauge("graftwork_solver_endpoint_up", "1 while the endpoint answers")
ENGINE_STATE = Gauge("graftwork_solver_engine_state", "1 for the state that the pod's own engine is in", ["state"])
ENGINE_RESTARTS = Counter(
    "graftwork_solver_engine_restarts_total", "Times that the pod's own engine had to be restarted"
)

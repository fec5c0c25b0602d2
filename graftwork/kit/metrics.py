"""Prometheus metrics of the kit. The names are a contract: dashboards and alerts depend on them."""

from prometheus_client import Counter
from prometheus_client import Gauge
from prometheus_client import Histogram

EVENTS_ADMITTED = Counter("graftwork_events_admitted_total", "Events admitted", ["event"])
EVENTS_DUPLICATE = Counter("graftwork_events_duplicate_total", "Events seen before", ["event"])
EVENTS_DEAD = Counter("graftwork_events_dead_lettered_total", "Records sent to a DLQ", ["topic", "reason"])
EVENTS_PUBLISHED = Counter("graftwork_events_published_total", "Events published by the relay", ["event"])
EVENTS_REFUSED = Counter("graftwork_events_refused_total", "Events that Kafka refused for good", ["event"])
ADMISSION_SECONDS = Histogram("graftwork_admission_seconds", "One admission transaction")
ADMISSION_LAG_SECONDS = Gauge("graftwork_admission_lag_seconds", "Age of the last admitted event")
OUTBOX_AGE_SECONDS = Gauge("graftwork_outbox_age_seconds", "Age of the oldest unpublished event")
TASKS_FINISHED = Counter("graftwork_tasks_finished_total", "Tasks ended", ["kind", "outcome"])
TASK_SECONDS = Histogram(
    "graftwork_task_seconds", "Run time of a task", ["kind"], buckets=(0.05, 0.2, 1, 5, 20, 60, 180, 600, 1800)
)
TASKS_RUNNING = Gauge("graftwork_tasks_running", "Tasks under way in this process")
READY_TASK_AGE_SECONDS = Gauge("graftwork_ready_task_age_seconds", "How late the last leased task was")
LEASES_EXPIRED = Counter("graftwork_leases_expired_total", "Tasks taken over from a worker that went silent")
LEASES_LOST = Counter("graftwork_leases_lost_total", "Results refused because the lease was lost")
MODEL_CALLS = Counter("graftwork_model_calls_total", "Model calls made by tasks", ["pool", "outcome"])
MODEL_CALLS_REPLAYED = Counter("graftwork_model_calls_replayed_total", "Answers taken from the journal", ["pool"])
MODEL_TOKENS = Counter("graftwork_model_tokens_total", "Tokens used by tasks", ["pool", "direction"])
MODEL_COST_USD = Counter("graftwork_model_cost_usd_total", "Known cost of tasks", ["pool"])

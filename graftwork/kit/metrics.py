"""Prometheus metrics of the kit. The names are a contract: dashboards and alerts depend on them (docs/metrics.md)."""

from prometheus_client import Counter
from prometheus_client import Gauge
from prometheus_client import Histogram

_SHORT = (0.001, 0.005, 0.02, 0.1, 0.5, 2, 10)

EVENTS_ADMITTED = Counter("graftwork_events_admitted_total", "Events admitted", ["event"])
EVENTS_DUPLICATE = Counter("graftwork_events_duplicate_total", "Events seen before", ["event"])
EVENTS_DEAD = Counter("graftwork_events_dead_lettered_total", "Records sent to a DLQ", ["topic", "reason"])
EVENTS_PUBLISHED = Counter("graftwork_events_published_total", "Events published by the relay", ["event"])
EVENTS_REFUSED = Counter("graftwork_events_refused_total", "Events that Kafka refused for good", ["event"])
ADMISSION_SECONDS = Histogram("graftwork_admission_seconds", "One admission transaction")
HANDLER_SECONDS = Histogram(
    "graftwork_handler_seconds", "A handler's part of an admission transaction", ["event"], buckets=_SHORT
)
REBALANCES = Counter("graftwork_rebalances_total", "Times that this process was given partitions anew")
PARTITIONS_ASSIGNED = Gauge("graftwork_partitions_assigned", "Partitions that this process admits events from")

# Measured by graftwork.kit.watch, and so right also where nothing moves; every replica tells the same of its service.
ADMISSION_LAG_RECORDS = Gauge("graftwork_admission_lag_records", "Records that wait for admission", ["topic"])
ADMISSION_LAG_SECONDS = Gauge(
    "graftwork_admission_lag_seconds", "How long the record that waits longest has been seen to wait", ["topic"]
)
DEAD_LETTERS = Gauge("graftwork_dead_letters", "Records on the DLQ of a topic that this service admits", ["topic"])
OUTBOX_ROWS = Gauge("graftwork_outbox_rows", "Events not yet published")
OUTBOX_AGE_SECONDS = Gauge("graftwork_outbox_age_seconds", "Age of the oldest event not yet published")
OUTBOX_REFUSED_ROWS = Gauge("graftwork_outbox_refused_rows", "Events set aside because Kafka refuses them")
READY_TASKS = Gauge("graftwork_ready_tasks", "Tasks that are due and in nobody's hands")
READY_TASK_AGE_SECONDS = Gauge("graftwork_ready_task_age_seconds", "How long the oldest of those tasks has been due")
WATCHED_AT_SECONDS = Gauge(
    "graftwork_watched_at_seconds", "When the gauges above were last measured, seconds since 1970", ["what"]
)
LOOP_LAG_SECONDS = Histogram("graftwork_loop_lag_seconds", "How late the event loop calls back", buckets=_SHORT)

TASKS_FINISHED = Counter("graftwork_tasks_finished_total", "Tasks ended", ["kind", "outcome"])
TASK_SECONDS = Histogram(
    "graftwork_task_seconds", "Run time of a task", ["kind"], buckets=(0.05, 0.2, 1, 5, 20, 60, 180, 600, 1800)
)
TASKS_RUNNING = Gauge("graftwork_tasks_running", "Tasks under way in this process")
LEASES_EXPIRED = Counter("graftwork_leases_expired_total", "Tasks taken over from a worker that went silent")
LEASES_LOST = Counter("graftwork_leases_lost_total", "Results refused because the lease was lost")
HEARTBEATS_FAILED = Counter("graftwork_heartbeats_failed_total", "Times that leases could not be extended")
MODEL_CALLS = Counter("graftwork_model_calls_total", "Model calls made by tasks", ["pool", "outcome"])
MODEL_CALLS_REPLAYED = Counter("graftwork_model_calls_replayed_total", "Answers taken from the journal", ["pool"])
MODEL_TOKENS = Counter("graftwork_model_tokens_total", "Tokens used by tasks", ["pool", "direction"])
MODEL_COST_USD = Counter("graftwork_model_cost_usd_total", "Known cost of tasks", ["pool"])

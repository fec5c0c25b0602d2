"""Prometheus metrics of the runner, beside those of the kit."""

from prometheus_client import Counter

SAMPLES = Counter("graftwork_runner_samples_total", "Candidates made", ["outcome"])
SESSIONS = Counter("graftwork_runner_sessions_total", "Sandbox sessions over seeds", ["outcome"])

"""Prometheus metrics of the curator, beside those of the kit. Tokens and cost are divided by what it accepts."""

from prometheus_client import Counter

SAMPLES_ACCEPTED = Counter("graftwork_samples_accepted_total", "Samples taken into datasets")
SAMPLES_DISCARDED = Counter(
    "graftwork_samples_discarded_total", "Candidates not taken; reasons of rejections", ["outcome", "reason"]
)

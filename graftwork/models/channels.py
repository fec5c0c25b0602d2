"""Options of the channels to the pods and of the pods' servers, side by side because they must agree."""

import json

MAX_MESSAGE_BYTES = 32 * 1024 * 1024
SERVICE = "graftwork.v1.Solvers"

_PING_SECONDS = 30.0
_PING_ANSWER_MS = 10_000
_SIZES = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
)

Options = tuple[tuple[str, int | str], ...]


def client_options(*, ping_seconds: float = _PING_SECONDS) -> Options:
    """Spread calls over the healthy pods of an address, find new ones, notice dead ones.

    A connection that was silent for ``ping_seconds`` is asked for a sign of life; gRPC takes 1 for less.
    """
    service_config = {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": SERVICE},
    }
    return (
        *_SIZES,
        ("grpc.service_config", json.dumps(service_config)),
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.enable_retries", 0),  # ours obey RetryInfo; two layers would multiply
        ("grpc.enable_http_proxy", 0),  # pods are neighbours; a proxy is for the world outside
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.keepalive_time_ms", round(ping_seconds * 1000)),
        ("grpc.keepalive_timeout_ms", _PING_ANSWER_MS),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.min_reconnect_backoff_ms", 1_000),
        ("grpc.max_reconnect_backoff_ms", 5_000),
        ("grpc.dns_min_time_between_resolutions_ms", 10_000),
    )


def server_options(*, connection_age_seconds: float, connection_grace_seconds: float) -> Options:
    """Options of a pod. Connections end at that age, so that clients look the address up again.

    The grace has to outlast the longest call. A unary call writes nothing while the model works,
    so the client's pings would count as strikes and end in GOAWAY "too_many_pings".
    """
    return (
        *_SIZES,
        ("grpc.so_reuseport", 0),  # a second server on the same port is a mistake, and shall look like one
        ("grpc.max_connection_age_ms", round(connection_age_seconds * 1000)),
        ("grpc.max_connection_age_grace_ms", round(connection_grace_seconds * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_ping_strikes", 0),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    )

import json

from graftwork.models.channels import client_options
from graftwork.models.channels import server_options

SIZES = ("grpc.max_send_message_length", "grpc.max_receive_message_length")


def test_both_sides_carry_messages_of_the_same_size() -> None:
    client, server = dict(client_options()), dict(server_options(connection_age_seconds=1, connection_grace_seconds=1))

    assert [client[name] for name in SIZES] == [server[name] for name in SIZES] == [32 * 2**20] * 2


def test_the_client_pings_no_more_often_than_the_server_permits() -> None:
    client, server = dict(client_options()), dict(server_options(connection_age_seconds=1, connection_grace_seconds=1))

    assert int(client["grpc.keepalive_time_ms"]) >= int(server["grpc.http2.min_ping_interval_without_data_ms"])
    assert server["grpc.http2.max_ping_strikes"] == 0
    assert server["grpc.keepalive_permit_without_calls"] == 1


def test_the_client_spreads_its_calls_over_healthy_pods() -> None:
    config = json.loads(str(dict(client_options())["grpc.service_config"]))

    assert config == {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": "graftwork.v1.Solvers"},
    }

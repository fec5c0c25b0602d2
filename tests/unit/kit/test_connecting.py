"""What clients of the servers are told: nothing that was not set, and secrets only where they belong."""

from pathlib import Path

import pytest

from graftwork.kit.certificates import RenewedContext
from graftwork.kit.connecting import kafka_arguments
from graftwork.kit.connecting import mongo_arguments
from graftwork.kit.connecting import store_arguments
from graftwork.kit.settings import ServiceSettings
from tests.support.certificates import Authority


def test_nothing_set_is_plain_text() -> None:
    settings = ServiceSettings(kafka="k:1")

    assert kafka_arguments(settings) == {"bootstrap_servers": "k:1", "security_protocol": "PLAINTEXT"}
    assert mongo_arguments(settings) == {}
    assert store_arguments(settings) == {}


def test_kafka_is_told_the_user_and_whom_to_trust(tmp_path: Path) -> None:
    told = kafka_arguments(
        ServiceSettings(
            kafka="k:1",
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_mechanism="SCRAM-SHA-256",
            kafka_user="u",
            kafka_password="p",
            kafka_ca_file=Authority(tmp_path).file,
        )
    )

    assert isinstance(told.pop("ssl_context"), RenewedContext)
    assert told == {
        "bootstrap_servers": "k:1",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": "u",
        "sasl_plain_password": "p",
    }


def test_mongodb_is_told_the_user_and_whom_to_trust_beside_what_the_url_says(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    both = authority.leaf("a").both

    told = mongo_arguments(
        ServiceSettings(
            mongo_user="u",
            mongo_password="p",
            mongo_ca_file=authority.file,
            mongo_certificate_file=both,
        )
    )

    files = {"tls": True, "tlsCAFile": str(authority.file), "tlsCertificateKeyFile": str(both)}
    assert told == {"username": "u", "password": "p", **files}


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("s3://bucket/x", {"aws_secret_access_key": "a"}),
        ("https://bucket.s3.us-east-1.amazonaws.com/x", {"aws_secret_access_key": "a"}),
        ("gs://bucket/x", {"google_service_account_key": "g"}),
        ("abfss://container@account.dfs.core.windows.net/x", {"azure_storage_account_key": "z"}),
        ("https://account.blob.core.windows.net/x", {"azure_storage_account_key": "z"}),
        ("file:///x", {}),
    ],
)
def test_a_blob_store_is_told_its_own_secrets_from_files(url: str, options: dict[str, str], tmp_path: Path) -> None:
    secrets = {"AWS_SECRET_ACCESS_KEY": "a", "GOOGLE_SERVICE_ACCOUNT_KEY": "g", "AZURE_STORAGE_ACCOUNT_KEY": "z"}
    for name, value in secrets.items():
        (tmp_path / name).write_text(f"{value}\n")

    assert store_arguments(ServiceSettings(blobs=url, secrets_dir=tmp_path)) == options

"""Settings of transport security: plain text unless told otherwise, and mistakes are told before anything is opened."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from graftwork.kit.errors import AddressUnusable
from graftwork.kit.service import open_ledger
from graftwork.kit.settings import ServiceSettings
from graftwork.kit.settings import read_settings
from tests.support.certificates import Authority

PASSWORD = "hunter2-is-no-password"
SASL: dict[str, Any] = {"kafka_security_protocol": "SASL_SSL", "kafka_user": "graftwork", "kafka_password": PASSWORD}
PROTOCOL = "GRAFTWORK_KAFKA_SECURITY_PROTOCOL"
GRPC = "GRAFTWORK_GRPC_CA_FILE, GRAFTWORK_GRPC_CERTIFICATE_FILE and GRAFTWORK_GRPC_KEY_FILE"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def mistake_in(**given: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        ServiceSettings(**given)
    [mistake] = refused.value.errors()
    assert PASSWORD not in str(refused.value)
    return mistake["msg"].removeprefix("Value error, ")


def without(name: str, given: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != name}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (without("kafka_user", SASL), f"{PROTOCOL}=SASL_SSL needs both GRAFTWORK_KAFKA_USER and"),
        (without("kafka_password", SASL), f"{PROTOCOL}=SASL_SSL needs both GRAFTWORK_KAFKA_USER and"),
        ({**SASL, "kafka_password": ""}, f"{PROTOCOL}=SASL_SSL needs both GRAFTWORK_KAFKA_USER and"),
        (without("kafka_security_protocol", SASL), f"GRAFTWORK_KAFKA_USER is set, but {PROTOCOL}=PLAINTEXT knows no"),
        ({**SASL, "kafka_security_protocol": "SSL"}, f"GRAFTWORK_KAFKA_USER is set, but {PROTOCOL}=SSL knows no users"),
        ({"kafka_ca_file": "ca.pem"}, f"GRAFTWORK_KAFKA_CA_FILE is set, but {PROTOCOL}=PLAINTEXT has no TLS"),
        (
            {**SASL, "kafka_security_protocol": "SASL_PLAINTEXT", "kafka_key_file": "k"},
            f"GRAFTWORK_KAFKA_KEY_FILE is set, but {PROTOCOL}=SASL_PLAINTEXT has no TLS",
        ),
        (
            {"kafka_security_protocol": "SSL", "kafka_key_file": "k"},
            "GRAFTWORK_KAFKA_CERTIFICATE_FILE and GRAFTWORK_KAFKA_KEY_FILE go together",
        ),
        ({"kafka_security_protocol": "TLS"}, "Input should be 'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or 'SASL_SSL'"),
        ({**SASL, "kafka_sasl_mechanism": "OAUTHBEARER"}, "Input should be 'PLAIN', 'SCRAM-SHA-256' or"),
        ({"mongo_password": PASSWORD}, "GRAFTWORK_MONGO_PASSWORD is set, but GRAFTWORK_MONGO_USER is not"),
        ({"mongo_user": "u"}, "GRAFTWORK_MONGO_USER is set, but GRAFTWORK_MONGO_PASSWORD is not"),
        (
            {"mongo": f"mongodb://a:{PASSWORD}@h:1/", "mongo_user": "b", "mongo_password": "c"},
            "the URL in GRAFTWORK_MONGO names a user, and so does GRAFTWORK_MONGO_USER",
        ),
        *(
            (
                {"mongo": f"mongodb://h:1/?tls=true{by}{one}=true"},
                f"GRAFTWORK_MONGO says {one.lower()}, but certificates are",
            )
            for one, by in (
                ("tlsInsecure", "&"),
                ("tlsAllowInvalidCertificates", ";"),
                ("tlsAllowInvalidHostnames", "&"),
            )
        ),
        ({"grpc_ca_file": "ca.pem"}, f"{GRPC} go together"),
        ({"grpc_certificate_file": "c", "grpc_key_file": "k"}, f"{GRPC} go together"),
    ],
)
def test_what_does_not_fit_together_is_told_by_the_names_of_the_variables(given: dict[str, Any], told: str) -> None:
    assert mistake_in(**given).startswith(told)


def test_files_for_tls_and_an_url_without_contradict_each_other(authority: Authority) -> None:
    told = mistake_in(mongo="mongodb://h:1/?replicaSet=x&tls=false", mongo_ca_file=authority.file)

    assert told == "files for TLS are set in GRAFTWORK_MONGO_..._FILE, but the URL in GRAFTWORK_MONGO says tls=false"


@pytest.mark.parametrize(
    ("given", "variable"),
    [
        ({"kafka_security_protocol": "SSL", "kafka_ca_file": "/nowhere/ca.pem"}, "GRAFTWORK_KAFKA_CA_FILE"),
        ({"mongo_ca_file": "/nowhere/ca.pem"}, "GRAFTWORK_MONGO_CA_FILE"),
        ({"mongo_certificate_file": "/nowhere/both.pem"}, "GRAFTWORK_MONGO_CERTIFICATE_FILE"),
        (
            dict.fromkeys(("grpc_ca_file", "grpc_certificate_file", "grpc_key_file"), "/nowhere/x.pem"),
            "GRAFTWORK_GRPC_CA_FILE",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_told_at_the_start(given: dict[str, Any], variable: str) -> None:
    assert mistake_in(**given).startswith(f"{variable}: /nowhere/")


def test_a_certificate_names_its_user_without_a_password(authority: Authority) -> None:
    url = "mongodb://h:1/?authMechanism=MONGODB-X509"

    settings = ServiceSettings(mongo=url, mongo_user="CN=graftwork", mongo_certificate_file=authority.leaf("a").both)

    assert (settings.mongo_user, settings.mongo_password) == ("CN=graftwork", None)


def test_empty_variables_are_unset_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("KAFKA_USER", "KAFKA_PASSWORD", "KAFKA_CA_FILE", "MONGO_USER", "GRPC_CA_FILE", "SECRETS_DIR")
    for name in names:
        monkeypatch.setenv(f"GRAFTWORK_{name}", "")

    settings = ServiceSettings()

    assert [getattr(settings, name.lower()) for name in names] == [None] * len(names)


def test_secrets_do_not_show() -> None:
    settings = ServiceSettings(**SASL, mongo_user="u", mongo_password=PASSWORD)

    assert PASSWORD not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert PASSWORD not in repr(ServiceSettings(mongo=f"mongodb://u:{PASSWORD}@h:1/"))


@pytest.mark.parametrize("url", [f"mongodb://u:top/{PASSWORD}@h:1/", "mongodb://u:p@h:many/", "mongodb://", "http://h"])
def test_what_is_no_url_of_mongodb_is_told_without_a_word_of_it(url: str) -> None:
    with pytest.raises(AddressUnusable, match="GRAFTWORK_MONGO is no URL of MongoDB: look at its form") as told:
        open_ledger(ServiceSettings(mongo=url), "runner")

    assert told.value.__suppress_context__


def test_a_process_with_mistaken_settings_ends_with_plain_lines_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFTWORK_KAFKA_PASSWORD", PASSWORD)
    monkeypatch.setenv("GRAFTWORK_HTTP_PORT", "seventy")

    with pytest.raises(SystemExit) as ended:
        read_settings(ServiceSettings)

    assert str(ended.value) == "http_port: Input should be a valid integer, unable to parse string as an integer"

    monkeypatch.delenv("GRAFTWORK_HTTP_PORT")
    with pytest.raises(SystemExit) as ended:
        read_settings(ServiceSettings)

    assert str(ended.value) == (
        f"GRAFTWORK_KAFKA_PASSWORD is set, but {PROTOCOL}=PLAINTEXT knows no users: SASL_SSL does"
    )

"""Settings -> what the clients of Kafka, MongoDB and the blob store want to be told; the only place that knows."""

from typing import Any
from urllib.parse import urlsplit

from graftwork.kit.certificates import RenewedContext
from graftwork.kit.secret_files import read_secret_files
from graftwork.kit.settings import ServiceSettings

_STORES = {
    **dict.fromkeys(("s3", "s3a"), "AWS_"),
    "gs": "GOOGLE_",
    **dict.fromkeys(("az", "adl", "azure", "abfs", "abfss"), "AZURE_"),
}
_STORES_BY_HOST = {
    ".amazonaws.com": "AWS_",
    ".r2.cloudflarestorage.com": "AWS_",
    ".core.windows.net": "AZURE_",
    ".fabric.microsoft.com": "AZURE_",
}


def kafka_arguments(settings: ServiceSettings) -> dict[str, Any]:
    """How to connect, for any client of ``aiokafka``. Raises ``CertificateUnusable``."""
    protocol, password = settings.kafka_security_protocol, settings.kafka_password
    arguments: dict[str, Any] = {"bootstrap_servers": settings.kafka, "security_protocol": protocol}
    if protocol.endswith("SSL"):
        arguments["ssl_context"] = RenewedContext.of(settings.kafka_files)
    if protocol.startswith("SASL_") and password is not None:
        arguments["sasl_mechanism"] = settings.kafka_sasl_mechanism
        arguments["sasl_plain_username"] = settings.kafka_user
        arguments["sasl_plain_password"] = password.get_secret_value()
    return arguments


def mongo_arguments(settings: ServiceSettings) -> dict[str, Any]:
    """How to connect, for any client of ``pymongo``, beside the URL; the URL may say more."""
    ca, certificate, password = settings.mongo_ca_file, settings.mongo_certificate_file, settings.mongo_password
    told = {
        "tls": True if ca or certificate else None,
        "tlsCAFile": str(ca) if ca else None,
        "tlsCertificateKeyFile": str(certificate) if certificate else None,
        "username": settings.mongo_user,
        "password": password.get_secret_value() if password else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def store_arguments(settings: ServiceSettings) -> dict[str, str]:
    """Options of the blob store that lie in files, since ``obstore`` reads variables only. Raises ``SettingsError``."""
    prefix = _prefix_of(settings.blobs)
    found = read_secret_files(settings.secrets_dir, prefix) if prefix else {}
    return {name.lower(): value for name, value in found.items()}


def _prefix_of(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.scheme in {"http", "https"}:
        host = parts.hostname or ""
        return next((prefix for end, prefix in _STORES_BY_HOST.items() if host.endswith(end)), None)
    return _STORES.get(parts.scheme)

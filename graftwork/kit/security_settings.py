"""How a service proves who it is, and whom it trusts: Kafka, MongoDB and gRPC. For operators: docs/transport.md."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from typing import Any
from typing import Literal
from typing import Self
from typing import TypeVar
from urllib.parse import parse_qsl
from urllib.parse import urlsplit

from pydantic import BeforeValidator
from pydantic import Field
from pydantic import SecretStr
from pydantic import model_validator
from pydantic_settings import BaseSettings
from pydantic_settings import PydanticBaseSettingsSource

from graftwork.kit.certificates import CertificateFiles
from graftwork.kit.errors import CertificateUnusable
from graftwork.kit.secret_files import SecretFiles

T = TypeVar("T")
SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
_KAFKA = "GRAFTWORK_KAFKA_"
_PROTOCOL = "GRAFTWORK_KAFKA_SECURITY_PROTOCOL"
_UNCHECKED = {"tlsinsecure", "tlsallowinvalidcertificates", "tlsallowinvalidhostnames"}


def _none_if_empty(value: Any) -> Any:
    """Compose and the like pass on what nobody set as an empty text."""
    return None if value in {"", None} else value


Maybe = Annotated[T | None, BeforeValidator(_none_if_empty)]


class SecuritySettings(BaseSettings):
    """Nothing set: plain text everywhere, as on a laptop. Mistakes name the variable and never a value of a secret."""

    secrets_dir: Maybe[Path] = Field(
        default=None, description="folder of files named like variables; a variable that is set wins over its file"
    )
    kafka_security_protocol: SecurityProtocol = "PLAINTEXT"
    kafka_sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    kafka_user: Maybe[str] = None
    kafka_password: Maybe[SecretStr] = None
    kafka_ca_file: Maybe[Path] = Field(default=None, description="PEM; none: whom the system trusts")
    kafka_certificate_file: Maybe[Path] = Field(default=None, description="PEM of our own, where Kafka wants one")
    kafka_key_file: Maybe[Path] = None
    mongo_user: Maybe[str] = Field(default=None, description="of the database that the URL's authSource names")
    mongo_password: Maybe[SecretStr] = None
    mongo_ca_file: Maybe[Path] = Field(default=None, description="PEM; named, it turns TLS on")
    mongo_certificate_file: Maybe[Path] = Field(default=None, description="PEM of our own and its key, in one file")
    grpc_ca_file: Maybe[Path] = Field(default=None, description="PEM; of mutual TLS between callers and solver pods")
    grpc_certificate_file: Maybe[Path] = None
    grpc_key_file: Maybe[Path] = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then variables, then files of secrets."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, SecretFiles(settings_cls)

    @property
    def kafka_files(self) -> CertificateFiles:
        """For TLS with Kafka."""
        return CertificateFiles(_KAFKA, self.kafka_ca_file, self.kafka_certificate_file, self.kafka_key_file)

    @property
    def mongo_files(self) -> CertificateFiles:
        """For TLS with MongoDB."""
        return CertificateFiles("GRAFTWORK_MONGO_", self.mongo_ca_file, self.mongo_certificate_file)

    @property
    def grpc_files(self) -> CertificateFiles | None:
        """For mutual TLS between callers and pods; None: plain text."""
        files = CertificateFiles("GRAFTWORK_GRPC_", self.grpc_ca_file, self.grpc_certificate_file, self.grpc_key_file)
        return files if self.grpc_ca_file else None

    @model_validator(mode="after")
    def _kafka_fits(self) -> Self:
        protocol, files = self.kafka_security_protocol, (self.kafka_certificate_file, self.kafka_key_file)
        given = _names({"USER": self.kafka_user, "PASSWORD": self.kafka_password})
        if protocol.startswith("SASL_") and len(given) < 2:  # noqa: PLR2004 - both
            raise ValueError(f"{_PROTOCOL}={protocol} needs both {_KAFKA}USER and {_KAFKA}PASSWORD")
        if given and not protocol.startswith("SASL_"):
            raise ValueError(f"{given[0]} is set, but {_PROTOCOL}={protocol} knows no users: SASL_SSL does")
        given = _names({"CA_FILE": self.kafka_ca_file, "CERTIFICATE_FILE": files[0], "KEY_FILE": files[1]})
        if given and not protocol.endswith("SSL"):
            raise ValueError(f"{given[0]} is set, but {_PROTOCOL}={protocol} has no TLS: SSL and SASL_SSL do")
        if (files[0] is None) != (files[1] is None):
            raise ValueError(f"{_KAFKA}CERTIFICATE_FILE and {_KAFKA}KEY_FILE go together: set both or none")
        return self

    @model_validator(mode="after")
    def _grpc_fits(self) -> Self:
        given = [self.grpc_ca_file, self.grpc_certificate_file, self.grpc_key_file]
        if any(given) and not all(given):
            raise ValueError(
                "GRAFTWORK_GRPC_CA_FILE, GRAFTWORK_GRPC_CERTIFICATE_FILE and GRAFTWORK_GRPC_KEY_FILE "
                "go together: set all three or none"
            )
        return self

    @model_validator(mode="after")
    def _files_are_usable(self) -> Self:
        try:
            for files in (self.kafka_files, self.mongo_files, self.grpc_files):
                if files is not None:
                    files.check()
        except CertificateUnusable as error:
            raise ValueError(str(error)) from error
        return self


def mongo_mistake(url: str, settings: SecuritySettings) -> str | None:
    """What of the URL and the settings beside it contradicts each other, or what we do not do."""
    told = urlsplit(url)
    options = {name.lower(): value.lower() for name, value in parse_qsl(told.query.replace(";", "&"))}
    return _user_mistake(told.username, options, settings) or _tls_mistake(options, settings)


def _user_mistake(in_url: str | None, options: Mapping[str, str], settings: SecuritySettings) -> str | None:
    user = settings.mongo_user
    if user and in_url:
        return "the URL in GRAFTWORK_MONGO names a user, and so does GRAFTWORK_MONGO_USER: keep the latter"
    if settings.mongo_password and not user:
        return "GRAFTWORK_MONGO_PASSWORD is set, but GRAFTWORK_MONGO_USER is not"
    if user and not settings.mongo_password and options.get("authmechanism") != "mongodb-x509":
        return "GRAFTWORK_MONGO_USER is set, but GRAFTWORK_MONGO_PASSWORD is not"
    return None


def _tls_mistake(options: Mapping[str, str], settings: SecuritySettings) -> str | None:
    plain = "false" in {options.get("tls"), options.get("ssl")}
    if (settings.mongo_ca_file or settings.mongo_certificate_file) and plain:
        return "files for TLS are set in GRAFTWORK_MONGO_..._FILE, but the URL in GRAFTWORK_MONGO says tls=false"
    if off := sorted(name for name, value in options.items() if name in _UNCHECKED and value == "true"):
        return f"GRAFTWORK_MONGO says {' and '.join(off)}, but certificates are always checked: GRAFTWORK_MONGO_CA_FILE"
    return None


def _names(values: dict[str, object]) -> list[str]:
    return [f"{_KAFKA}{name}" for name, value in values.items() if value is not None]

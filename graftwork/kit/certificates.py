"""Certificates from PEM files that may be renewed in place while we run, as cert-manager does."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Generic
from typing import Self
from typing import TypeVar

import structlog
from typing_extensions import override

from graftwork.kit.errors import CertificateUnusable

T = TypeVar("T")
log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)
Stamp = tuple[tuple[int, int, int], ...]
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_KEY = b"PRIVATE KEY-----"


@dataclass(frozen=True)
class CertificateFiles:
    """Whom we trust (None: whom the system trusts), and who we are (None: nobody).

    ``variables``: beginning of the variables that name the files, for messages: ``GRAFTWORK_KAFKA_``.
    ``key`` None: the key stands in the certificate's file.
    """

    variables: str
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def stamp(self) -> Stamp:
        """Another one once a file is another. Raises ``CertificateUnusable``."""
        return tuple(self._stamp_of(path) for path in (self.ca, self.certificate, self.key) if path is not None)

    def authorities(self) -> bytes:
        """PEM of whom we trust. Raises ``CertificateUnusable``."""
        return self._read(self.ca, "CA_FILE", _CERTIFICATE, "certificate")

    def chain(self) -> bytes:
        """PEM of who we are, and of those who vouch for it. Raises ``CertificateUnusable``."""
        return self._read(self.certificate, "CERTIFICATE_FILE", _CERTIFICATE, "certificate")

    def private_key(self) -> bytes:
        """PEM of the key to it. Raises ``CertificateUnusable``."""
        path, variable = (self.key, "KEY_FILE") if self.key else (self.certificate, "CERTIFICATE_FILE")
        return self._read(path, variable, _KEY, "private key")

    def load_into(self, context: ssl.SSLContext) -> None:
        """Make ``context`` trust and show these, beside whom it trusted before. Raises ``CertificateUnusable``."""
        if self.ca is not None:
            self._load_authorities(context)
        if self.certificate is not None:
            self.chain()
            self.private_key()
            self._load_identity(context, self.certificate)

    def check(self) -> None:
        """Read the files and see that they fit each other. Raises ``CertificateUnusable``."""
        self.load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))

    def _load_authorities(self, context: ssl.SSLContext) -> None:
        try:
            context.load_verify_locations(cadata=self.authorities().decode("ascii", "ignore"))
        except ssl.SSLError as error:
            raise self._unusable(self.ca, "CA_FILE", f"holds a broken certificate ({error.reason})") from error

    def _load_identity(self, context: ssl.SSLContext, certificate: Path) -> None:
        try:
            # Without a password given, OpenSSL asks the terminal for that of an encrypted key.
            context.load_cert_chain(certificate, self.key, password="")
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise self._unusable(self.key, "KEY_FILE", f"is not the key to {certificate}") from error
            why = f"is broken, or its key is encrypted ({error.reason or 'bad password'})"
            raise self._unusable(certificate, "CERTIFICATE_FILE", why) from error

    def _read(self, path: Path | None, variable: str, mark: bytes, what: str) -> bytes:
        try:
            content = path.read_bytes() if path else b""
        except OSError as error:
            raise self._unusable(path, variable, f"cannot be read: {error.strerror}") from error
        if mark not in content:
            raise self._unusable(path, variable, f"is no PEM file with a {what}")
        return content

    def _stamp_of(self, path: Path) -> tuple[int, int, int]:
        try:
            found = path.stat()
        except OSError as error:
            raise CertificateUnusable(f"{self.variables}..._FILE: {path} cannot be read: {error.strerror}") from error
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _unusable(self, path: Path | None, variable: str, why: str) -> CertificateUnusable:
        return CertificateUnusable(f"{self.variables}{variable}: {path} {why}")


class Renewed(Generic[T]):
    """What ``make`` makes of the files, made anew once they are others.

    Files that are renewed badly are told to the log, and what was made before stays in use.
    """

    def __init__(self, files: CertificateFiles, make: Callable[[CertificateFiles], T]) -> None:
        """Raises ``CertificateUnusable``."""
        self._files = files
        self._make = make
        self._seen = files.stamp()
        self._value = self._made()

    def current(self) -> T:
        """The same object until the files are others."""
        try:
            self._renew()
        except CertificateUnusable as error:
            log.warning("certificates.not_renewed", reason=str(error))
        return self._value

    def _renew(self) -> None:
        stamp = self._files.stamp()
        if stamp != self._seen:
            self._seen = stamp  # first: what cannot be used is told once
            self._value = self._made()
            log.info("certificates.renewed", files=f"{self._files.variables}..._FILE")

    def _made(self) -> T:
        self._files.check()
        return self._make(self._files)


class RenewedContext(ssl.SSLContext):
    """TLS of a client; each handshake takes the files as they are then.

    Whoever was trusted once stays trusted until the process ends.
    """

    _renewed: Renewed[None]

    @classmethod
    def of(cls, files: CertificateFiles) -> Self:
        """Context for ``files``; names of servers are checked. Raises ``CertificateUnusable``."""
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        if files.ca is None:
            context.load_default_certs()
        context._renewed = Renewed(files, lambda renewed: renewed.load_into(context))
        return context

    @override
    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """What event loops call before each handshake."""
        self._renewed.current()
        return super().wrap_bio(*args, **kwargs)

"""A certificate authority of the tests, and what it vouches for: PEM files as services are told of them."""

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from graftwork.kit.certificates import CertificateFiles

NAMES = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Leaf:
    """A certificate with its key: two files, and both in one."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """Signs certificates; all files lie in ``home``."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._home = home
        self.file = home / "ca.pem"
        self.renew()

    def renew(self) -> None:
        """Be another authority; what the one before has signed is worth nothing then."""
        self._ca = trustme.CA()
        self._ca.cert_pem.write_to_path(str(self.file))

    def leaf(self, name: str, *names: str) -> Leaf:
        """Certificate for these host names and addresses; one that is there already is renewed in place."""
        issued = self._ca.issue_cert(*(names or NAMES), common_name=name)
        leaf = Leaf(self._home / f"{name}.pem", self._home / f"{name}.key", self._home / f"{name}.both.pem")
        chain, key = b"".join(blob.bytes() for blob in issued.cert_chain_pems), _pkcs8(issued.private_key_pem.bytes())
        leaf.certificate.write_bytes(chain)
        leaf.key.write_bytes(key)
        leaf.both.write_bytes(key + chain)
        return leaf

    def grpc_files(self, leaf: Leaf) -> CertificateFiles:
        """As settings name them."""
        return CertificateFiles("GRAFTWORK_GRPC_", self.file, leaf.certificate, leaf.key)


def _pkcs8(key: bytes) -> bytes:
    """The only form that Kafka reads, and cert-manager may write."""
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return load_pem_private_key(key, password=None).private_bytes(*form)


def grpc_settings(authority: Authority, leaf: Leaf) -> dict[str, Path]:
    """Fields of any service's settings, for mutual TLS with solver pods."""
    return {"grpc_ca_file": authority.file, "grpc_certificate_file": leaf.certificate, "grpc_key_file": leaf.key}

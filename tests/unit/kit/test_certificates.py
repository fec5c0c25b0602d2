"""Files of certificates: mistakes are named by variable, and renewed files are taken."""

import ssl
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives import serialization

from graftwork.kit.certificates import CertificateFiles
from graftwork.kit.certificates import Renewed
from graftwork.kit.certificates import RenewedContext
from graftwork.kit.errors import CertificateUnusable
from tests.support.certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def files(ca: Path | None, certificate: Path | None = None, key: Path | None = None) -> CertificateFiles:
    return CertificateFiles("GRAFTWORK_KAFKA_", ca, certificate, key)


def mistake_in(given: CertificateFiles) -> str:
    with pytest.raises(CertificateUnusable) as refused:
        given.check()
    return str(refused.value)


def test_files_that_fit_each_other_are_taken(authority: Authority) -> None:
    leaf = authority.leaf("a")

    files(authority.file, leaf.certificate, leaf.key).check()
    files(None, leaf.both).check()


def test_what_stands_between_certificates_may_be_in_any_letters(authority: Authority, tmp_path: Path) -> None:
    commented = tmp_path / "ca.pem"
    commented.write_bytes("# Autorit\u00e9 de certification\n".encode() + authority.file.read_bytes())

    files(commented).check()


def test_a_file_that_is_not_there_is_named_with_its_variable(tmp_path: Path) -> None:
    missing = tmp_path / "ca.pem"

    assert mistake_in(files(missing)) == f"GRAFTWORK_KAFKA_CA_FILE: {missing} cannot be read: No such file or directory"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert mistake_in(files(tmp_path)) == f"GRAFTWORK_KAFKA_CA_FILE: {tmp_path} cannot be read: Is a directory"


def test_what_is_no_pem_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ca.der"
    path.write_bytes(b"\x30\x82\x01")

    assert mistake_in(files(path)) == f"GRAFTWORK_KAFKA_CA_FILE: {path} is no PEM file with a certificate"


def test_a_broken_certificate_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")

    assert mistake_in(files(path)).startswith(f"GRAFTWORK_KAFKA_CA_FILE: {path} holds a broken certificate (")


def test_a_certificate_is_no_key(authority: Authority) -> None:
    leaf = authority.leaf("a")

    told = mistake_in(files(None, leaf.certificate, leaf.certificate))

    assert told == f"GRAFTWORK_KAFKA_KEY_FILE: {leaf.certificate} is no PEM file with a private key"


def test_a_key_of_another_certificate_is_named(authority: Authority) -> None:
    one, other = authority.leaf("one"), authority.leaf("other")

    told = mistake_in(files(None, one.certificate, other.key))

    assert told == f"GRAFTWORK_KAFKA_KEY_FILE: {other.key} is not the key to {one.certificate}"


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_password(authority: Authority, tmp_path: Path) -> None:
    leaf, key = authority.leaf("a"), tmp_path / "encrypted.key"
    plain = serialization.load_pem_private_key(leaf.key.read_bytes(), password=None)
    encryption = serialization.BestAvailableEncryption(b"nobody knows")
    key.write_bytes(plain.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))

    assert "or its key is encrypted" in mistake_in(files(None, leaf.certificate, key))


def test_what_was_made_is_kept_until_a_file_is_another(authority: Authority) -> None:
    leaf = authority.leaf("a")
    chains = Renewed(files(authority.file, leaf.certificate, leaf.key), CertificateFiles.chain)
    first = chains.current()

    assert chains.current() is first
    authority.leaf("a")
    assert chains.current() == leaf.certificate.read_bytes() != first


def test_badly_renewed_files_are_told_once_and_the_last_good_ones_stay(authority: Authority) -> None:
    leaf = authority.leaf("a")
    chains = Renewed(files(authority.file, leaf.certificate, leaf.key), CertificateFiles.chain)
    first = chains.current()
    leaf.key.write_text("half a")

    with structlog.testing.capture_logs() as lines:
        assert [chains.current(), chains.current()] == [first, first]

    assert [(line["event"], line["log_level"]) for line in lines] == [("certificates.not_renewed", "warning")]
    assert str(leaf.key) in lines[0]["reason"]


def test_a_file_that_goes_away_leaves_the_last_good_ones(authority: Authority) -> None:
    leaf = authority.leaf("a")
    chains = Renewed(files(authority.file, leaf.certificate, leaf.key), CertificateFiles.chain)
    first = chains.current()
    leaf.key.unlink()

    assert chains.current() == first


def shown_by(context: ssl.SSLContext, authority: Authority) -> bytes | None:
    """The certificate that a client with ``context`` shows to a server which wants one."""
    leaf = authority.leaf("server")
    wanting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    wanting.verify_mode = ssl.CERT_REQUIRED
    wanting.load_verify_locations(authority.file)
    wanting.load_cert_chain(leaf.certificate, leaf.key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname="localhost")
    server = wanting.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server, client, server]
    for side in waiting:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return server.getpeercert(binary_form=True)


def test_the_next_handshake_shows_the_renewed_certificate(authority: Authority) -> None:
    leaf = authority.leaf("client")
    context = RenewedContext.of(files(authority.file, leaf.certificate, leaf.key))
    first = shown_by(context, authority)
    authority.leaf("client")

    second = shown_by(context, authority)

    assert ssl.PEM_cert_to_DER_cert(leaf.certificate.read_text()) == second != first


def test_the_names_of_servers_are_checked(authority: Authority) -> None:
    context = RenewedContext.of(files(authority.file))

    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_without_a_file_the_authorities_of_the_system_are_trusted(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))

    ours = ssl.PEM_cert_to_DER_cert(authority.file.read_text())
    assert ours in RenewedContext.of(files(None)).get_ca_certs(binary_form=True)

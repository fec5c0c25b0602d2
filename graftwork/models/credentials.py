"""Mutual TLS between callers and pods: each shows a certificate, and both trust one authority."""

import grpc

from graftwork.kit.certificates import CertificateFiles
from graftwork.kit.certificates import Renewed


def client_credentials(files: CertificateFiles) -> Renewed[grpc.ChannelCredentials]:
    """What a caller's channels are made with; a channel keeps what it was made with. Raises ``CertificateUnusable``."""
    return Renewed(files, _of_client)


def server_credentials(files: CertificateFiles) -> grpc.ServerCredentials:
    """A pod's, whose next handshake takes renewed files; callers without a certificate are not let in.

    Raises ``CertificateUnusable``.
    """
    renewed = Renewed(files, _of_server)
    initial = last = renewed.current()

    def changed() -> grpc.ServerCertificateConfiguration | None:
        """Called on a thread of gRPC's before each handshake."""
        nonlocal last
        before, last = last, renewed.current()
        return last if last is not before else None

    return grpc.dynamic_ssl_server_credentials(
        initial,
        changed,  # type: ignore[arg-type]  # the stubs do not know of None, which says "no change"
        require_client_authentication=True,
    )


def _of_client(files: CertificateFiles) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(files.authorities(), files.private_key(), files.chain())


def _of_server(files: CertificateFiles) -> grpc.ServerCertificateConfiguration:
    pairs = [(files.private_key(), files.chain())]
    return grpc.ssl_server_certificate_configuration(pairs, root_certificates=files.authorities())

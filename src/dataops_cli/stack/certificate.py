"""The certificate by which workers on other machines know the stack.

Key and certificate follow from a secret and the name in `worker.host`: neither is kept, and they cannot be those of
two. What a worker's machine is given, in the settings, is one line of base64.
"""

from __future__ import annotations

import base64
import hashlib
import ssl
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dataops_cli.errors import UsageError

if TYPE_CHECKING:
    from cryptography import x509

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
# RFC 5280, 4.1.2.5: no end. It is replaced with the secret.
END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def key_and_certificate(secret: str, host: str) -> tuple[bytes, bytes]:
    """The key and the certificate for a name or an IPv4 address, both in PEM; the same ones every time."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    # Slow, since the certificate is public, and by it a weak secret could be guessed.
    seed = hashlib.scrypt(secret.encode(), salt=b"dataops tls_key", n=2**14, r=8, p=1, dklen=32)
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = key.public_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dataops")])
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    certificate = (
        x509.CertificateBuilder(name, name, public, int.from_bytes(identifier.digest) >> 1, BEGIN, END)
        .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
        # It vouches for itself.
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=True, **usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(key, algorithm=None)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, certificate.public_bytes(serialization.Encoding.PEM)


def as_line(certificate: bytes) -> str:
    """A certificate in PEM as the setting has it."""
    return base64.b64encode(ssl.PEM_cert_to_DER_cert(certificate.decode())).decode()


def from_line(line: str) -> bytes:
    """The certificate of the setting, in PEM. Raises UsageError where it is none."""
    from cryptography import x509

    try:
        content = base64.b64decode(line, validate=True)
        x509.load_der_x509_certificate(content)
    except ValueError:
        raise UsageError(
            "worker.certificate is no certificate",
            hint="Take the line that this prints where the secrets of the stack are: dataops worker certificate",
        ) from None
    return ssl.DER_cert_to_PEM_cert(content).encode()


def _general_name(host: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(IPv4Address(host))
    except ValueError:
        return x509.DNSName(host)

"""Certificates of a test's own: an authority, and what it signs for 127.0.0.1 or a name."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


class Authority:
    """Signs certificates."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        begun = self._begun(self._name, self._key).add_extension(constraints, critical=True)
        self._certificate = begun.sign(self._key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        """Its own certificate."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def sign_into(self, folder: Path, name: str, host: str | None = None) -> None:
        """Write a new certificate and its key into a folder, as `tls.crt` and `tls.key`: for a host, else 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        served = x509.DNSName(host) if host else x509.IPAddress(ip_address("127.0.0.1"))
        names = x509.SubjectAlternativeName([served])
        begun = self._begun(_named(name), key).add_extension(names, critical=False)
        encoded = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        folder.mkdir(exist_ok=True)
        (folder / "tls.key").write_bytes(encoded)
        signed = begun.sign(self._key, hashes.SHA256())
        (folder / "tls.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def _begun(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

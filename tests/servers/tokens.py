"""Tokens that run out: what an OAuth2 server gives a client, signed with a key of the test's own (RS256)."""

import base64
import json
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def _words(said: bytes) -> str:
    return base64.urlsafe_b64encode(said).rstrip(b"=").decode()


class Issuer:
    """Gives tokens for the resource server ``shop``; who verifies them reads ``public_key``.

    Args:
        home: the directory the public key is written into.
    """

    def __init__(self, home: Path) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.public_key = home / "issuer.pem"
        self.public_key.write_bytes(
            self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )

    def token(self, seconds: float) -> str:
        """A token that allows everything, from now until ``seconds`` are over (to the second, as tokens are)."""
        scope = [f"shop.{right}:*/*/*" for right in ("read", "write", "configure")]
        head = {"alg": "RS256", "kid": "issuer", "typ": "JWT"}
        claims = {"aud": "shop", "sub": "anna", "exp": int(time.time() + seconds), "scope": scope}
        said = ".".join(_words(json.dumps(part).encode()) for part in (head, claims))
        return f"{said}.{_words(self._key.sign(said.encode(), padding.PKCS1v15(), SHA256()))}"

    @property
    def rabbitmq_conf(self) -> tuple[str, ...]:
        """The lines that have RabbitMQ (with ``rabbitmq_auth_backend_oauth2``) take its tokens for passcodes."""
        return (
            "auth_backends.1 = rabbit_auth_backend_oauth2",
            "auth_backends.2 = internal",
            "auth_oauth2.resource_server_id = shop",
            f"auth_oauth2.signing_keys.issuer = {self.public_key}",
            "auth_oauth2.default_key = issuer",
            "auth_oauth2.algorithms.1 = RS256",
        )

"""Tokens that another system signs with its private key."""

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask import Flask

from tests.web.tokens import by_hand, claims, let_in, refused, segment, token


def pem(key: Any) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_EC_KEY = ec.generate_private_key(ec.SECP256R1())


class TestPublicKeys:
    KEYS: dict[str, tuple[Any, Any]] = {"RS256": (RSA_KEY, OTHER_RSA_KEY), "ES256": (EC_KEY, OTHER_EC_KEY)}  # noqa: RUF012

    @pytest.fixture(params=["RS256", "ES256"])
    def keyed(self, request: pytest.FixtureRequest, make_app: Any) -> tuple[str, Flask]:
        key = self.KEYS[request.param][0]
        return request.param, make_app(JWT_ALGORITHM=request.param, JWT_PUBLIC_KEY=pem(key))

    def test_a_good_token_is_let_in(self, keyed: tuple[str, Flask]) -> None:
        algorithm, app = keyed
        let_in(app, f"Bearer {jwt.encode(claims(), self.KEYS[algorithm][0], algorithm)}")

    def test_a_one_line_key_works(self, make_app: Any) -> None:
        app = make_app(JWT_ALGORITHM="ES256", JWT_PUBLIC_KEY=pem(EC_KEY).replace("\n", "\\n"))
        let_in(app, f"Bearer {jwt.encode(claims(), EC_KEY, 'ES256')}")

    def test_another_key_is_refused(self, keyed: tuple[str, Flask]) -> None:
        algorithm, app = keyed
        refused(app, f"Bearer {jwt.encode(claims(), self.KEYS[algorithm][1], algorithm)}")

    def test_the_other_algorithm_is_refused(self, keyed: tuple[str, Flask]) -> None:
        algorithm, app = keyed
        other = "ES256" if algorithm == "RS256" else "RS256"
        refused(app, f"Bearer {jwt.encode(claims(), self.KEYS[other][0], other)}")

    def test_a_stronger_hash_is_refused(self, make_app: Any) -> None:
        app = make_app(JWT_ALGORITHM="RS256", JWT_PUBLIC_KEY=pem(RSA_KEY))
        for algorithm in ("RS384", "RS512", "PS256"):
            refused(app, f"Bearer {jwt.encode(claims(), RSA_KEY, algorithm)}")

    @pytest.mark.parametrize("spelling", [str, str.strip, lambda text: text.replace("\n", "\\n")])
    def test_the_public_key_is_no_hmac_secret(self, keyed: tuple[str, Flask], spelling: Any) -> None:
        algorithm, app = keyed
        secret = spelling(pem(self.KEYS[algorithm][0]))
        for word in ("HS256", algorithm):
            refused(app, f"Bearer {by_hand({'alg': word}, claims(), secret)}")

    def test_shared_secret_tokens_are_refused(self, keyed: tuple[str, Flask]) -> None:
        refused(keyed[1], f"Bearer {token()}")

    @pytest.mark.parametrize("word", ["none", "None", "nOnE"])
    def test_unsigned_tokens_are_refused(self, keyed: tuple[str, Flask], word: str) -> None:
        refused(keyed[1], f"Bearer {by_hand({'alg': word}, claims(), None)}")

    def test_the_signature_of_zeros_is_refused(self, keyed: tuple[str, Flask]) -> None:
        algorithm, app = keyed
        signed = f"{segment({'alg': algorithm})}.{segment(claims())}"
        for length in (0, 1, 64, 256):
            refused(app, f"Bearer {signed}.{segment(bytes(length))}")

    def test_a_key_of_the_wrong_kind_lets_nobody_in(self, make_app: Any) -> None:
        app = make_app(JWT_ALGORITHM="ES256", JWT_PUBLIC_KEY=pem(RSA_KEY))
        refused(app, f"Bearer {jwt.encode(claims(), EC_KEY, 'ES256')}")

    def test_a_broken_key_lets_nobody_in(self, make_app: Any) -> None:
        broken = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----"
        app = make_app(JWT_ALGORITHM="RS256", JWT_PUBLIC_KEY=broken)
        refused(app, f"Bearer {jwt.encode(claims(), RSA_KEY, 'RS256')}")

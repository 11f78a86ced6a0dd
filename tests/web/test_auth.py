"""Tokens that must be refused, and the few that must be accepted."""

import json
import time
from typing import Any

import pytest
from flask import Flask
from flask_jwt_extended import create_refresh_token

from tests.support import SECRET
from tests.web.tokens import by_hand, claims, let_in, refused, segment, token


def raw_claims(text: str, **changes: Any) -> str:
    """Make a signed token whose payload JSON has a number or word that json.dumps would not write."""
    payload = json.dumps(claims(**changes, marker="MARKER")).replace('"marker": "MARKER"', text)
    return by_hand({"alg": "HS256"}, payload.encode())


def test_a_good_token_is_let_in(app: Flask) -> None:
    let_in(app, f"Bearer {token()}")


LONG_NUMBER = segment(b'{"alg":"HS256","x":' + b"9" * 5_000 + b"}")
TEXT = segment(b'"HS256"')
UNSIGNED = ("none", "None", "nOnE", "NONE", "", None, 0, [], {})
OTHERWISE_SIGNED = ("none", "HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256", ["HS256"], {"a": 1})
WITHOUT_ROLE = token(roles=[]).split(".")
HEADERS = {
    "none at all": None,
    "empty": "",
    "only the word": "Bearer",
    "the word and a blank": "Bearer ",
    "no word": token(),
    "lower case": f"bearer {token()}",
    "upper case": f"BEARER {token()}",
    "another word": f"Token {token()}",
    "basic": "Basic Ym9zczpwYXNz",
    "no blank": f"Bearer{token()}",
    "something after": f"Bearer {token()} admin",
    "twice in one": f"Bearer {token()}, Bearer {token()}",
    "a list, the token first": f"Bearer {token()}, Basic Ym9zczpwYXNz",
    "a list, the token last": f"Basic Ym9zczpwYXNz, Bearer {token()}",
    "commas": ", ,,",
    "a comma and nothing": "Bearer a,, Bearer b",
    "two headers": [f"Bearer {token()}", f"Bearer {token()}"],
    "two headers that differ": [f"Bearer {token(sub='a')}", f"Bearer {token(sub='b')}"],
    "garbage": "Bearer garbage",
    "two dots": "Bearer ..",
    "many dots": "Bearer a.b.c.d.e",
    "bad base64": "Bearer !!!.???.***",
    "base64 of nothing": "Bearer e30.e30.e30",
    "non-ASCII": "Bearer \u00e9\u00e8.\u00fc.\u00df",
    "NUL": "Bearer a\x00b.c.d",
    "long": f"Bearer {'A' * 8_000}",
    "long and dotted": f"Bearer {'A' * 2_700}.{'A' * 2_700}.{'A' * 2_700}",
    "deep header": f"Bearer {segment(b'[' * 5_900)}.e30.e30",
    "deep object as header": f"Bearer {segment(b'{' + b'1:{' * 1_900)}.e30.e30",
    "deep payload": f"Bearer {segment({'alg': 'HS256'})}.{segment(b'[' * 5_800)}.e30",
    "long number in the header": f"Bearer {LONG_NUMBER}.e30.e30",
    "an array as header": f"Bearer {segment([])}.{segment(claims())}.AAAA",
    "a text as header": f"Bearer {TEXT}.{segment(claims())}.AAAA",
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers_that_are_not_believed(app: Flask, name: str) -> None:
    refused(app, HEADERS[name])


HOSTILE = {
    **{f"alg {word!r}": by_hand({"alg": word}, claims(), None) for word in UNSIGNED},
    **{f"alg {word!r}, signed": by_hand({"alg": word}, claims()) for word in OTHERWISE_SIGNED},
    "no alg": by_hand({"typ": "JWT"}, claims()),
    "another secret": token("another-secret-another-secret-another"),
    "the secret in another case": token(SECRET.upper()),
    "an empty secret": by_hand({"alg": "HS256"}, claims(), ""),
    "no signature": by_hand({"alg": "HS256"}, claims(), None),
    "a short signature": token()[:-20],
    "a signature of zeros": token().rsplit(".", 1)[0] + "." + "A" * 43,
    "another token's signature": token(sub="a").rsplit(".", 1)[0] + "." + token(sub="b").rsplit(".", 1)[1],
    "a role added": f"{WITHOUT_ROLE[0]}.{segment(claims())}.{WITHOUT_ROLE[2]}",
    "a key id as a path": by_hand({"alg": "HS256", "kid": "../../../../dev/null"}, claims(), ""),
    "a key id as SQL": by_hand({"alg": "HS256", "kid": "x' UNION SELECT 'a"}, claims(), "a"),
    "a key in the header": by_hand(
        {"alg": "HS256", "jwk": {"kty": "oct", "k": segment(b"a")}}, claims(), "a"
    ),
    "a key's address": by_hand({"alg": "HS256", "jku": "https://evil.example/jwks.json"}, claims(), "a"),
    "a certificate's address": by_hand({"alg": "HS256", "x5u": "https://evil.example/x.pem"}, claims(), "a"),
    "a critical extension": token(header={"crit": ["b64"], "b64": False}),
    "no expiry": token(exp=...),
    "expired long ago": token(exp=0),
    "expired before time": token(exp=-(10**30)),
    "expiry after ages": token(exp=10**30),
    "expiry after more than ages": token(exp=10**400),
    "expiry as text": token(exp="never"),
    "expiry as null": token(exp=None),
    "expiry as list": token(exp=[9_999_999_999]),
    "expiry as object": token(exp={}),
    "expiry infinite": raw_claims('"x": 1', exp=float("inf")),
    "expiry not a number": raw_claims('"x": 1', exp=float("nan")),
    "not before as list": token(nbf=[]),
    "not before infinite": raw_claims('"x": 1', nbf=float("inf")),
    "issued as text": token(iat="yesterday"),
    "issued as list": token(iat=[]),
    "no subject": token(sub=...),
    "an empty subject": token(sub=""),
    "a blank subject": token(sub=" "),
    "subject null": token(sub=None),
    "subject a number": token(sub=42),
    "subject a list": token(sub=["boss"]),
    "subject an object": token(sub={"id": "boss"}),
    "subject true": token(sub=True),
    "a subject too long": token(sub="b" * 256),
    "a subject with NUL": token(sub="bo\x00ss"),
    "a subject with half a character": token(sub="\ud800"),
    "a refresh token": token(type="refresh"),
    "a token of another type": token(type="id"),
    "payload an array": by_hand({"alg": "HS256"}, [claims()]),
    "payload a text": by_hand({"alg": "HS256"}, b'"boss"'),
    "payload a number": by_hand({"alg": "HS256"}, b"1"),
    "payload null": by_hand({"alg": "HS256"}, b"null"),
    "payload empty": by_hand({"alg": "HS256"}, b""),
    "payload no JSON": by_hand({"alg": "HS256"}, b"{sub:boss}"),
    "payload deep": by_hand({"alg": "HS256"}, b"[" * 5_000),
    "payload not UTF-8": by_hand({"alg": "HS256"}, b'{"sub":"\xff"}'),
    "a huge number": raw_claims('"x": ' + "9" * 5_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_tokens_that_are_not_believed(app: Flask, name: str) -> None:
    refused(app, f"Bearer {HOSTILE[name]}")


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -60), ("exp", -11), ("nbf", 60), ("iat", 3_600)])
def test_tokens_out_of_their_time_are_not_believed(app: Flask, claim: str, seconds: int) -> None:
    refused(app, f"Bearer {token(**{claim: int(time.time()) + seconds})}")


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -3), ("nbf", 6), ("iat", 6)])
def test_clocks_may_differ_by_some_seconds(app: Flask, claim: str, seconds: int) -> None:
    let_in(app, f"Bearer {token(**{claim: int(time.time()) + seconds})}")


def test_a_refresh_token_of_our_own_is_not_believed(app: Flask) -> None:
    with app.app_context():
        made = create_refresh_token("boss", additional_claims={"roles": ["admin"]})
    refused(app, f"Bearer {made}")


def test_a_token_in_a_cookie_or_the_address_is_not_believed(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie("access_token_cookie", token())
    answer = client.get(f"/api/mpesa/query/x?jwt={token()}&access_token={token()}")
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"nbf": ..., "iat": ..., "jti": ...},
        {"sub": "x" * 255},
        {"sub": "c\u0301\u0161 \u5e97"},
        {"extra": {"deep": [1, 2]}},
        {"type": "access"},
        {"iss": "anybody"},
    ],
    ids=str,
)
def test_tokens_that_are_believed(app: Flask, changes: dict[str, Any]) -> None:
    let_in(app, f"Bearer {token(**changes)}")


def test_a_key_id_does_no_harm_when_the_signature_is_right(app: Flask) -> None:
    let_in(app, f"Bearer {token(header={'kid': '../x', 'jku': 'https://evil.example'})}")

"""The issuer, the audience and the roles of a token."""

from typing import Any

import pytest
from flask import Flask

from tests.web.tokens import AUDIENCE, ISSUER, let_in, refused, send, token


class TestIssuerAndAudience:
    def test_both_right(self, strict_app: Flask) -> None:
        let_in(strict_app, f"Bearer {token(iss=ISSUER, aud=AUDIENCE)}")
        let_in(strict_app, f"Bearer {token(iss=ISSUER, aud=['other', AUDIENCE])}")

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": ISSUER},
            {"aud": AUDIENCE},
            {},
            {"iss": ISSUER, "aud": "other"},
            {"iss": ISSUER, "aud": []},
            {"iss": ISSUER, "aud": [1]},
            {"iss": ISSUER, "aud": {"mpesa": 1}},
            {"iss": ISSUER, "aud": "MPESA"},
            {"iss": "https://evil.example", "aud": AUDIENCE},
            {"iss": f"{ISSUER}/", "aud": AUDIENCE},
            {"iss": [ISSUER], "aud": AUDIENCE},
            {"iss": None, "aud": AUDIENCE},
            {"iss": 1, "aud": AUDIENCE},
            {"iss": ISSUER, "aud": None},
        ],
        ids=str,
    )
    def test_any_other_is_refused(self, strict_app: Flask, changes: dict[str, Any]) -> None:
        refused(strict_app, f"Bearer {token(**changes)}")

    def test_a_token_for_somebody_else_is_refused_where_none_is_set(self, app: Flask) -> None:
        """A token with an audience is only for that audience."""
        answer = send(app, "query", f"Bearer {token(aud='another-service')}")
        assert answer.status_code in {401, 404}


class TestRoles:
    @pytest.mark.parametrize("roles", ["admin", ["admin"], ["user", "admin"], ["admin", 1, None]], ids=str)
    def test_admins(self, app: Flask, roles: Any) -> None:
        assert send(app, "refund", f"Bearer {token(roles=roles)}").status_code == 404

    @pytest.mark.parametrize(
        "roles",
        [
            ...,
            None,
            "",
            [],
            {},
            "user",
            ["user"],
            "Admin",
            ["ADMIN"],
            "admin user",
            "admin,user",
            ["administrator"],
            [["admin"]],
            {"admin": True},
            [{"admin": True}],
            1,
            True,
            "*",
            "\u0430dmin",
        ],
        ids=str,
    )
    def test_anything_else_is_not_an_admin(self, app: Flask, roles: Any) -> None:
        header = f"Bearer {token(roles=roles)}"
        answer = send(app, "refund", header)
        assert answer.status_code == 403
        assert answer.json == {
            "error": "Forbidden",
            "message": "This request requires a role that the token does not have.",
            "code": "forbidden",
            "requestId": answer.headers["X-Request-Id"],
        }
        assert send(app, "initiate", header).status_code == 400
        assert send(app, "query", header).status_code == 404

    def test_other_claims_do_not_count(self, app: Flask) -> None:
        sent = token(roles=[], role="admin", admin=True, scope="admin", is_admin=True)
        assert send(app, "refund", f"Bearer {sent}").status_code == 403

    def test_the_claim_has_the_name_that_is_configured(self, make_app: Any) -> None:
        app = make_app(JWT_ROLES_CLAIM="https://id.example/groups")
        sent = token(roles=["admin"])
        assert send(app, "refund", f"Bearer {sent}").status_code == 403
        sent = token(roles=..., **{"https://id.example/groups": ["admin"]})
        assert send(app, "refund", f"Bearer {sent}").status_code == 404

    def test_a_dotted_name_is_one_name(self, make_app: Any) -> None:
        app = make_app(JWT_ROLES_CLAIM="realm_access.roles")
        assert send(app, "refund", f"Bearer {token(realm_access={'roles': ['admin']})}").status_code == 403

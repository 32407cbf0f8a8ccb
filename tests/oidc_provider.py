"""An OpenID provider in a process of its own: ``python oidc_provider.py CLIENT SECRET REDIRECT``.

idpyoidc does the protocol: PKCE, prompt, max_age, auth_time, its own sessions, signed tokens. This
file opens a door to it: a form that takes any name with the password "open". Prints the issuer.
"""

from __future__ import annotations

import html
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from idpyoidc.server import Server
from idpyoidc.server.configure import OPConfiguration
from idpyoidc.server.user_authn.user import UserAuthnMethod
from idpyoidc.time_util import utc_time_sans_frac

OIDC = "idpyoidc.server.oidc"
METADATA = ".well-known/openid-configuration"
CONTENT = "application/json"


class Form(UserAuthnMethod):
    """Asks for a name and a password."""

    def __call__(self, **asked: Any) -> str:
        query = html.escape(asked["query"], quote=True)
        return f'<form action="/verify" method="post"><input name="query" value="{query}"></form>'

    def verify(self, *_: Any, **given: Any) -> str | None:
        return given["name"] if given["password"] == "open" else None


def subject(user: str, **_: Any) -> str:
    """The same `sub` for a name in every run."""
    return f"subject-of-{user}"


def endpoint(path: str, kind: str, **options: Any) -> dict[str, Any]:
    return {"path": path, "class": f"{OIDC}.{kind}", "kwargs": options}


def keys(*names: str, use: str = "enc") -> dict[str, Any]:
    return {"key_defs": [{"type": "OCT", "use": [use], "kid": name} for name in names]}


def configuration(issuer: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "key_conf": {
            "uri_path": "jwks.json",
            "key_defs": [
                {"type": "RSA", "use": ["sig"]},  # of id_tokens
                {"type": "EC", "crv": "P-256", "use": ["sig"]},  # of access tokens
            ],
        },
        "endpoint": {
            "provider_config": endpoint(METADATA, "provider_config.ProviderConfiguration"),
            "authorization": endpoint("authorization", "authorization.Authorization"),
            "token": endpoint("token", "token.Token", client_authn_method=["client_secret_basic"]),
            "userinfo": endpoint("userinfo", "userinfo.UserInfo"),
        },
        "userinfo": {"class": "idpyoidc.server.user_info.UserInfo", "kwargs": {"db": {}}},
        "authentication": {"form": {"acr": "form", "class": Form, "kwargs": {}}},
        "token_handler_args": {
            "code": {"lifetime": 60},
            "token": {"class": "idpyoidc.server.token.jwt_token.JWTToken", "kwargs": {}},
            "id_token": {
                "class": "idpyoidc.server.token.id_token.IDToken",
                "kwargs": {"base_claims": {"auth_time": {"essential": True}}},
            },
        },
        "authz": {
            "class": "idpyoidc.server.authz.AuthzHandling",
            "kwargs": {
                "grant_config": {
                    "usage_rules": {
                        "authorization_code": {
                            "supports_minting": ["access_token", "id_token"],
                            "max_usage": 1,
                        },
                        "access_token": {},
                    },
                    "expires_in": 300,
                }
            },
        },
        "add_ons": {
            "pkce": {
                "function": "idpyoidc.server.oauth2.add_on.pkce.add_support",
                "kwargs": {"essential": True, "code_challenge_method": "S256"},
            }
        },
        "cookie_handler": {
            "class": "idpyoidc.server.cookie_handler.CookieHandler",
            "kwargs": {
                "keys": {"key_defs": keys("enc")["key_defs"] + keys("sig", use="sig")["key_defs"]},
                "name": {"session": "op", "register": "opr", "session_management": "ops"},
            },
        },
        "session_params": {
            "encrypter": {"kwargs": {"keys": keys("password", "salt"), "iterations": 1}},
            "sub_func": {"public": {"function": subject}},
        },
        "claims_interface": {
            "class": "idpyoidc.server.session.claims.ClaimsInterface",
            "kwargs": {},
        },
    }


class Door(BaseHTTPRequestHandler):
    """HTTP in front of the provider."""

    provider: Server

    def do_GET(self) -> None:
        target = urlsplit(self.path)
        if target.path == "/jwks.json":
            self.answer(200, json.dumps(self.provider.keyjar.export_jwks()))
        else:
            name = "provider_config" if target.path == f"/{METADATA}" else "authorization"
            self.ask(name, dict(parse_qsl(target.query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        given = dict(parse_qsl(body))
        if self.path == "/token":
            self.ask("token", given)
        else:
            self.log_in(given)

    def ask(self, name: str, given: dict[str, str]) -> None:
        asked = self.provider.get_endpoint(name)
        headers = {key.lower(): value for key, value in self.headers.items()}
        about = {"headers": headers, "method": self.command, "url": self.path}
        about["cookie"] = [
            {"name": name, "value": value}
            for name, _, value in (
                part.partition("=") for part in headers.get("cookie", "").split("; ")
            )
        ]
        request = asked.parse_request(given, http_info=about)
        self.send(asked, asked.process_request(request, http_info=about), request)

    def log_in(self, given: dict[str, str]) -> None:
        authorization = self.provider.get_endpoint("authorization")
        form = self.provider.context.authn_broker["form"]["method"]
        name = form.verify(**given)
        if name is None:
            self.answer(403, "{}")
            return
        request = authorization.request_cls().from_urlencoded(given["query"])
        now = utc_time_sans_frac()
        session = authorization.create_session(request, name, "form", now, form)
        self.send(authorization, authorization.authz_part2(request, session), request)

    def send(self, asked: Any, info: Any, request: Any) -> None:
        if "http_response" in info:
            self.answer(200, info["http_response"])
            return
        done = asked.do_response(request=request, **info)
        cookies = [("Set-Cookie", f"{c['name']}={c['value']}") for c in info.get("cookie", [])]
        if "return_uri" in info:
            self.answer(303, "", ("Location", done["response"]), *cookies)
        else:
            self.answer(done.get("response_code", 200), done["response"], *cookies)

    def answer(self, status: int, body: str, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", CONTENT), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    client, secret, redirect = sys.argv[1:]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    issuer = f"http://127.0.0.1:{server.server_port}"
    made = OPConfiguration(conf=configuration(issuer), base_path=".", domain="127.0.0.1")
    Door.provider = Server(made, cwd=".")
    Door.provider.context.cdb[client] = {
        "client_secret": secret,
        "redirect_uris": [(redirect, {})],
        "response_types_supported": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
        "allowed_scopes": ["openid"],
        "grant_types_supported": ["authorization_code"],
    }
    print(issuer, flush=True)  # noqa: T201  # whoever started this process waits for it
    server.serve_forever()


if __name__ == "__main__":
    main()

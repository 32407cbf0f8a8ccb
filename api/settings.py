"""Settings of the API process, read once from the environment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path  # noqa: TC003 - pydantic reads the annotation when it runs
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.devices.broker_auth import AuthoritySettings
from api.identity.oidc import ProviderSettings
from api.identity.passwords import Work
from api.signing import seed_from_text
from coldgate.storage.sessions import Ages

MEBIBYTE: Final = 1024 * 1024


class ApiSettings(BaseSettings):
    """Everything the API process is told; prefix ``COLDGATE_API_``, the database's own apart.

    The three ``authority_`` values belong together: without them this process answers no question
    of the broker, as with a broker that has a password file.
    """

    model_config = SettingsConfigDict(
        env_prefix="COLDGATE_API_", frozen=True, populate_by_name=True, extra="ignore"
    )

    database_dsn: SecretStr = Field(validation_alias="COLDGATE_DATABASE_DSN")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    pool_size: int = Field(default=8, ge=2)
    lock_wait: timedelta = Field(default=timedelta(seconds=3), ge=timedelta(milliseconds=1))
    statement_limit: timedelta = Field(default=timedelta(seconds=10), ge=timedelta(milliseconds=1))
    operator_key: SecretStr | None = Field(default=None, min_length=16)
    signing_key: SecretStr  # 32 bytes, base64url: signs permits, signatures and checkpoints
    permit_lifetime: timedelta = Field(default=timedelta(minutes=15), gt=timedelta(0))
    password_work: Work = Work.STRONG
    session_idle: timedelta = Field(default=timedelta(minutes=30), gt=timedelta(0))
    session_lifetime: timedelta = Field(default=timedelta(hours=12), gt=timedelta(0))
    login_attempts: int = Field(default=10, ge=1)
    login_attempts_per_address: int = Field(default=100, ge=1)
    login_window: timedelta = Field(default=timedelta(minutes=15), gt=timedelta(0))
    invitation_lifetime: timedelta = Field(default=timedelta(days=7), gt=timedelta(0))
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_redirect_uri: str | None = None
    operator_invitation: SecretStr | None = Field(default=None, min_length=16)
    ledger_origin: str = Field(default="coldgate.local/ledger", pattern=r"^[!-*,-~]{3,200}$")
    checkpoint_file: Path | None = None  # beyond the reach of whoever owns the database
    document_bytes: int = Field(default=10 * MEBIBYTE, ge=1024, le=256 * MEBIBYTE)
    broker_host: str = "127.0.0.1"
    broker_port: int = Field(default=1883, ge=1, le=65535)
    authority_url: str | None = None
    authority_password: SecretStr | None = None
    authority_seed: SecretStr | None = None

    @field_validator("signing_key")
    @classmethod
    def _signing_key_is_one(cls, secret: SecretStr) -> SecretStr:
        seed_from_text(secret.get_secret_value())
        return secret

    @model_validator(mode="after")
    def _authority_is_whole(self) -> ApiSettings:
        given = (self.authority_url, self.authority_password, self.authority_seed)
        if any(given) and not all(given):
            raise ValueError("authority url, password and seed are given together or not at all")
        return self

    @model_validator(mode="after")
    def _provider_is_whole(self) -> ApiSettings:
        given = (
            self.oidc_issuer,
            self.oidc_client_id,
            self.oidc_client_secret,
            self.oidc_redirect_uri,
        )
        if any(given) and not all(given):
            raise ValueError("oidc issuer, client id and secret, redirect are given together")
        if self.oidc_issuer and not _is_private(self.oidc_issuer):
            raise ValueError("oidc issuer must be https, or on this machine")
        return self

    @property
    def provider(self) -> ProviderSettings | None:
        """The identity provider; None where people have passwords only."""
        if not (
            self.oidc_issuer
            and self.oidc_client_id
            and self.oidc_client_secret
            and self.oidc_redirect_uri
        ):
            return None
        return ProviderSettings(
            issuer=self.oidc_issuer,
            client_id=self.oidc_client_id,
            client_secret=self.oidc_client_secret,
            redirect_uri=self.oidc_redirect_uri,
        )

    @property
    def session_ages(self) -> Ages:
        """How long sessions live."""
        return Ages(idle=self.session_idle, lifetime=self.session_lifetime)

    @property
    def authority(self) -> AuthoritySettings | None:
        """How to answer the broker; None where another way of authorisation is in use."""
        if not (self.authority_url and self.authority_password and self.authority_seed):
            return None
        return AuthoritySettings(
            url=self.authority_url,
            password=self.authority_password.get_secret_value(),
            seed=self.authority_seed.get_secret_value(),
        )


def _is_private(url: str) -> bool:
    """Whether nobody in between can change what comes from there."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in {"127.0.0.1", "localhost", "::1"}

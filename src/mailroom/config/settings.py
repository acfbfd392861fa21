"""Every setting, each with a safe default; reading this module changes nothing on the disk."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF, UNSAFE_INLINE
from django.utils.functional import SimpleLazyObject

from mailroom.config import keys, logs, storage
from mailroom.config.env import (
    SettingRefused,
    env_base_url,
    env_choice,
    env_endpoint,
    env_file,
    env_list,
    env_secret,
    env_text,
)

PACKAGE = Path(__file__).resolve().parents[1]
ANYWHERE = {"0.0.0.0", "::"}  # noqa: S104 (looked up, not bound)

# ------------------------------------------------------------------ ours: what the environment says

MAILROOM_DATA_DIR = Path(env_text("MAILROOM_DATA_DIR", "var")).expanduser().resolve()
MAILROOM_BIND = env_endpoint("MAILROOM_BIND", "127.0.0.1:8025")
# "Any address" is none to write in a link.
_seen = MAILROOM_BIND._replace(host="localhost") if MAILROOM_BIND.host in ANYWHERE else MAILROOM_BIND
MAILROOM_BASE_URL = env_base_url("MAILROOM_BASE_URL", f"http://{_seen}")
MAILROOM_BLOBS_URL = env_text("MAILROOM_BLOBS_URL")  # empty = SQLite at MAILROOM_BLOBS_PATH
MAILROOM_BLOBS_PATH = storage.blobs_path(MAILROOM_BLOBS_URL, data_dir=MAILROOM_DATA_DIR)
MAILROOM_CA_FILE = env_file("MAILROOM_CA_FILE")
MAILROOM_ALLOW_HOSTS = env_list("MAILROOM_ALLOW_HOSTS")
# A tuple of Fernet keys, newest first; made on first use.
MAILROOM_VAULT_KEYS = SimpleLazyObject(lambda: keys.vault_keys(MAILROOM_DATA_DIR))


def _oauth(provider: str) -> dict[str, str] | None:
    """Client of one provider, or None: its buttons are absent."""
    name = f"MAILROOM_OAUTH_{provider}"
    client_id, secret = env_text(f"{name}_CLIENT_ID"), env_secret(f"{name}_CLIENT_SECRET")
    if not client_id and not secret:
        return None
    if not client_id or not secret:
        raise SettingRefused(
            f"{name}_CLIENT_ID and {name}_CLIENT_SECRET belong together: set both or neither."
        )
    client = {"client_id": client_id, "client_secret": secret}
    if provider == "OIDC":
        client["issuer"] = _issuer()
    return client


def _issuer() -> str:
    """The OpenID issuer; unlike the base URL it may have a path."""
    issuer = env_text("MAILROOM_OAUTH_OIDC_ISSUER").rstrip("/")
    if urlsplit(issuer).scheme not in {"http", "https"} or not urlsplit(issuer).hostname:
        raise SettingRefused(
            "MAILROOM_OAUTH_OIDC_ISSUER is missing or odd: write the issuer's https:// address."
        )
    return issuer


MAILROOM_OAUTH = {
    name.lower(): client for name in ("GOOGLE", "MICROSOFT", "OIDC") if (client := _oauth(name)) is not None
}

# ------------------------------------------------------------------ Django

SECRET_KEY = SimpleLazyObject(lambda: keys.secret_key(MAILROOM_DATA_DIR))
DEBUG = False
_public = urlsplit(MAILROOM_BASE_URL)
_secure = _public.scheme == "https"
_bound = MAILROOM_BIND.host
ALLOWED_HOSTS = sorted(
    {str(_public.hostname), "localhost", "127.0.0.1", "[::1]", f"[{_bound}]" if ":" in _bound else _bound}
)
CSRF_TRUSTED_ORIGINS = [MAILROOM_BASE_URL]
ROOT_URLCONF = "mailroom.config.urls"
ASGI_APPLICATION = "mailroom.config.asgi.application"
AUTH_USER_MODEL = "people.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "mailroom.web",
    "mailroom.data.outbox",
    "mailroom.data.mail",
    "mailroom.data.contacts",
    "mailroom.data.people",
    "mailroom.data.vault",
    "mailroom.data.blobs",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "csp",
    "allauth",
    "allauth.account",
    "auditlog",
    "lucide",
    "js_asset",
    "django_prose_editor",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "mailroom.config.static.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "auditlog.middleware.AuditlogMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Ours before those of any library, so that a screen can be ours by name.
        "DIRS": [PACKAGE / "web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ]
        },
    }
]

DATABASES = {"default": storage.database_settings(env_text("DATABASE_URL"), data_dir=MAILROOM_DATA_DIR)}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "mailroom.config.static.StampedStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("pl", "Polski"), ("it", "Italiano")]
LOCALE_PATHS = [PACKAGE / "locale"]

# A letter with attachments arrives by REST as one JSON document.
DATA_UPLOAD_MAX_MEMORY_SIZE = 100 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
FILE_UPLOAD_PERMISSIONS = 0o600

# ------------------------------------------------------------------ signing in

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "mailroom.config.sign_in.NoSignUp"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _public.scheme
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": "10/m/ip,5/5m/key"}
# Mailroom's own letters go through the system account, never through a mail server of Django's settings.
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

# ------------------------------------------------------------------ what a browser may do

SESSION_COOKIE_NAME = "mailroom_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = _secure
CSRF_COOKIE_NAME = "mailroom_csrf"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = _secure
LANGUAGE_COOKIE_NAME = "mailroom_language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = _secure
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
# The frame of a letter comes from this very server.
X_FRAME_OPTIONS = "SAMEORIGIN"
if _secure:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 30 * 24 * 3600

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        # The editor writes <style> elements and style attributes; no other source is let in by this.
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "media-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

# ------------------------------------------------------------------ logs and history

LOGGING = logs.logging_config(
    style=env_choice("MAILROOM_LOG_FORMAT", "text", allowed=("text", "json")),
    level=env_choice("MAILROOM_LOG_LEVEL", "info", allowed=("debug", "info", "warning", "error")).upper(),
)
logs.configure_structlog()
AUDITLOG_INCLUDE_ALL_MODELS = False

"""Django's settings, read from the environment. `docs/operate.md` lists every variable."""

from datetime import timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import Any

from hyperoru.environment import (
    BASE_DIR,
    MARKETS,
    check_limit,
    check_production,
    choice,
    classes,
    env,
    fraction,
    proxies,
    secret_key,
    span,
    var_dir,
)
from hyperoru.redis_host import redis_host

PRODUCTION = choice("HYPERORU_ENV", "development", ("development", "production")) == "production"
DEBUG = env.bool("DEBUG", default=False)
REDIS_URL = env.str("REDIS_URL", default="")
SECRET_KEY = secret_key(production=PRODUCTION)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "daphne",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "knox",
    "accounts",
    "trading",
    "realtime",
    "hyperoru",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "hyperoru.middleware.Compressed",
    "hyperoru.middleware.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "hyperoru.urls"
ASGI_APPLICATION = "hyperoru.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{var_dir() / 'hyperoru.sqlite3'}")
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # WAL lets readers and the one writer pass each other; IMMEDIATE takes the write lock at BEGIN instead of
    # failing in the middle; FULL makes a commit survive a power cut.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
    # A file, not memory: the tests' threads and processes share it as the server's do.
    DATABASES["default"]["TEST"] = {"NAME": str(var_dir() / "test.sqlite3")}
else:
    # A connection lives as long as an HTTP request, whose thread ends with it under ASGI; the threads of the desk, the
    # engine and the sockets keep theirs (`trading.reading.refresh_connections`).
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    # A server behind a cable that was pulled is an error, not silence.
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        connect_timeout=5,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
        prepare_threshold=2,
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": (
        {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [redis_host(REDIS_URL)]}}
        if REDIS_URL
        else {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 10_000, "group_expiry": 10**9}}
    )
}

AUTH_USER_MODEL = "accounts.User"
KNOX_TOKEN_MODEL = "accounts.SessionToken"  # noqa: S105  (a model, not a password)
MIGRATION_MODULES = {"knox": None}  # its own token table is replaced by ours
REST_KNOX = {"TOKEN_TTL": timedelta(days=env.int("HYPERORU_TOKEN_DAYS", default=30))}
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SECURE = PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "trading.api.authentication.SessionTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "COERCE_DECIMAL_TO_STRING": False,
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]  # another one: its name here, its catalogs under locale/ (docs/dashboard.md)
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = var_dir() / "staticfiles"
STATIC_ROOT.mkdir(exist_ok=True)
CHARTS = BASE_DIR / "node_modules" / "lightweight-charts" / "dist"
STATICFILES_DIRS = [BASE_DIR / "static", *([("charts", CHARTS)] if CHARTS.is_dir() else [])]
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = not PRODUCTION
UNFOLD = {"SITE_TITLE": "Hyperoru", "SITE_HEADER": "Hyperoru", "SITE_URL": "/"}

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "daphne": {"level": "WARNING"},
        "uvicorn.access": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
        # Language models are asked by these, which at lower levels tell what the headers of an endpoint say.
        "openai": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "httpcore2": {"level": "WARNING"},
    },
}

# The market and the exchange
HYPERORU_MARKET = choice("HYPERORU_MARKET", "replay", MARKETS)
HYPERORU_REPLAY_SPEED = env.float("HYPERORU_REPLAY_SPEED", default=60.0)
# How many hours of the market there are in one of the clock
MARKET_PACE = max(1, int(HYPERORU_REPLAY_SPEED)) if HYPERORU_MARKET in ("replay", "simulated") else 1
HYPERORU_DECISION_ORDERS_PER_HOUR = env.int("HYPERORU_DECISION_ORDERS_PER_HOUR", default=60)
check_limit("HYPERORU_DECISION_ORDERS_PER_HOUR", HYPERORU_DECISION_ORDERS_PER_HOUR, most=10**6)
HYPERORU_MARKET_SEED = env.int("HYPERORU_MARKET_SEED", default=1)
HYPERORU_STALE_AFTER_S = env.float("HYPERORU_STALE_AFTER_S", default=15.0)
HYPERORU_TICK_S = env.float("HYPERORU_TICK_S", default=0.25)
HYPERORU_EQUITY_EVERY_S = env.float("HYPERORU_EQUITY_EVERY_S", default=10.0)
HYPERORU_LEASE_S = env.float("HYPERORU_LEASE_S", default=4.0)
HYPERORU_LATENCY_MS = span("HYPERORU_LATENCY_MS", "0", most=60_000)
HYPERORU_ASSUMED_REFILL_S = env.float("HYPERORU_ASSUMED_REFILL_S", default=10.0)
check_limit("HYPERORU_ASSUMED_REFILL_S", HYPERORU_ASSUMED_REFILL_S, most=86_400)
HYPERORU_MARKET_SLIPPAGE = fraction("HYPERORU_MARKET_SLIPPAGE", "0.05")
HYPERORU_TRIGGER_SLIPPAGE = fraction("HYPERORU_TRIGGER_SLIPPAGE", "0.10")
HYPERORU_MARKET_NOTIONALS = classes("HYPERORU_MARKET_NOTIONALS", "25:15000000,20:5000000,10:2000000,1:500000")
HYPERORU_LIMIT_MULTIPLE = env.int("HYPERORU_LIMIT_MULTIPLE", default=10)
HYPERORU_MAX_OPEN_ORDERS = env.int("HYPERORU_MAX_OPEN_ORDERS", default=1_000)
HYPERORU_MARGIN_FOR_FEES = env.bool("HYPERORU_MARGIN_FOR_FEES", default=False)
HYPERORU_WITHDRAWABLE_SHARE = fraction("HYPERORU_WITHDRAWABLE_SHARE", "0.1")
HYPERORU_FUNDING_ROUNDING = choice("HYPERORU_FUNDING_ROUNDING", "ROUND_DOWN", (ROUND_DOWN, ROUND_HALF_EVEN))
HYPERORU_LIQUIDATION_SLIPPAGE = fraction("HYPERORU_LIQUIDATION_SLIPPAGE", "0.05")
HYPERORU_LIQUIDATION_PARTIAL_ABOVE = Decimal(env.str("HYPERORU_LIQUIDATION_PARTIAL_ABOVE", default="100000"))
HYPERORU_LIQUIDATION_PARTIAL_SHARE = Decimal(env.str("HYPERORU_LIQUIDATION_PARTIAL_SHARE", default="0.2"))
HYPERORU_LIQUIDATION_COOLDOWN_S = env.float("HYPERORU_LIQUIDATION_COOLDOWN_S", default=30.0)
HYPERORU_WORKERS = env.int("HYPERORU_WORKERS", default=1)
HYPERORU_BATCH_SIZE = env.int("HYPERORU_BATCH_SIZE", default=64)
HYPERORU_RECONCILE_EVERY_S = env.float("HYPERORU_RECONCILE_EVERY_S", default=3_600.0)  # 0: never
check_limit("HYPERORU_RECONCILE_EVERY_S", HYPERORU_RECONCILE_EVERY_S, most=2_592_000)

# The models: how many are asked at once, how long a run may take, what an account's may cost a day
HYPERORU_MODEL_RUNS_AT_ONCE = env.int("HYPERORU_MODEL_RUNS_AT_ONCE", default=4)
HYPERORU_MODEL_RUN_S = env.float("HYPERORU_MODEL_RUN_S", default=300.0)
HYPERORU_LLM_DAILY_USD = Decimal(env.str("HYPERORU_LLM_DAILY_USD", default="5"))
check_limit("HYPERORU_MODEL_RUNS_AT_ONCE", HYPERORU_MODEL_RUNS_AT_ONCE, most=1_000)
check_limit("HYPERORU_MODEL_RUN_S", HYPERORU_MODEL_RUN_S, most=86_400)

# The event log: what of it is kept, and how often the engine prunes the rest; 0 turns each off
HYPERORU_EVENTS_KEEP_DAYS = env.float("HYPERORU_EVENTS_KEEP_DAYS", default=7.0)
HYPERORU_EVENTS_KEEP_COUNT = env.int("HYPERORU_EVENTS_KEEP_COUNT", default=100_000)
HYPERORU_PRUNE_EVERY_S = env.float("HYPERORU_PRUNE_EVERY_S", default=60.0)
check_limit("HYPERORU_EVENTS_KEEP_DAYS", HYPERORU_EVENTS_KEEP_DAYS, most=36_500)
check_limit("HYPERORU_EVENTS_KEEP_COUNT", HYPERORU_EVENTS_KEEP_COUNT, most=10**12)
check_limit("HYPERORU_PRUNE_EVERY_S", HYPERORU_PRUNE_EVERY_S, most=86_400)

# The socket
HYPERORU_MAX_FRAME_BYTES = env.int("HYPERORU_MAX_FRAME_BYTES", default=65_536)
HYPERORU_MAX_IN_FLIGHT = env.int("HYPERORU_MAX_IN_FLIGHT", default=32)
HYPERORU_MAX_QUEUED_BYTES = env.int("HYPERORU_MAX_QUEUED_BYTES", default=1_048_576)
HYPERORU_MAX_QUEUED_S = env.float("HYPERORU_MAX_QUEUED_S", default=20.0)
HYPERORU_PING_EVERY_S = env.float("HYPERORU_PING_EVERY_S", default=20.0)
HYPERORU_PONG_WITHIN_S = env.float("HYPERORU_PONG_WITHIN_S", default=20.0)
check_limit("HYPERORU_MAX_QUEUED_S", HYPERORU_MAX_QUEUED_S, most=3_600)
check_limit("HYPERORU_PING_EVERY_S", HYPERORU_PING_EVERY_S, most=3_600)
check_limit("HYPERORU_PONG_WITHIN_S", HYPERORU_PONG_WITHIN_S, most=3_600)
HYPERORU_DEFLATE = env.bool("HYPERORU_DEFLATE", default=False)
HYPERORU_CONNECT_TIMEOUT_S = env.float("HYPERORU_CONNECT_TIMEOUT_S", default=60.0)
HYPERORU_LOG_LOOK_S = env.float("HYPERORU_LOG_LOOK_S", default=0.2)
HYPERORU_REFRESH_S = env.float("HYPERORU_REFRESH_S", default=1.0)
HYPERORU_ORM_THREADS = env.int("HYPERORU_ORM_THREADS", default=4)
HYPERORU_ALLOWED_ORIGINS = env.list("HYPERORU_ALLOWED_ORIGINS", default=[])

# How fast, and how many; 0 is no limit
HYPERORU_MESSAGES_PER_S = env.float("HYPERORU_MESSAGES_PER_S", default=50.0)
HYPERORU_MESSAGES_BURST = env.int("HYPERORU_MESSAGES_BURST", default=100)
HYPERORU_MALFORMED_BURST = env.int("HYPERORU_MALFORMED_BURST", default=20)
HYPERORU_ORDERS_PER_S = env.float("HYPERORU_ORDERS_PER_S", default=20.0)
HYPERORU_ORDERS_BURST = env.int("HYPERORU_ORDERS_BURST", default=50)
HYPERORU_CANCELS_PER_S = env.float("HYPERORU_CANCELS_PER_S", default=40.0)
HYPERORU_CANCELS_BURST = env.int("HYPERORU_CANCELS_BURST", default=100)
HYPERORU_UNAUTHENTICATED_PER_ADDRESS = env.int("HYPERORU_UNAUTHENTICATED_PER_ADDRESS", default=10)
HYPERORU_SOCKETS_PER_ADDRESS = env.int("HYPERORU_SOCKETS_PER_ADDRESS", default=100)
check_limit("HYPERORU_MESSAGES_PER_S", HYPERORU_MESSAGES_PER_S, most=10**6)
check_limit("HYPERORU_MESSAGES_BURST", HYPERORU_MESSAGES_BURST, most=10**6)
check_limit("HYPERORU_MALFORMED_BURST", HYPERORU_MALFORMED_BURST, most=10**6)
check_limit("HYPERORU_ORDERS_PER_S", HYPERORU_ORDERS_PER_S, most=10**6)
check_limit("HYPERORU_ORDERS_BURST", HYPERORU_ORDERS_BURST, most=10**6)
check_limit("HYPERORU_CANCELS_PER_S", HYPERORU_CANCELS_PER_S, most=10**6)
check_limit("HYPERORU_CANCELS_BURST", HYPERORU_CANCELS_BURST, most=10**6)
check_limit("HYPERORU_UNAUTHENTICATED_PER_ADDRESS", HYPERORU_UNAUTHENTICATED_PER_ADDRESS, most=10**6)
check_limit("HYPERORU_SOCKETS_PER_ADDRESS", HYPERORU_SOCKETS_PER_ADDRESS, most=10**6)
HYPERORU_TRUSTED_PROXIES = proxies("HYPERORU_TRUSTED_PROXIES")

if PRODUCTION:
    check_production(
        debug=DEBUG, redis_url=REDIS_URL, database=DATABASES["default"]["ENGINE"], workers=HYPERORU_WORKERS
    )

"""Settings, read from the environment. With none set, everything lives in ./var on SQLite and a local broker."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import quote

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)  # the database and secrets: its owner only


def _kept_secret(name):
    """A random secret made once for this folder, readable by its owner only."""
    path = VAR_DIR / name
    if not path.exists():
        # Written aside and linked into place: two processes at their first start read the same whole secret.
        with NamedTemporaryFile("w", dir=VAR_DIR) as fresh:  # made for its owner only
            fresh.write(secrets.token_urlsafe(50))
            fresh.flush()
            with suppress(FileExistsError):
                os.link(fresh.name, path)
    return path.read_text()


DEBUG = env.bool("DEBUG", default=False)
DEMO = env.bool("DEMO", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or _kept_secret("secret-key")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Where mails point to. Set it to the address people type.
SITE_URL = env.str("SITE_URL", default="http://localhost:8000").rstrip("/")

INSTALLED_APPS = [
    "studytracker",
    "studytracker.protocol",
    "studytracker.trust",
    "studytracker.access",
    "studytracker.outbox",
    "studytracker.web",
    "studytracker.exports",
    "participants",
    "visits",
    "adverse_events",
    "participants.monitoring",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_tables2",
    "django_filters",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_htmx",
    "bootstrap",
    "csp",
]

MIDDLEWARE = [
    "studytracker.trust.middleware.PastAddressMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "studytracker.access.middleware.SignInRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "studytracker.trust.middleware.ActingMiddleware",
    "studytracker.access.middleware.LocalTimeMiddleware",
    "studytracker.access.middleware.PrivatePagesMiddleware",
    "studytracker.web.submission.SavedBeforeMiddleware",
    "studytracker.trust.middleware.PastMiddleware",
]

ROOT_URLCONF = "studytracker.urls"
WSGI_APPLICATION = "studytracker.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "studytracker.web.context.page",
            ],
            "builtins": ["studytracker.web.templatetags.tracker"],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
CRISPY_ALLOWED_TEMPLATE_PACKS = CRISPY_TEMPLATE_PACK = "bootstrap5"
DJANGO_TABLES2_TEMPLATE = "tables/table.html"

# --- Database -------------------------------------------------------------------------------------------------

SQLITE_OPTIONS = {
    # A deferred transaction that reads and then writes fails at once under load, whatever the timeout:
    # its snapshot cannot be upgraded. IMMEDIATE takes the write lock at BEGIN, so keep atomic blocks short.
    "transaction_mode": "IMMEDIATE",
    # Whoever waits loses nothing and whoever is refused loses what was typed; a proxy gives up after 60 s.
    "timeout": 45,
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
        "PRAGMA recursive_triggers=ON; PRAGMA cache_size=-20000;"
    ),
}
# Not a URL for the default: a folder's name may hold a character that means something in one.
DATABASES = {
    "default": env.db("DATABASE_URL")
    if env.str("DATABASE_URL", default="")
    else {"ENGINE": "django.db.backends.sqlite3", "NAME": str(VAR_DIR / "studytracker.sqlite3")}
}
# Django's own, with the audit triggers kept through migrations and told who is writing.
ENGINES = {
    "django.db.backends.sqlite3": "studytracker.trust.backends.sqlite3",
    "django.db.backends.postgresql": "studytracker.trust.backends.postgresql",
}
ENGINE = DATABASES["default"]["ENGINE"]
DATABASES["default"]["ENGINE"] = ENGINES.get(ENGINE, ENGINE)
if ENGINE == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS
    # A file, not memory: threads, a worker process and a browser share it.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
elif ENGINE == "django.db.backends.postgresql":
    DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
else:
    raise ImproperlyConfigured("DATABASE_URL must start with sqlite:// or postgres://.")
DATABASE_ROUTERS = ["studytracker.trust.as_of.Router"]  # pages as of an earlier entry read rebuilt rows
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- People ---------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "access.User"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
# How many of our own proxies stand before the server: the client's address is then read from what they wrote.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign_in"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
if env.bool("HTTPS", default=False):
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # Bootstrap's own icons are data: pictures
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- Time and language ----------------------------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"  # stored in UTC; pages show the site's own time (LocalTimeMiddleware)
DATE_FORMAT = "j M Y"
FORMAT_MODULE_PATH = ["studytracker.web.formats"]

# --- Static files ---------------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # serves from the packages, so no collectstatic is needed to try it

# --- Mail: SMTP when EMAIL_URL is set, else one file a mail in var/mail -----------------------------------------

MAIL_DIR = VAR_DIR / "mail"
if env.str("EMAIL_URL", default=""):
    _mail = env.email_url("EMAIL_URL")
    EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
    EMAIL_HOST, EMAIL_PORT = _mail["EMAIL_HOST"], _mail["EMAIL_PORT"]
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_USER"] or "", _mail["EMAIL_HOST_PASSWORD"] or ""
    EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
    EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(MAIL_DIR)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("FROM_EMAIL", default="studytracker@localhost")
MAIL_DOMAIN = DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")

# --- Celery: a message only says "look now"; the rows are the truth ----------------------------------------------

REDIS_URL = env.str("REDIS_URL", default=f"redis+socket://{quote(str(VAR_DIR))}/redis.sock")
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,  # longer than the longest task
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
    "global_keyprefix": "studytracker:",
    "socket_connect_timeout": 2,
    "max_retries": 1,
}
CELERY_TASK_PUBLISH_RETRY = False  # a page must not wait for a stopped broker
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TIMEZONE = "UTC"
# Who shows this in "Authorization: Bearer ..." reads the figures of /readyz; empty: administrators alone do.
HEALTH_TOKEN = env.str("HEALTH_TOKEN", default="")
SWEEP_MINUTES = env.float("SWEEP_MINUTES", default=2)
# How old the last verified backup may be before the pages complain: a day, and an hour for the run itself.
BACKUP_HOURS = env.float("BACKUP_HOURS", default=25)
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "studytracker.outbox.tasks.sweep",
        "schedule": SWEEP_MINUTES * 60,
        # After a long stop one sweep does the work of all that were missed.
        "options": {"expires": SWEEP_MINUTES * 60},
    },
    "exports": {"task": "studytracker.exports.tasks.look", "schedule": 60, "options": {"expires": 60}},
    "seal": {"task": "studytracker.trust.tasks.seal", "schedule": 60, "options": {"expires": 60}},
}

# --- The trial, and where the rooms meet ------------------------------------------------------------------------

PROTOCOL_FILE = env.str("PROTOCOL_FILE", default=str(BASE_DIR / "studytracker" / "protocol" / "versions" / "1.0.toml"))

# Imports run adverse_events -> visits -> participants -> studytracker. What must flow the other way is named here.
ON_SCREENED = ["visits.schedule.record_screening_visit"]  # called with the participant, in the same transaction
# Called with the participant and a list to add sentences to, in the same transaction.
ON_SCREENING_DAY_CORRECTED = ["visits.correcting.move_screening_visit"]
# Called with the infusion, in the same transaction.
ON_INFUSED = ["visits.schedule.plan_follow_up", "adverse_events.watching.after_infusion"]
# Called with the infusion, the gates that were closed, why it was given, its impact and the action taken.
ON_INFUSED_DESPITE = ["visits.deviations.record_closed_gates"]
# Sentences on what is missing of the safety data of a participant at the visits given: (participant, codes).
SAFETY_LOOKS = ["visits.safety_look.missing", "adverse_events.safety_look.unsigned"]
# Called with the participant and the day; a sentence refuses the withdrawal.
BEFORE_WITHDRAWAL = ["visits.attendance.against_withdrawal"]
DAY0_CHECKS = ["visits.replanning.reasons_against"]  # sentences against a corrected Day 0
# Called with the correction, in the same transaction.
ON_DAY0_CORRECTED = ["visits.replanning.replan", "adverse_events.watching.after_day0_correction"]
# Called with the infusion, the day and a sentence, in the same transaction, for a dose outside its tolerance.
ON_DOSE_OUT_OF_TOLERANCE = ["visits.deviations.draft_dose"]
# Called with the correction and the gates that were open before it and are closed for the corrected start.
ON_GATES_NO_LONGER_OPEN = ["visits.deviations.draft_closed_gates"]
# Called with the infusion, a sentence or none, and a list to add sentences to, in the same transaction.
ON_DOSE_CORRECTED = ["visits.correcting.renew_dose"]
# Called with the deviation, in the same transaction.
ON_DEVIATION_CLOSED = ["adverse_events.study_telling.after_deviation_closed"]
DAY0_PREVIEW = "visits.replanning.preview"  # what a corrected Day 0 would move
WORKLISTS = [
    "visits.worklist.items",
    "participants.worklist.items",
    "participants.oversight.items",
    "adverse_events.worklist.items",
    "adverse_events.clock_worklist.items",
    "visits.worklist.deviations",
    "participants.monitoring.worklist.items",
]
# (label, address) beside the link to a record's history, of (request, row); None where there is nothing to say.
RECORD_LINKS = ["participants.monitoring.links.queries"]
PARTICIPANT_PANELS = ["visits.panels.schedule", "adverse_events.panels.events", "visits.panels.deviations"]
# Below the pictures of the patient profile.
PROFILE_PANELS = ["adverse_events.panels.events"]
# Lanes of the participant's timeline, of (participant, user, today).
PARTICIPANT_LANES = [
    "visits.panels.lane",
    "adverse_events.panels.lane",
    "participants.lanes.medicines",
    "participants.lanes.activity",
    "participants.lanes.flags",
]
# (sentence, address, words of the link) for the head of every page, of (user, at)
BANNERS = [
    "participants.holds.banners",
    "studytracker.outbox.health.banners",
]
REMINDER_SOURCES = {
    "visit": "visits.reminders",
    "clock": "adverse_events.clock_reminders",
    "study": "adverse_events.study_reminders",
    "trip": "adverse_events.trip_reminders",
    "report": "adverse_events.report_reminders",
    "anchor": "studytracker.trust.anchors",
    "trail": "studytracker.trust.alarms",
}
# Called with the instant at the start of every sweep: what time alone brings about.
SWEEP_WORK = ["adverse_events.watching.look"]
HOME_PANELS = ["adverse_events.panels.safety", "visits.panels.matrix", "visits.panels.agenda"]
# What a package may hold, in the order of the export page.
DATASETS = [
    "participants.datasets.participants",
    "participants.datasets.consents",
    "participants.datasets.eligibility",
    "participants.datasets.infusions",
    "participants.datasets.medications",
    "participants.datasets.histories",
    "participants.datasets.labs",
    "participants.datasets.vital_signs",
    "participants.datasets.sledai",
    "visits.datasets.visits",
    "visits.datasets.procedures",
    "visits.datasets.deviations",
    "visits.datasets.trial_deviations",
    "adverse_events.datasets.events",
    "studytracker.trust.datasets.entries",
    "studytracker.outbox.datasets.notices",
    "studytracker.outbox.datasets.mails",
]
# Who builds which dataset of SDTM, in the order of the package; the trial's design comes from the protocol alone.
SDTM = {
    "DM": "participants.sdtm.dm",
    "SE": "participants.sdtm.se",
    "SV": "visits.sdtm.sv",
    "CO": "adverse_events.sdtm.co",
    "EX": "participants.sdtm.ex",
    "CM": "participants.sdtm.cm",
    "AE": "adverse_events.sdtm.ae",
    "DS": "participants.sdtm.ds",
    "DV": "visits.sdtm.dv",
    "MH": "participants.sdtm.mh",
    "IE": "participants.sdtm.ie",
    "LB": "participants.sdtm.lb",
    "QS": "participants.sdtm.qs",
    "VS": "participants.sdtm.vs",
    "TA": "studytracker.exports.sdtm.design.ta",
    "TE": "studytracker.exports.sdtm.design.te",
    "TI": "studytracker.exports.sdtm.design.ti",
    "TS": "studytracker.exports.sdtm.design.ts",
    "TV": "studytracker.exports.sdtm.design.tv",
}
# What the rooms know of a participant's end: (participants) -> {participant's key: date}.
SDTM_LAST_DAYS = ["participants.sdtm.last_days", "visits.sdtm.last_days", "adverse_events.sdtm.last_days"]
SDTM_FACTS = {"completed": "visits.sdtm.completed", "deaths": "adverse_events.sdtm.deaths"}
REGISTRY_EVENTS = "adverse_events.registry.events"
# What can be signed: the name in addresses, and where its Kind is (studytracker.trust.signatures).
SIGNED_KINDS = {
    "eligibility": "participants.confirmation.ELIGIBILITY",
    "hold": "participants.lifting.HOLD",
    "safety-review": "adverse_events.review.REVIEW",
    "dsmb-recommendation": "adverse_events.board.RECOMMENDATION",
    "safety-output": "adverse_events.outputs.signed.OUTPUT",
    "sae_report": "adverse_events.sae_reports.REPORT",
}
# The listings an export takes whole: (title, url name).
EXPORTS = [
    ("Participants", "participants"),
    ("Visits", "visits"),
    ("Adverse events", "adverse_events"),
    ("Reporting clocks", "clocks"),
    ("Deviations", "deviations"),
]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {name: {"level": "WARNING"} for name in ("weasyprint", "fontTools")},
}

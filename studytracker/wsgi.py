import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studytracker.settings")

application = get_wsgi_application()

# A web server runs no system checks: a protocol file with an error, or another one than was adopted, must stop it
# here, not on somebody's page.
from studytracker import protocol  # noqa: E402
from studytracker.protocol.startup import adoption_problems  # noqa: E402
from studytracker.trust import watch  # noqa: E402

protocol.current()
if problems := adoption_problems():
    raise SystemExit("\n".join(problems))
watch.refuse_if_broken()

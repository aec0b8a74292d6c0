"""The way to the mail server: opened for the first mail, kept for the next ones."""

import contextlib

from django.core.mail import get_connection
from django.core.mail.backends.smtp import EmailBackend as Smtp

from .failures import ServerUnusable


class PostOffice:
    is_unusable = False

    def __init__(self):
        self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, message):
        """Raises ServerUnusable before anything was handed over, or what the server said to the message."""
        message.connection = self._open()
        try:
            message.send()
        except Exception:
            self.close()
            raise
        # The folder of mails gets one file for each.
        if not isinstance(self.connection, Smtp):
            self.close()

    def _open(self):
        self.connection = self.connection or get_connection()
        try:
            self.connection.open()
        except Exception as error:
            self.close()
            self.is_unusable = True
            raise ServerUnusable from error
        return self.connection

    def close(self):
        """A server that does not answer must not keep us from going on."""
        if self.connection:
            with contextlib.suppress(Exception):
                self.connection.close()
        self.connection = None

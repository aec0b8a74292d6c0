"""What starts the processes of the demo and keeps them together. Needs no models and no database."""


class CannotRun(Exception):
    """Why it does not start or go on, in a sentence that says what to do."""

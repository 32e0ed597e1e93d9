"""Errors meant for the person at the keyboard."""


class UserError(Exception):
    """Something the user can put right; the message says what was given and what to do.

    Command lines show the message as one line and leave with exit code 1.
    """

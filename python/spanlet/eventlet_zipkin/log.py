"""Log records become annotations of the current span."""
from spanlet import _patches


def patch():
    _patches.apply("log_annotations")


def unpatch():
    _patches.remove("log_annotations")

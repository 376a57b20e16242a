"""Cuts a file into parts and puts each in the queue of work.

Called with {"key": KEY, "time": SECONDS} when a file is complete, at times more
than once. Returns {"parts": N}.
"""


def handler(event, context):
    """Your part. What does a worker have to know, and what the one who joins?"""
    raise NotImplementedError("handler in src/split.py is still to be written")

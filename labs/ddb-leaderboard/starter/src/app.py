"""Counts how often a player of a game has beaten their own record of all time.

It watches the table of scores through its stream. In the statistics, the item
{"game": GAME, "records": N} has the number; a player's first score counts too.
What else is remembered there has a game that begins with "_".
"""


def handler(event, context):
    """Your part. Does every record of the stream come once?"""
    raise NotImplementedError("handler in src/app.py is still to be written")

"""Counts how often a player of a game has beaten their own record of all time.

It watches the table of scores through its stream. In the statistics, the item
{"game": GAME, "records": N} has the number; a player's first score counts too.
What else is remembered there has a game that begins with "_".
"""

import logging
import os

import boto3

log = logging.getLogger()
dynamodb = boto3.client("dynamodb")
STATS = os.environ["STATS_TABLE"]


def handler(event, context):
    """A record that fails ends the batch there; it and the rest come again."""
    for record in event["Records"]:
        try:
            apply(record)
        except Exception:
            log.exception("change %s", record["eventID"])
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}


def apply(record):
    after, before = record["dynamodb"].get("NewImage"), record["dynamodb"].get("OldImage", {})
    if not after or "#" in after["board"]["S"]:
        return  # a deletion, or the board of a week
    if before and int(before["score"]["N"]) >= int(after["score"]["N"]):
        return  # the same score, reached earlier: no record was beaten
    count(after["board"]["S"], record["eventID"])


def count(game, event_id):
    """Once for each change, however often it is delivered."""
    seen = {
        "TableName": STATS,
        "Item": {"game": {"S": f"_seen#{event_id}"}},
        "ConditionExpression": "attribute_not_exists(game)",
    }
    add = {
        "TableName": STATS,
        "Key": {"game": {"S": game}},
        "UpdateExpression": "ADD records :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    try:
        dynamodb.transact_write_items(TransactItems=[{"Update": add}])
    except dynamodb.exceptions.TransactionCanceledException as cancelled:
        if cancelled.response["CancellationReasons"][0]["Code"] != "ConditionalCheckFailed":
            raise

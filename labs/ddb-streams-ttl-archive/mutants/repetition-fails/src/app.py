"""Watches the table of readings through its stream.

A reading that expired is archived; hourly figures follow every change:

    hour              "DEVICE#2026-01-05T08", from the reading's device and time
    readings, milli   how many readings of that hour there are, and their sum

An item "_seen#<event id>" for each change that was counted makes its repetition
harmless.
"""

import json
import logging
import os

import boto3
from boto3.dynamodb.types import TypeDeserializer

log = logging.getLogger()
dynamodb = boto3.client("dynamodb")
s3 = boto3.client("s3")
FIGURES, ARCHIVE = os.environ["AGGREGATE_TABLE"], os.environ["ARCHIVE_BUCKET"]
plain = TypeDeserializer().deserialize


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
    before, after = image(record, "OldImage"), image(record, "NewImage")
    if expired(record):
        archive(before)
        return  # it was read; that it is kept elsewhere now changes no figure
    count(record["eventID"], before, after)


def image(record, name):
    item = record["dynamodb"].get(name)
    return item and {key: plain(value) for key, value in item.items()}


def expired(record):
    """Time to Live deletes under DynamoDB's own name; users do under none."""
    who = record.get("userIdentity") or {}
    return record["eventName"] == "REMOVE" and who.get("principalId") == "dynamodb.amazonaws.com"


def archive(item):
    """The key comes from the item, so that a repetition writes the same object."""
    body = json.dumps(item, default=int, sort_keys=True)
    s3.put_object(Bucket=ARCHIVE, Key=f"expired/{item['device']}/{item['id']}.json", Body=body.encode())


def hour(item):
    return f"{item['device']}#{item['time'][:13]}"


def count(event_id, before, after):
    """Takes what was before off and adds what is after, once for each change."""
    change = {}
    for item, sign in ((before, -1), (after, 1)):
        if item:
            readings, milli = change.get(hour(item), (0, 0))
            change[hour(item)] = readings + sign, milli + sign * int(item["milli"])
    seen = {
        "TableName": FIGURES,
        "Item": {"hour": {"S": f"_seen#{event_id}"}},
        "ConditionExpression": "attribute_not_exists(#h)",
        "ExpressionAttributeNames": {"#h": "hour"},
    }
    actions = [{"Put": seen}]
    for key, (readings, milli) in change.items():
        if readings or milli:
            actions.append({"Update": add(key, readings, milli)})
    dynamodb.transact_write_items(TransactItems=actions)


def add(key, readings, milli):
    return {
        "TableName": FIGURES,
        "Key": {"hour": {"S": key}},
        "UpdateExpression": "ADD readings :r, milli :m",
        "ExpressionAttributeValues": {":r": {"N": str(readings)}, ":m": {"N": str(milli)}},
    }

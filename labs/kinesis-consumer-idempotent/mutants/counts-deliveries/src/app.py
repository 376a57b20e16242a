"""Keeps a profile for each customer: how many events, and when the last was.

The stream delivers at least once and the mapping repeats what has failed, so
everything here can be done twice without harm.
"""

import base64
import json
import logging
import os

import boto3

logger = logging.getLogger()
logger.setLevel(logging.INFO)

TABLE = os.environ["PROFILE_TABLE"]
dynamodb = boto3.client("dynamodb")


def handler(event, context):
    for record in event["Records"]:
        number = record["kinesis"]["sequenceNumber"]
        try:
            apply(json.loads(base64.b64decode(record["kinesis"]["data"])))
        except Exception:
            # Everything before this record is done. Lambda goes on from here.
            logger.exception("record %s failed", number)
            return {"batchItemFailures": [{"itemIdentifier": number}]}
    return {"batchItemFailures": []}


def apply(click):
    touch(click["customer"], click["time"])
    count(click["customer"], click["id"])


def touch(customer, time):
    """Moves last_activity forward, never back. Times in this form sort as text."""
    try:
        dynamodb.update_item(
            TableName=TABLE,
            Key={"customer": {"S": customer}},
            UpdateExpression="SET last_activity = :time",
            ConditionExpression="attribute_not_exists(last_activity) OR last_activity < :time",
            ExpressionAttributeValues={":time": {"S": time}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        pass  # a newer event came first


def count(customer, event_id):
    """Counts an event."""
    dynamodb.update_item(
        TableName=TABLE,
        Key={"customer": {"S": customer}},
        UpdateExpression="ADD events :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )

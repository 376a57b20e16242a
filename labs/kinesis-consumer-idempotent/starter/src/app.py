"""Keeps a profile for each customer: how many events, and when the last was."""

import base64
import json
import os

import boto3

TABLE = os.environ["PROFILE_TABLE"]
dynamodb = boto3.client("dynamodb")


def handler(event, context):
    for record in event["Records"]:
        click = json.loads(base64.b64decode(record["kinesis"]["data"]))
        print("event", click["id"], "of", click["customer"], "at", click["time"])
        # Your part: add the event to its customer's item in TABLE.
        #   customer       the key
        #   events         number of distinct events
        #   last_activity  time of the newest event, as it is in the event

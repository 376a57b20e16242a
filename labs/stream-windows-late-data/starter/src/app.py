"""Counts readings in windows of one minute."""

import base64
import json
import os
import time

import boto3

dynamodb = boto3.client("dynamodb")
s3 = boto3.client("s3")
WINDOWS = os.environ["WINDOW_TABLE"]  # key: device, start
DEVICES = os.environ["DEVICE_TABLE"]  # key: device; yours to use
SIDE = os.environ["SIDE_BUCKET"]

counts = {}


def handler(event, context):
    """Your part. This counts by the clock on the wall, and forgets with the process."""
    if "tick" in event:
        return
    for record in event["Records"]:
        reading = json.loads(base64.b64decode(record["kinesis"]["data"]))
        minute = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime())
        counts[minute] = counts.get(minute, 0) + 1
        print(reading["device"], reading["time"], "counted at", minute, counts[minute])

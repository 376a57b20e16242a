"""Turns an uploaded CSV file into JSON Lines in another bucket."""

import os

import boto3

OUT_BUCKET = os.environ["OUT_BUCKET"]
s3 = boto3.client("s3")


def handler(event, context):
    for record in event["Records"]:
        print("an object has arrived:", record["s3"]["bucket"]["name"], record["s3"]["object"]["key"])
        # Your part: read it, convert it, and write <name>.jsonl to OUT_BUCKET.

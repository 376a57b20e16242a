"""Turns an uploaded CSV file into JSON Lines in another bucket.

The same event may come twice; then the same bytes are written to the same key
once more. A file that cannot be read is an error: S3 calls asynchronously, so
Lambda tries again and hands the event to the dead-letter queue in the end.
"""

import csv
import io
import json
import os
from urllib.parse import unquote_plus

import boto3

OUT_BUCKET = os.environ["OUT_BUCKET"]
s3 = boto3.client("s3")


def handler(event, context):
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        key = unquote_plus(record["s3"]["object"]["key"])
        text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode("utf-8")
        target = key.removesuffix(".csv") + ".jsonl"
        s3.put_object(Bucket=OUT_BUCKET, Key=target, Body=convert(text).encode("utf-8"), ContentType="application/jsonl")
        print(f"{bucket}/{key} -> {OUT_BUCKET}/{target}")


def convert(text):
    """CSV with a header to one JSON object a line."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    lines = []
    for row in reader:
        if None in row or None in row.values():
            raise ValueError(f"line {reader.line_num} has not as many values as the header")
        lines.append(json.dumps(row) + "\n")
    return "".join(lines)


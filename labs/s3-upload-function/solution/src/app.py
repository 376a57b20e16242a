"""Turns every CSV file that arrives in a bucket into JSON Lines in another."""

import csv
import io
import json
import os
import urllib.parse

import boto3

s3 = boto3.client("s3")  # once per execution environment, not once per event
OUT_BUCKET = os.environ["OUT_BUCKET"]


def handler(event, context):
    for record in event.get("Records", []):
        bucket = record["s3"]["bucket"]["name"]
        # Keys arrive URL-encoded: a space as "+", "%" as "%25".
        key = urllib.parse.unquote_plus(record["s3"]["object"]["key"])
        convert(bucket, key)


def convert(bucket, key):
    text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode("utf-8-sig")
    rows = parse(text)
    body = "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows)
    # The same input always gives the same key and bytes, so a second delivery
    # of the event overwrites the object with itself.
    target = key.removesuffix(".csv") + ".jsonl"
    s3.put_object(
        Bucket=OUT_BUCKET,
        Key=target,
        Body=body.encode("utf-8"),
        ContentType="application/x-ndjson",
    )


def parse(text):
    """Rows as dictionaries; raises ValueError for a file that is not clean CSV."""
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as err:
        raise ValueError(f"not a CSV file: {err}") from err
    if not lines:
        return []
    header, rows = lines[0], lines[1:]
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise ValueError(f"row {number} has {len(row)} fields, the header has {len(header)}")
    return [dict(zip(header, map(typed, row), strict=True)) for row in rows]


def typed(value):
    """A number where the text is one, else the text."""
    for kind in (int, float):
        try:
            number = kind(value)
        except ValueError:
            continue
        # "007" and "1e5" style codes stay text: they would not survive the trip.
        if kind is int and str(number) != value:
            return value
        return number
    return value

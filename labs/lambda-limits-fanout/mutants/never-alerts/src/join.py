"""Puts the parts of a file together when all are done.

A schedule calls it again and again with {"key": KEY, "time": SECONDS}. Returns
{"state": "waiting"}, {"state": "done"} or {"state": "missing"}: after an hour
somebody is told, once. The result is the object KEY.json: {"rows": …, "bad": …,
"totals": {CUSTOMER: CENTS}}.
"""

import json
import os
from collections import Counter

import boto3

RESULTS, ALERTS, TABLE = os.environ["RESULT_BUCKET"], os.environ["ALERT_QUEUE"], os.environ["PROGRESS_TABLE"]
PATIENCE = 3600  # seconds

s3, sqs, dynamodb = boto3.client("s3"), boto3.client("sqs"), boto3.client("dynamodb")


def handler(event, context):
    key = event["key"]
    job, parts = recall(key)
    if not job:
        return {"state": "waiting"}
    missing = [n for n in range(int(job["parts"]["N"])) if not parts.get(n, {}).get("done")]
    if not missing:
        write(key, parts.values())
        return {"state": "done"}
    return {"state": "waiting"}
    if "alerted" not in job:
        # Told, then noted: an alert that comes twice is better than none.
        sqs.send_message(QueueUrl=ALERTS, MessageBody=json.dumps({"key": key, "missing": missing}))
        dynamodb.update_item(
            TableName=TABLE,
            Key={"job": {"S": key}, "part": {"S": "-"}},
            UpdateExpression="SET alerted = :t",
            ExpressionAttributeValues={":t": {"N": str(event["time"])}},
        )
    return {"state": "missing"}


def recall(key):
    """The file's own item, and the state of each part by its number."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=TABLE, ConsistentRead=True, KeyConditionExpression="job = :j", ExpressionAttributeValues={":j": {"S": key}}
    )
    found = {item["part"]["S"]: item for page in pages for item in page["Items"]}
    job = found.pop("-", None)
    return job, {int(number): json.loads(item["state"]["S"]) for number, item in found.items()}


def write(key, states):
    totals = Counter()
    for state in states:
        totals.update(state["totals"])
    result = {"rows": sum(s["rows"] for s in states), "bad": sum(s["bad"] for s in states), "totals": dict(totals)}
    s3.put_object(Bucket=RESULTS, Key=f"{key}.json", Body=json.dumps(result).encode())

"""Adds up one part of a file, piece by piece.

A record belongs to the part in which it begins: a worker goes to the first record
that begins in its part, and reads the last one to its end, even if that lies
beyond. After each piece the sums are written down together with the place that
they go up to, so that whoever comes next goes on from there.
"""

import json
import os

import boto3

FILES, TABLE = os.environ["FILE_BUCKET"], os.environ["PROGRESS_TABLE"]
PIECE = 2048

s3, dynamodb = boto3.client("s3"), boto3.client("dynamodb")


def handler(event, context):
    for message in event["Records"]:
        work(json.loads(message["body"]))


def work(task):
    state = recall(task)
    while not state["done"]:
        position, lines, state["done"] = read(task, state["position"])
        for line in lines:
            add(state, line)
        state["position"] = position
        remember(task, state)


def read(task, position):
    """Returns where the next record begins, the records from position on, and
    whether they are the last of the part."""
    if position is None:
        # The byte before the part tells whether a record begins with it.
        position = find_start(task)
    if position >= task["end"]:
        return position, [], True
    data = fetch(task, position, PIECE)
    last = position + len(data) >= task["size"]
    # Only whole records; a piece is longer than any of them.
    cut = len(data) if last else data.rindex(b"\n") + 1
    lines = []
    for line in data[:cut].splitlines(keepends=True):
        if position >= task["end"]:
            break
        lines.append(line)
        position += len(line)
    return position, lines, position >= task["end"] or position >= task["size"]


def find_start(task):
    if task["start"] == 0:
        return 0
    at = task["start"] - 1
    while at < task["size"]:
        data = fetch(task, at, 256)
        newline = data.find(b"\n")
        if newline >= 0:
            return at + newline + 1
        at += len(data)
    return task["size"]


def fetch(task, start, count):
    end = min(start + count, task["size"]) - 1
    return s3.get_object(Bucket=FILES, Key=task["key"], Range=f"bytes={start}-{end}")["Body"].read()


def add(state, line):
    """What cannot be read is counted, not fatal: the file is what it is."""
    if not line.strip():
        return
    record = json.loads(line)
    customer, cents = record["customer"], int(record["totalCents"])
    state["rows"] += 1
    state["totals"][customer] = state["totals"].get(customer, 0) + cents


def item(task):
    return {"job": {"S": task["key"]}, "part": {"S": f"{task['part']:06d}"}}


def recall(task):
    found = dynamodb.get_item(TableName=TABLE, Key=item(task), ConsistentRead=True).get("Item")
    return json.loads(found["state"]["S"]) if found else {"position": None, "done": False, "rows": 0, "bad": 0, "totals": {}}


def remember(task, state):
    """One write: the sums and their place can never differ."""
    dynamodb.put_item(TableName=TABLE, Item=item(task) | {"state": {"S": json.dumps(state)}})

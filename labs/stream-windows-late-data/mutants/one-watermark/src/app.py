"""Counts readings in windows of event time.

A batch is applied device by device. Everything that a device needs to go on is
one item of the table of devices; it changes together with the windows that it
closes, so a batch that comes again finds either nothing or all of it done.
"""

import base64
import json
import os

import boto3

from device import LATENESS, MINUTE, Device, check, milliseconds

dynamodb = boto3.client("dynamodb")
s3 = boto3.client("s3")
WINDOWS, DEVICES = os.environ["WINDOW_TABLE"], os.environ["DEVICE_TABLE"]
SIDE = os.environ["SIDE_BUCKET"]
SHARED = {"device": {"S": "*"}}
IDLE = 300  # seconds without a record after which a device's windows close


def handler(event, context):
    if "tick" in event:
        return tick(event["tick"])
    batch, common = by_device(event["Records"]), shared()
    for name, arrivals in batch.items():
        key = {"device": {"S": name}}
        item = dynamodb.get_item(TableName=DEVICES, Key=key, ConsistentRead=True).get("Item")
        device = restore(name, item)
        for reading, arrived in arrivals:
            start = milliseconds(reading["time"]) // MINUTE * MINUTE
            if start + MINUTE <= common and start not in device.open and reading["id"] not in device.ids(start):
                device.late.append(reading)
            else:
                device.add(reading, arrived)
        save(device, item)
    times = [milliseconds(reading["time"]) - LATENESS for arrivals in batch.values() for reading, _ in arrivals]
    mark = max([common, *times])
    dynamodb.put_item(TableName=DEVICES, Item=SHARED | {"state": {"S": json.dumps({"mark": mark})}})


def shared():
    """The watermark that all devices share, in an item of its own."""
    item = dynamodb.get_item(TableName=DEVICES, Key=SHARED, ConsistentRead=True).get("Item")
    return json.loads(item["state"]["S"])["mark"] if item else 0


def tick(now):
    """Closes the windows of devices that have gone silent."""
    for page in dynamodb.get_paginator("scan").paginate(TableName=DEVICES, ConsistentRead=True):
        for item in page["Items"]:
            device = restore(item["device"]["S"], item)
            if device.open and now - device.arrived >= IDLE:
                device.close_all()
                save(device, item)


def by_device(records):
    """The readings of a batch with the times of their arrival, in order."""
    found = {}
    for record in records:
        kinesis = record["kinesis"]
        data = base64.b64decode(kinesis["data"])
        try:
            reading = json.loads(data)
            check(reading)
        except (ValueError, KeyError, TypeError):
            s3.put_object(Bucket=SIDE, Key=f"broken/{kinesis['sequenceNumber']}", Body=data)
            continue
        arrivals = found.setdefault(reading["device"], [])
        arrivals.append((reading, kinesis["approximateArrivalTimestamp"]))
    return found


def restore(name, item):
    return Device(name, json.loads(item["state"]["S"]) if item else {}, lambda start: published(name, start))


def published(name, start):
    """The ids of the readings in a window that was closed before."""
    key = {"device": {"S": name}, "start": {"S": start}}
    item = dynamodb.get_item(TableName=WINDOWS, Key=key, ConsistentRead=True).get("Item", {})
    return item.get("ids", {"SS": []})["SS"]


def save(device, before):
    """Late readings first: written again, they are the same objects."""
    for reading in device.late:
        key = f"late/{device.name}/{reading['id']}.json"
        s3.put_object(Bucket=SIDE, Key=key, Body=json.dumps(reading).encode())
    state = {
        "TableName": DEVICES,
        "Item": {"device": {"S": device.name}, "state": {"S": json.dumps(device.state(), sort_keys=True)}},
        "ConditionExpression": "attribute_not_exists(device)",
    }
    if before:  # a tick and a batch may meet: the second of them fails and comes again
        state["ConditionExpression"] = "#s = :before"
        state["ExpressionAttributeNames"] = {"#s": "state"}
        state["ExpressionAttributeValues"] = {":before": before["state"]}
    actions = [{"Put": state}]
    for window in device.closed.values():
        item = {
            "device": {"S": device.name},
            "start": {"S": window["start"]},
            "count": {"N": str(window["count"])},
            "sum": {"N": str(window["sum"])},
            "mean5": {"N": str(window["mean5"])},
            "ids": {"SS": window["ids"]},
        }
        actions.append({"Put": {"TableName": WINDOWS, "Item": item}})
    dynamodb.transact_write_items(TransactItems=actions)

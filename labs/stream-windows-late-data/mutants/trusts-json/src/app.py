"""Counts readings in windows of event time.

A batch is applied device by device. Everything that a device needs to go on is
one item of the table of devices; it changes together with the windows that it
closes, so a batch that comes again finds either nothing or all of it done.
"""

import base64
import json
import os

import boto3

from device import Device

dynamodb = boto3.client("dynamodb")
s3 = boto3.client("s3")
WINDOWS, DEVICES = os.environ["WINDOW_TABLE"], os.environ["DEVICE_TABLE"]
SIDE = os.environ["SIDE_BUCKET"]
IDLE = 300  # seconds without a record after which a device's windows close


def handler(event, context):
    if "tick" in event:
        return tick(event["tick"])
    for name, arrivals in by_device(event["Records"]).items():
        key = {"device": {"S": name}}
        item = dynamodb.get_item(TableName=DEVICES, Key=key, ConsistentRead=True).get("Item")
        device = restore(name, item)
        for reading, arrived in arrivals:
            device.add(reading, arrived)
        save(device, item)


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
        except ValueError:
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

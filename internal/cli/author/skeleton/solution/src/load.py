"""Reads one JSON order per line and puts each into the table TABLE_NAME."""

import json
import os
import sys

import boto3


def load(table, lines):
    for line in lines:
        table.put_item(Item=json.loads(line))


load(boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"]), sys.stdin)

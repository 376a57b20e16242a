"""Adds up a file, as it did when files were small.

Your part: it is to be called by the queue, work on one part of a file piece by
piece, and go on where another has stopped.
"""

import json
import os
from collections import Counter

import boto3

FILES = os.environ["FILE_BUCKET"]

s3 = boto3.client("s3")


def handler(event, context):
    """The whole file, in one go. How long may that be?"""
    totals = Counter()
    for line in s3.get_object(Bucket=FILES, Key=event["key"])["Body"].iter_lines():
        record = json.loads(line)
        totals[record["customer"]] += record["totalCents"]
    return totals

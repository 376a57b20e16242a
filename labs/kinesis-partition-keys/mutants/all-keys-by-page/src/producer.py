"""Reads one JSON event per line and puts each into a Kinesis stream.

    pipelab run -- python3 src/producer.py < events.jsonl

The stream's name is in the environment variable STREAM_NAME. Events of one
customer share a partition key, so they share a shard and keep their order.
Customers that HOT_CUSTOMERS names (separated by commas) outgrow a shard: they
get a key for each page, and an order for each page.
"""

import json
import os
import random
import sys
import time
from itertools import islice

import boto3

BATCH = 500  # PutRecords takes no more entries in a call
KEY_LENGTH = 256  # characters that a partition key may have
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0  # seconds


def key(event, hot):
    """What shares a key shares a shard and keeps its order."""
    customer = event["customer"]
    return f"{customer}#{event['page']}"[:KEY_LENGTH]


def entries(lines, hot):
    """Turns lines into entries of PutRecords."""
    for line in lines:
        line = line.rstrip("\n")
        if line:
            yield {"Data": line.encode(), "PartitionKey": key(json.loads(line), hot)}


def put(kinesis, stream, batch):
    """Puts a batch in. What was refused is sent again, and only that.

    The next batch waits until this one is in, so that a shard that is too
    busy slows the producer down instead of filling its memory.
    """
    pause = FIRST_PAUSE
    while True:
        answer = kinesis.put_records(StreamName=stream, Records=batch)
        if answer["FailedRecordCount"] == 0:
            return
        batch = [entry for entry, result in zip(batch, answer["Records"]) if result.get("ErrorCode")]
        time.sleep(random.uniform(0, pause))
        pause = min(2 * pause, LONGEST_PAUSE)


def main() -> int:
    kinesis = boto3.client("kinesis")
    stream = os.environ["STREAM_NAME"]
    hot = set(os.environ.get("HOT_CUSTOMERS", "").split(","))
    waiting = entries(sys.stdin, hot)
    while batch := list(islice(waiting, BATCH)):
        put(kinesis, stream, batch)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Keeps the readings of turbines in a DynamoDB table.

    store.py write < readings.jsonl > spill.jsonl
    store.py read DEVICE
    store.py diagnose < readings.jsonl

A reading is {"id": …, "device": …, "time": …, …}. write stores one a line, and
prints the lines that the table has refused MAX_ATTEMPTS times, to be given to it
again later; its log is standard error, with {"waitMs": …} before each wait and
{"rejected": "…"} for a line that is no reading. read prints the readings of a
device as they were written, the oldest first. diagnose puts each reading by
itself, once, and prints a line for each: {"throttled": "none", "table", "index" or
"key", "resource": name of the table or index}.

The environment names the table (TABLE; partition key pk, sort key sk), the number
of partition keys that the readings of a device spread over (SHARDS), and how often
to try and how long to wait (MAX_ATTEMPTS, BACKOFF_MS, BACKOFF_LIMIT_MS).
"""

import json
import os
import random
import sys
import time
import zlib
from itertools import islice

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

BATCH = 25  # items that BatchWriteItem takes
THROTTLED = ("ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded")


def log(**what) -> None:
    print(json.dumps(what), file=sys.stderr)


class Store:
    def __init__(self):
        # Waiting is this program's business: the SDK's own retries are off.
        self.dynamodb = boto3.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))
        self.table = os.environ["TABLE"]
        self.shards = int(os.environ.get("SHARDS", "1"))
        self.attempts = int(os.environ.get("MAX_ATTEMPTS", "5"))
        self.base = float(os.environ.get("BACKOFF_MS", "50"))
        self.limit = float(os.environ.get("BACKOFF_LIMIT_MS", "2000"))

    def item(self, line: str) -> dict:
        """The shard follows from the id: a reading that comes twice is one item."""
        reading = json.loads(line)
        shard = zlib.crc32(reading["id"].encode()) % self.shards
        return {
            "pk": {"S": f"{reading['device']}#{shard}"},
            "sk": {"S": f"{reading['time']}#{reading['id']}"},
            "id": {"S": reading["id"]},
            "reading": {"S": line},
        }

    def items(self, lines):
        """Yields (key, item) of each line that is a reading."""
        for line in lines:
            line = line.rstrip("\n")
            try:
                item = self.item(line)
            except (ValueError, KeyError, TypeError):
                log(rejected=line)
            else:
                yield key(item), item

    def write(self, lines) -> None:
        waiting = self.items(lines)
        while batch := [item for _, item in islice(waiting, BATCH)]:
            for line in self.put(batch):
                print(line)

    def put(self, batch: list) -> list:
        """Stores a batch; returns the lines that were refused to the end."""
        for attempt in range(self.attempts):
            if attempt:
                wait = random.uniform(0, min(self.limit, self.base * 2 ** (attempt - 1)))
                log(waitMs=wait, refused=len(batch))
                time.sleep(wait / 1000)
            refused = self.call([{"PutRequest": {"Item": item}} for item in batch])
            batch = [r["PutRequest"]["Item"] for r in refused]
            if not batch:
                break
        return [item["reading"]["S"] for item in batch]

    def call(self, requests: list) -> list:
        """Returns the requests that came back. A call in which all are refused
        is an error instead of a list."""
        try:
            answer = self.dynamodb.batch_write_item(RequestItems={self.table: requests})
        except ClientError as error:
            if error.response["Error"]["Code"] not in THROTTLED:
                raise
            return requests
        return answer["UnprocessedItems"].get(self.table, [])

    def read(self, device: str) -> list:
        """Reads all partition keys of a device and merges them by time."""
        found = []
        for shard in range(self.shards):
            pages = self.dynamodb.get_paginator("query").paginate(
                TableName=self.table,
                KeyConditionExpression="pk = :p",
                ExpressionAttributeValues={":p": {"S": f"{device}#{shard}"}},
                ConsistentRead=True,
            )
            for page in pages:
                found += page["Items"]
        found.sort(key=lambda item: item["sk"]["S"])
        return [item["reading"]["S"] for item in found]

    def diagnose(self, line: str) -> dict:
        """Puts one item by itself: a batch does not say why it gives items back."""
        try:
            self.dynamodb.put_item(TableName=self.table, Item=self.item(line))
        except ClientError as error:
            # Tables on demand throw ThrottlingException, which spells the member small.
            reasons = error.response.get("ThrottlingReasons") or error.response.get("throttlingReasons")
            if not reasons:
                raise
            reason, resource = reasons[0]["reason"], reasons[0]["resource"].split("/")[-1]
            if reason.endswith("KeyRangeThroughputExceeded"):
                return {"throttled": "key", "resource": resource}
            return {"throttled": "index" if reason.startswith("Index") else "table", "resource": resource}
        return {"throttled": "none", "resource": self.table}


def key(item: dict) -> tuple:
    return item["pk"]["S"], item["sk"]["S"]


def main() -> int:
    store, what = Store(), sys.argv[1]
    if what == "write":
        store.write(sys.stdin)
    elif what == "read":
        for line in store.read(sys.argv[2]):
            print(line)
    else:
        for line in sys.stdin:
            print(json.dumps(store.diagnose(line.rstrip("\n"))))
    return 0


if __name__ == "__main__":
    sys.exit(main())

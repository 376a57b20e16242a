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
import sys
from itertools import islice

import boto3
from botocore.config import Config

BATCH = 25  # items that BatchWriteItem takes


class Store:
    def __init__(self):
        # Waiting is this program's business: the SDK's own retries are off.
        self.dynamodb = boto3.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))
        self.table = os.environ["TABLE"]

    def item(self, line: str) -> dict:
        reading = json.loads(line)
        return {
            "pk": {"S": reading["device"]},
            "sk": {"S": f"{reading['time']}#{reading['id']}"},
            "id": {"S": reading["id"]},
            "reading": {"S": line},
        }

    def write(self, lines) -> None:
        """Sends everything once. Your part: what does BatchWriteItem answer when
        it has taken only some of the items, and what when it has taken none?"""
        items = [self.item(line.rstrip("\n")) for line in lines]
        waiting = iter({"PutRequest": {"Item": item}} for item in items)
        while batch := list(islice(waiting, BATCH)):
            self.dynamodb.batch_write_item(RequestItems={self.table: batch})

    def read(self, device: str) -> list:
        found = self.dynamodb.query(
            TableName=self.table,
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": device}},
        )
        return [item["reading"]["S"] for item in found["Items"]]

    def diagnose(self, line: str) -> dict:
        """Your part: what does the error of a single PutItem tell?"""
        raise NotImplementedError("diagnose in src/store.py is still to be written")


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

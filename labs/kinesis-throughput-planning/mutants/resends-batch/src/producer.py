"""Puts readings into a Kinesis stream that may be too busy for them.

    python3 src/producer.py < readings.jsonl > spill.jsonl

Each line is a JSON object with a "device". The readings of a device reach the
stream in the order of the lines. What the stream has refused MAX_ATTEMPTS times
is printed on standard output, to be given to this program again later. Standard
error is a log, one JSON object a line:

    {"waitMs": 37.2, "refused": 12}     before refused records are sent again
    {"rejected": "…"}                   a line that is no reading

The environment names the stream (STREAM_NAME) and the bucket for readings that
are larger than a record may be (DUMP_BUCKET). MAX_ATTEMPTS, BACKOFF_MS and
BACKOFF_LIMIT_MS say how often to try, and how long to wait at first and at most.
"""

import hashlib
import json
import os
import random
import sys
import time
from itertools import islice

import boto3
from botocore.exceptions import BotoCoreError, ClientError

ENTRIES, CALL_BYTES = 500, 10 * 1024 * 1024  # what PutRecords takes
RECORD_BYTES = 1024 * 1024  # what a record may be, with its key


def log(**what) -> None:
    print(json.dumps(what), file=sys.stderr)


def readings(lines):
    """Yields (device, line) of each line that is a reading."""
    for line in lines:
        line = line.rstrip("\n")
        try:
            device = json.loads(line)["device"]
        except (ValueError, KeyError, TypeError):
            log(rejected=line)
        else:
            yield device, line


class Dumps:
    """Keeps in S3 what is too large for a record."""

    def __init__(self, bucket: str):
        self.bucket, self.s3 = bucket, None

    def keep(self, device: str, line: str) -> bytes:
        """Stores the line and returns the pointer that goes in its place.

        The object is named by its content: a line that comes twice is one object.
        """
        self.s3 = self.s3 or boto3.client("s3")
        data = line.encode()
        key = f"dumps/{hashlib.sha256(data).hexdigest()}.json"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=data, ContentType="application/json")
        claim = {"bucket": self.bucket, "key": key, "bytes": len(data)}
        return json.dumps({"device": device, "id": json.loads(line).get("id"), "claim": claim}).encode()


class Producer:
    def __init__(self):
        self.kinesis, self.stream = boto3.client("kinesis"), os.environ["STREAM_NAME"]
        self.dumps = Dumps(os.environ["DUMP_BUCKET"])
        self.attempts = int(os.environ.get("MAX_ATTEMPTS", "5"))
        self.base = float(os.environ.get("BACKOFF_MS", "50"))
        self.limit = float(os.environ.get("BACKOFF_LIMIT_MS", "2000"))

    def send(self, chunk: list) -> None:
        """Sends (device, line) pairs, or spills them."""
        self.batch(chunk)

    def entry(self, name: str, line: str) -> dict:
        data = line.encode()
        if len(data) + len(name.encode()) > RECORD_BYTES:
            data = self.dumps.keep(name, line)
        return {"Data": data, "PartitionKey": name}

    def batch(self, batch: list) -> None:
        entries, kept = [], []
        for name, line in batch:
            try:
                entries.append(self.entry(name, line))
                kept.append((name, line))
            except (ClientError, BotoCoreError) as error:
                log(error=str(error), device=name)
                print(line)
        batch = kept
        for tries in range(1, self.attempts + 1):
            taken = self.put(entries)
            if all(taken):
                return
            if tries < self.attempts:
                self.pause(tries, len(entries))
        for _, line in batch:
            print(line)

    def put(self, entries: list) -> list:
        """Says of each entry whether the stream took it."""
        if not entries:
            return []
        try:
            answer = self.kinesis.put_records(StreamName=self.stream, Records=entries)
        except (ClientError, BotoCoreError) as error:
            log(error=str(error))
            return [False] * len(entries)
        return [not result.get("ErrorCode") for result in answer["Records"]]

    def pause(self, tries: int, refused: int) -> None:
        """Waits longer each time, and never as long as the producer next door."""
        wait = random.uniform(0, min(self.limit, self.base * 2 ** (tries - 1)))
        log(waitMs=wait, refused=refused)
        time.sleep(wait / 1000)

def main() -> int:
    producer, lines = Producer(), readings(sys.stdin)
    # No more lines at a time than a call takes records.
    while chunk := list(islice(lines, ENTRIES)):
        producer.send(chunk)
    return 0


if __name__ == "__main__":
    sys.exit(main())

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
from collections import deque
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


class Device:
    """The lines of one device that wait. Only the first is ever on its way, so
    none overtakes another."""

    def __init__(self, name: str):
        self.name, self.lines, self.tries, self.entry = name, deque(), 0, None

    def first(self, dumps: Dumps) -> dict:
        if self.entry is None:
            data = self.lines[0].encode()
            if len(data) + len(self.name.encode()) > RECORD_BYTES:
                data = dumps.keep(self.name, self.lines[0])
            self.entry = {"Data": data, "PartitionKey": self.name}
        return self.entry

    def done(self) -> None:
        self.lines.popleft()
        self.tries, self.entry = 0, None


class Producer:
    def __init__(self):
        self.kinesis, self.stream = boto3.client("kinesis"), os.environ["STREAM_NAME"]
        self.dumps = Dumps(os.environ["DUMP_BUCKET"])
        self.attempts = int(os.environ.get("MAX_ATTEMPTS", "5"))
        self.base = float(os.environ.get("BACKOFF_MS", "50"))
        self.limit = float(os.environ.get("BACKOFF_LIMIT_MS", "2000"))
        self.spilt = set()  # devices whose later lines have to wait as well

    def send(self, chunk: list) -> None:
        """Sends (device, line) pairs, or spills them."""
        waiting = {}
        for name, line in chunk:
            if name in self.spilt:
                print(line)
                continue
            waiting.setdefault(name, Device(name)).lines.append(line)
        while waiting:
            self.round(waiting)

    def round(self, waiting: dict) -> None:
        """One call, with the first line of each device that still has some."""
        batch, size = [], 0
        for device in list(waiting.values()):
            try:
                entry = device.first(self.dumps)
            except (ClientError, BotoCoreError) as error:
                log(error=str(error), device=device.name)
                self.spill(waiting, device)
                continue
            size += len(entry["Data"]) + len(entry["PartitionKey"].encode())
            if batch and size > CALL_BYTES:
                break
            batch.append(device)
        refused = []
        for device, taken in zip(batch, self.put([device.entry for device in batch])):
            device.tries += 1
            if not taken:
                refused.append(device)
                continue
            device.done()
            if not device.lines:
                del waiting[device.name]
        again = [device for device in refused if device.tries < self.attempts]
        for device in refused:
            if device.tries >= self.attempts:
                self.spill(waiting, device)
        if again:
            self.pause(max(device.tries for device in again), len(again))

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
        wait = min(self.limit, self.base * 2 ** (tries - 1))
        log(waitMs=wait, refused=refused)
        time.sleep(wait / 1000)

    def spill(self, waiting: dict, device: Device) -> None:
        """Gives up for now. Whatever comes after in the device's order waits too."""
        self.spilt.add(device.name)
        for line in device.lines:
            print(line)
        del waiting[device.name]


def main() -> int:
    producer, lines = Producer(), readings(sys.stdin)
    # No more lines at a time than a call takes records.
    while chunk := list(islice(lines, ENTRIES)):
        producer.send(chunk)
    return 0


if __name__ == "__main__":
    sys.exit(main())

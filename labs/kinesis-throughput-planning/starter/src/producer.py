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

import os
import sys
from itertools import islice

import boto3


def produce(kinesis, stream: str, lines) -> None:
    """Your part. This was good enough until August: it sends everything once,
    under one key, and looks at no answer."""
    while batch := list(islice(lines, 500)):
        records = [{"Data": line.rstrip("\n").encode(), "PartitionKey": "readings"} for line in batch]
        kinesis.put_records(StreamName=stream, Records=records)


def main() -> int:
    produce(boto3.client("kinesis"), os.environ["STREAM_NAME"], sys.stdin)
    return 0


if __name__ == "__main__":
    sys.exit(main())

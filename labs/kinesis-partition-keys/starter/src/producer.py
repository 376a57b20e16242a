"""Reads one JSON event per line and puts each into a Kinesis stream.

    pipelab run -- python3 src/producer.py < events.jsonl

The stream's name is in the environment variable STREAM_NAME; HOT_CUSTOMERS may
name customers, separated by commas, whose events no single shard can take.
"""

import os
import sys

import boto3


def produce(kinesis, stream: str, lines) -> None:
    """Your part: put every line into the stream.

    Which partition key keeps a customer's events in order and still uses all
    shards? How many events go into one call? What does PutRecords answer when
    it has taken only some of them?
    """
    raise NotImplementedError("produce in src/producer.py is still to be written")


def main() -> int:
    produce(boto3.client("kinesis"), os.environ["STREAM_NAME"], sys.stdin)
    return 0


if __name__ == "__main__":
    sys.exit(main())

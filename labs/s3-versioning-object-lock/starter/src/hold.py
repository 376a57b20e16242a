"""Puts objects under legal hold, and releases them.

    hold.py on BUCKET KEY
    hold.py off BUCKET KEY

Prints one line of JSON: {"key": …, "held": the number of versions under hold
afterwards}.
"""

import json
import sys

import boto3


def hold(s3, bucket: str, key: str, status: str) -> int:
    """Your part: status is "ON" or "OFF". What exactly is it that a hold protects?"""
    raise NotImplementedError("hold in src/hold.py is still to be written")


def main() -> int:
    command, bucket, key = sys.argv[1:]
    held = hold(boto3.client("s3"), bucket, key, {"on": "ON", "off": "OFF"}[command])
    print(json.dumps({"key": key, "held": held}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Files what the suppliers send.

    land.py BUCKET < deliveries.jsonl

Each line is a delivery: {"name": "till 7.json", "source": "shop", "date":
"2026-02-03", "body": "…"}. Its body becomes an object. One line of JSON says
what became of each: {"name": …, "key": …}.
"""

import json
import sys

import boto3


def land(s3, bucket: str, delivery: dict) -> str:
    """Your part: stores the body and returns the key. Where does it belong?"""
    raise NotImplementedError("land in src/land.py is still to be written")


def main() -> int:
    s3 = boto3.client("s3")
    for line in sys.stdin:
        delivery = json.loads(line)
        print(json.dumps({"name": delivery["name"], "key": land(s3, sys.argv[1], delivery)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

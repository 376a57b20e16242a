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
    """A hold protects one version, so that each version needs its own."""
    held = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
        for version in page.get("Versions", []):
            if version["Key"] == key:
                s3.put_object_legal_hold(
                    Bucket=bucket, Key=key, VersionId=version["VersionId"], LegalHold={"Status": status}
                )
                held += status == "ON"
    return held


def main() -> int:
    command, bucket, key = sys.argv[1:]
    held = hold(boto3.client("s3"), bucket, key, {"on": "ON", "off": "OFF"}[command])
    print(json.dumps({"key": key, "held": held}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

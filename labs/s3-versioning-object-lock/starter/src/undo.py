"""Brings back what was in a bucket.

    undo.py undelete BUCKET KEY     a deleted object is there again
    undo.py revert BUCKET KEY       the content before the last change

Neither destroys a version. Each prints one line of JSON: {"key": …, "done":
true or false}; false when there was nothing to do.
"""

import json
import sys

import boto3


def undelete(s3, bucket: str, key: str) -> bool:
    """Your part. What does S3 write when an object is deleted without a version?"""
    raise NotImplementedError("undelete in src/undo.py is still to be written")


def revert(s3, bucket: str, key: str) -> bool:
    """Your part. Which version is the one before the current one?"""
    raise NotImplementedError("revert in src/undo.py is still to be written")


def main() -> int:
    command, bucket, key = sys.argv[1:]
    done = {"undelete": undelete, "revert": revert}[command](boto3.client("s3"), bucket, key)
    print(json.dumps({"key": key, "done": done}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Brings back what was in a bucket.

    undo.py undelete BUCKET KEY     a deleted object is there again
    undo.py revert BUCKET KEY       the content before the last change

Neither destroys a version. Each prints one line of JSON: {"key": …, "done":
true or false}; false when there was nothing to do.
"""

import json
import sys

import boto3


def history(s3, bucket: str, key: str):
    """All versions and delete markers of a key, newest first."""
    found = []
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
        found += [v | {"marker": False} for v in page.get("Versions", [])]
        found += [m | {"marker": True} for m in page.get("DeleteMarkers", [])]
    # S3 lists both by key and age, but in two lists; the latest is marked.
    return sorted(found, key=lambda v: (v["IsLatest"], v["LastModified"]), reverse=True)


def undelete(s3, bucket: str, key: str) -> bool:
    """Removes the delete markers on top: what they hide was never gone."""
    done = False
    for version in history(s3, bucket, key):
        if not version["marker"]:
            break
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        done = True
    return done


def revert(s3, bucket: str, key: str) -> bool:
    """Copies the version before the current one over it, as a new version."""
    earlier = [v for v in history(s3, bucket, key)[1:] if not v["marker"]]
    if not earlier:
        return False
    before = {"Bucket": bucket, "Key": key, "VersionId": earlier[0]["VersionId"]}
    s3.copy_object(Bucket=bucket, Key=key, CopySource=before)
    return True


def main() -> int:
    command, bucket, key = sys.argv[1:]
    done = {"undelete": undelete, "revert": revert}[command](boto3.client("s3"), bucket, key)
    print(json.dumps({"key": key, "done": done}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

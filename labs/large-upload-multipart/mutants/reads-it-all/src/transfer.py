"""Moves large files to S3 and reads pieces of them, over networks that fail.

    transfer.py put FILE BUCKET KEY     uploads in parts, resumes what is there
    transfer.py abort BUCKET KEY        gives up unfinished uploads of the key
    transfer.py tail BUCKET KEY N       prints the last N bytes, as a JSON text
    transfer.py plan BYTES              prints how a file of that size is cut

put and abort print one line of JSON; FILE may be "-" for the file that the
environment variable INPUT_FILE names. plan prints {"parts": …, "partSize": …},
or {"error": …} and ends with exit code 1 for what does not fit into an object.
"""

import hashlib
import json
import os
import random
import sys
import time

import boto3
from botocore.exceptions import BotoCoreError, ClientError

MIB = 1024 * 1024
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
SMALLEST_PART, LARGEST_PART, MOST_PARTS = 5 * MIB, 5 * 1024 * MIB, 10_000
LARGEST_OBJECT = 50_000_000_000_000 // MIB * MIB  # 50 TB, in whole MiB
TRIES = 6  # for a part; each begins after a longer pause


def plan(size: int) -> dict:
    """The same size is always cut in the same way: resuming depends on it."""
    if size > LARGEST_OBJECT:
        raise ValueError(f"{size} bytes are more than an object holds ({LARGEST_OBJECT})")
    part = SMALLEST_PART
    while part * MOST_PARTS < size:
        part *= 2
    part = min(part, LARGEST_PART)
    return {"parts": max(1, -(-size // part)), "partSize": part}


def put(s3, path: str, bucket: str, key: str) -> dict:
    """Sends the parts that are missing and those that differ from the file."""
    size = os.path.getsize(path)
    cut = plan(size)
    upload = unfinished(s3, bucket, key)
    upload_id = upload[-1] if upload else s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    there = present(s3, bucket, key, upload_id) if upload else {}
    parts, sent = [], 0
    with open(path, "rb") as file:
        for number in range(1, cut["parts"] + 1):
            body = file.read(cut["partSize"])
            etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
            if there.get(number) != etag:
                etag = send(s3, bucket, key, upload_id, number, body)
                sent += 1
            parts.append({"PartNumber": number, "ETag": etag})
    s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts})
    return {"key": key, "parts": len(parts), "sent": sent}


def unfinished(s3, bucket: str, key: str) -> list:
    """Ids of the key's unfinished uploads, oldest first."""
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=key)
    found = [u for page in pages for u in page.get("Uploads", []) if u["Key"] == key]
    return [u["UploadId"] for u in sorted(found, key=lambda u: u["Initiated"])]


def present(s3, bucket: str, key: str, upload_id: str) -> dict:
    """What S3 has of an upload: the ETag of each part, by its number."""
    pages = s3.get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=upload_id)
    return {p["PartNumber"]: p["ETag"] for page in pages for p in page.get("Parts", [])}


def send(s3, bucket: str, key: str, upload_id: str, number: int, body: bytes) -> str:
    """One part, again and again, with pauses that grow and differ."""
    for attempt in range(TRIES):
        try:
            return s3.upload_part(Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=body)["ETag"]
        except (BotoCoreError, ClientError):
            if attempt == TRIES - 1:
                raise
            time.sleep(random.uniform(0, 0.1 * 2**attempt))
    raise AssertionError("not reached")


def abort(s3, bucket: str, key: str) -> dict:
    """Parts of unfinished uploads are billed until somebody does this."""
    ids = unfinished(s3, bucket, key)
    for upload_id in ids:
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
    return {"key": key, "aborted": len(ids)}


def tail(s3, bucket: str, key: str, count: int) -> bytes:
    """A suffix range needs neither the object's size nor the rest of it."""
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()[-count:]


def main() -> int:
    command, *rest = sys.argv[1:]
    if command == "plan":
        try:
            print(json.dumps(plan(int(rest[0]))))
        except ValueError as problem:
            print(json.dumps({"error": str(problem)}))
            return 1
        return 0
    s3 = boto3.client("s3")
    if command == "put":
        path, bucket, key = rest
        print(json.dumps(put(s3, os.environ["INPUT_FILE"] if path == "-" else path, bucket, key)))
    elif command == "abort":
        print(json.dumps(abort(s3, *rest)))
    elif command == "tail":
        print(json.dumps(tail(s3, rest[0], rest[1], int(rest[2])).decode()))
    else:
        sys.exit(__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(main())

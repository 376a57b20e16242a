"""Files what the suppliers send.

    land.py BUCKET < deliveries.jsonl

Each line is a delivery: {"name": "till 7.json", "source": "shop", "date":
"2026-02-03", "body": "…"}. Its body becomes an object. One line of JSON says
what became of each: {"name": …, "key": …}.
"""

import json
import re
import sys
from datetime import date
from urllib.parse import quote_plus

import boto3

# fromisoformat takes more forms than this one.
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def land(s3, bucket: str, delivery: dict) -> str:
    """Files a delivery by its business date, or sets it aside with the reason."""
    body = delivery["body"].encode()
    try:
        day = business_date(delivery)
    except ValueError as problem:
        key = f"quarantine/{delivery['name']}"
        # Metadata travels in headers, which hold ASCII.
        reason = str(problem).encode("ascii", "replace").decode()
        s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata={"reason": reason})
        return key
    key = f"source={delivery['source']}/year={day:%Y}/month={day:%m}/day={day:%d}/{quote_plus(delivery['name'])}"
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    return key


def business_date(delivery: dict) -> date:
    text = delivery.get("date")
    if not isinstance(text, str) or not DATE.fullmatch(text):
        raise ValueError(f"date {text!r} is not YYYY-MM-DD")
    return date.fromisoformat(text)  # refuses days that no calendar has


def main() -> int:
    s3 = boto3.client("s3")
    for line in sys.stdin:
        delivery = json.loads(line)
        print(json.dumps({"name": delivery["name"], "key": land(s3, sys.argv[1], delivery)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

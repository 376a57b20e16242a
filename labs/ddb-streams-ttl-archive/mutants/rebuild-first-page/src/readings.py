"""Reads the table of readings.

    readings.py live DEVICE    prints the device's readings that have not expired
    readings.py rebuild        computes the hourly figures anew from the table

live prints one line of JSON for each reading; rebuild one with the number of
hours that it wrote. The names of the tables are in READING_TABLE and
AGGREGATE_TABLE, the present second since 1970 in NOW.
"""

import json
import os
import sys

import boto3
from boto3.dynamodb.conditions import Attr, Key


def live(dynamodb, table: str, device: str, now: int) -> list:
    """Expired items stay for hours or days: whoever reads must look himself."""
    query = {
        "KeyConditionExpression": Key("device").eq(device),
        "FilterExpression": Attr("expires").not_exists() | Attr("expires").gt(now),
    }
    return list(pages(dynamodb.Table(table).query, query))


def pages(read, query: dict):
    """All items of a query or scan, however many pages they fill."""
    while True:
        answer = read(**query)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        query = query | {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def rebuild(dynamodb, table: str, figures: str) -> int:
    """Writes what each hour is, instead of adding to what it was."""
    hours = {}
    for item in dynamodb.Table(table).scan(ConsistentRead=True)["Items"]:
        key = f"{item['device']}#{item['time'][:13]}"
        readings, milli = hours.get(key, (0, 0))
        hours[key] = readings + 1, milli + int(item["milli"])
    with dynamodb.Table(figures).batch_writer() as batch:
        for key, (readings, milli) in hours.items():
            batch.put_item(Item={"hour": key, "readings": readings, "milli": milli})
    return len(hours)


def main() -> int:
    dynamodb = boto3.resource("dynamodb")
    table = os.environ["READING_TABLE"]
    if sys.argv[1] == "live":
        for item in live(dynamodb, table, sys.argv[2], int(os.environ["NOW"])):
            print(json.dumps(item, default=int))
    else:
        print(json.dumps({"hours": rebuild(dynamodb, table, os.environ["AGGREGATE_TABLE"])}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

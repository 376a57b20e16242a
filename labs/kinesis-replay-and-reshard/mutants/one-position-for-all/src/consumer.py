"""Keeps the table of stock in step with the stream of movements.

    consumer.py consume VIEW        reads on where the view's last run came to
    consumer.py replay VIEW SINCE   computes the view's rows anew from the records
                                    that arrived at SINCE (seconds since 1970) or later

Both end when every shard is read to its tip; a scheduler starts `consume` again
and again. Several views read the same stream, each at its own pace.

STREAM_NAME, STOCK_TABLE, CHECKPOINT_TABLE and REJECT_TABLE name what is used;
READ_LIMIT is how many records one read takes at most.
"""

import json
import os
import sys

import boto3
from boto3.dynamodb.conditions import Key

import shards
import stock

STREAM = os.environ["STREAM_NAME"]
LIMIT = int(os.environ.get("READ_LIMIT", "1000"))
kinesis = boto3.client("kinesis")
dynamodb = boto3.resource("dynamodb")
rows = dynamodb.Table(os.environ["STOCK_TABLE"])
checkpoints = dynamodb.Table(os.environ["CHECKPOINT_TABLE"])
rejects = dynamodb.Table(os.environ["REJECT_TABLE"])


def consume(view: str) -> None:
    kept = checkpoints.query(KeyConditionExpression=Key("view").eq("all"), ConsistentRead=True)["Items"]
    places = {item["shard"]: item["place"] for item in kept}
    known = {}  # rows as they are in the table: nobody else writes this view
    for shard, records, place in shards.pages(kinesis, STREAM, places, {"ShardIteratorType": "TRIM_HORIZON"}, LIMIT):
        apply(view, known, events(shard, records))
        # After the work: who dies in between does it again, which does no harm.
        if place and place != places.get(shard):
            checkpoints.put_item(Item={"view": "all", "shard": shard, "place": place})


def replay(view: str, since: float) -> None:
    """Begins with no row at all: each product's first record since then is a count."""
    first = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": since}
    made = {}
    for shard, records, _ in shards.pages(kinesis, STREAM, {}, first, LIMIT):
        for event in events(shard, records):
            made[event["product"]] = stock.after(made.get(event["product"]), event)
    with rows.batch_writer() as batch:
        for product, row in made.items():
            batch.put_item(Item={"view": view, "product": product, **row})


def events(shard: str, records: list) -> list:
    """The events of a page. What is none is set aside, under its place in the stream."""
    found = []
    for record in records:
        try:
            event = json.loads(record["Data"])
            stock.after(None, event), event["product"] + ""  # fail here or nowhere
            found.append(event)
        except (ValueError, KeyError, TypeError):
            text = record["Data"].decode("utf-8", "replace")
            rejects.put_item(Item={"shard": shard, "sequence": record["SequenceNumber"], "data": text})
    return found


def apply(view: str, known: dict, page: list) -> None:
    now = {}
    for event in page:
        product = event["product"]
        if product not in known:
            known[product] = load(view, product)
        now[product] = stock.after(now.get(product, known[product]), event)
    for product, row in now.items():
        if row != known[product]:
            rows.put_item(Item={"view": view, "product": product, **row})
            known[product] = row


def load(view: str, product: str) -> dict | None:
    item = rows.get_item(Key={"view": view, "product": product}, ConsistentRead=True).get("Item")
    return item and {name: int(item[name]) for name in ("stock", "moves", "n")}


def main() -> int:
    if sys.argv[1] == "consume":
        consume(sys.argv[2])
    else:
        replay(sys.argv[2], float(sys.argv[3]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

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

import stock

STREAM = os.environ["STREAM_NAME"]
LIMIT = int(os.environ.get("READ_LIMIT", "1000"))
kinesis = boto3.client("kinesis")
dynamodb = boto3.resource("dynamodb")
rows = dynamodb.Table(os.environ["STOCK_TABLE"])  # key: view, product
checkpoints = dynamodb.Table(os.environ["CHECKPOINT_TABLE"])  # key: view, shard
rejects = dynamodb.Table(os.environ["REJECT_TABLE"])  # key: shard, sequence


def consume(view: str) -> None:
    """Your part. This reads the first page of every shard, and nobody remembers it."""
    for shard in kinesis.list_shards(StreamName=STREAM)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=STREAM, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        page = kinesis.get_records(ShardIterator=iterator, Limit=LIMIT)
        for record in page["Records"]:
            event = json.loads(record["Data"])
            row = stock.after(load(view, event["product"]), event)
            rows.put_item(Item={"view": view, "product": event["product"], **row})


def replay(view: str, since: float) -> None:
    """Your part."""
    raise NotImplementedError("replay in src/consumer.py is still to be written")


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

"""The market in one table: users, posts, follows, products, orders, alerts.

Events are loaded as they come; the same event again changes nothing:

    {"type": "user", "id", "name", "city"}
    {"type": "post", "id", "user", "time", "text"}, some with "flagged": true
    {"type": "follow", "user", "follows"}
    {"type": "product", "id", "category", "price", "stock"}
    {"type": "order", "id", "user", "time", "lines": [{"product", "quantity"}, …]}
    {"type": "status", "order", "status", "time"}
    {"type": "alert", "id", "severity", "time", "text"}

Rows of answers are dicts with the fields of these events. A line of an order is
a row of its own: {"order", "product", "quantity", "time"}.

How they are kept: whatever is read together has one partition key, and the sort
keys put it in order. pk2 and sk2 are the way back, from the other side.

    item      pk                 sk                 pk2                 sk2
    user      USER#ann           PROFILE
    post      USER#ann           POST#time#id
    follow    USER#ann           FOLLOWS#bob        USER#bob            FOLLOWER#ann
    product   PRODUCT#lamp       STOCK              CATEGORY#light      PRODUCT#lamp
    order     ORDER#o1           HEAD               USER#ann            ORDER#time#o1
    line      ORDER#o1           LINE#lamp          PRODUCT#lamp        LINE#time#o1
    status    ORDER#o1           STATUS#time
    alert     ALERT#critical#3   time#id

An attachment is larger than an item may be (400 KB). It is the object posts/ID
of the bucket; the post's id is all that is needed to find it.
"""

import zlib

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

KEYS = ("pk", "sk", "pk2", "sk2", "flag", "type", "flagged")
LATEST_POSTS = 5
LATEST_ALERTS = 10
# One partition takes 1,000 writes a second: so many share a bad day.
SHARDS = 8
# BatchWriteItem takes 25 items.
BATCH = 25


def items(event: dict) -> list:
    """What an event becomes: its own fields, and the keys."""
    kind = event["type"]
    if kind == "order":
        head = {name: value for name, value in event.items() if name != "lines"}
        return [
            {**head, "pk": f"ORDER#{event['id']}", "sk": "HEAD"}
            | {"pk2": f"USER#{event['user']}", "sk2": f"ORDER#{event['time']}#{event['id']}"},
            *({"type": "line", "order": event["id"], "time": event["time"], **line} | line_keys(event, line) for line in event["lines"]),
        ]
    if kind == "user":
        keys = {"pk": f"USER#{event['id']}", "sk": "PROFILE"}
    elif kind == "post":
        keys = {"pk": f"USER#{event['user']}", "sk": f"POST#{event['time']}#{event['id']}"}
        if event.get("flagged"):
            keys["flag"] = "FLAGGED"
    elif kind == "follow":
        keys = {"pk": f"USER#{event['user']}", "sk": f"FOLLOWS#{event['follows']}"}
        keys |= {"pk2": f"USER#{event['follows']}", "sk2": f"FOLLOWER#{event['user']}"}
    elif kind == "product":
        keys = {"pk": f"PRODUCT#{event['id']}", "sk": "STOCK"}
        keys |= {"pk2": f"CATEGORY#{event['category']}", "sk2": f"PRODUCT#{event['id']}"}
    elif kind == "status":
        keys = {"pk": f"ORDER#{event['order']}", "sk": f"STATUS#{event['time']}"}
    elif kind == "alert":
        shard = zlib.crc32(event["id"].encode()) % SHARDS
        keys = {"pk": f"ALERT#{event['severity']}#{shard}", "sk": f"{event['time']}#{event['id']}"}
    else:
        raise ValueError(f"no event has the type {kind!r}")
    return [{**event, **keys}]


def line_keys(order: dict, line: dict) -> dict:
    return {
        "pk": f"ORDER#{order['id']}",
        "sk": f"LINE#{line['product']}",
        "pk2": f"PRODUCT#{line['product']}",
        "sk2": f"LINE#{order['time']}#{order['id']}",
    }


def pack(item: dict) -> dict:
    return {name: TypeSerializer().serialize(value) for name, value in item.items()}


def row(item: dict) -> dict:
    """An item as its event was."""
    plain = {name: TypeDeserializer().deserialize(value) for name, value in item.items() if name not in KEYS}
    return {name: int(value) if name in ("price", "stock", "quantity") else value for name, value in plain.items()}


class Market:
    def __init__(self, dynamodb, table: str, s3, bucket: str):
        self.dynamodb, self.table, self.s3, self.bucket = dynamodb, table, s3, bucket

    def load(self, events: list) -> None:
        """A batch may not name an item twice, and may leave some of it undone."""
        wanted = {(item["pk"], item["sk"]): item for event in events for item in items(event)}
        puts = [{"PutRequest": {"Item": pack(item)}} for item in wanted.values()]
        while puts:
            answer = self.dynamodb.batch_write_item(RequestItems={self.table: puts[:BATCH]})
            puts = answer["UnprocessedItems"].get(self.table, []) + puts[BATCH:]

    def query(self, condition: str, index: str | None = None, backwards=False, limit=None, after=None, **values) -> tuple:
        """One page of the rows of one partition, and where the next begins."""
        options = {"IndexName": index, "Limit": limit, "ExclusiveStartKey": after}
        found = self.dynamodb.query(
            TableName=self.table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues={f":{name}": {"S": value} for name, value in values.items()},
            ScanIndexForward=not backwards,
            **{name: value for name, value in options.items() if value is not None},
        )
        return [row(item) for item in found["Items"]], found.get("LastEvaluatedKey")

    def get(self, pk: str, sk: str) -> list:
        found = self.dynamodb.get_item(TableName=self.table, Key=pack({"pk": pk, "sk": sk}))
        return [row(found["Item"])] if "Item" in found else []

    # The twelve questions.

    def user(self, id: str) -> list:
        """The user's profile."""
        return self.get(f"USER#{id}", "PROFILE")

    def wall(self, user: str) -> list:
        """The profile and the five latest posts, newest first."""
        # PROFILE comes after POST# and is the first backwards.
        return self.query("pk = :pk AND sk >= :sk", backwards=True, limit=1 + LATEST_POSTS, pk=f"USER#{user}", sk="POST#")[0]

    def following(self, user: str) -> list:
        """Follows of this user, by the name of the followed."""
        return self.query("pk = :pk AND begins_with(sk, :sk)", pk=f"USER#{user}", sk="FOLLOWS#")[0]

    def followers(self, user: str) -> list:
        """Follows of others that follow this user, by the name of the follower."""
        return self.query("pk2 = :pk AND begins_with(sk2, :sk)", index="reverse", pk=f"USER#{user}", sk="FOLLOWER#")[0]

    def orders(self, user: str, limit: int, after) -> tuple:
        """A page of the user's orders, newest first, and what "after" is for the
        next page: JSON of any form, None when there is nothing more."""
        return self.query(
            "pk2 = :pk AND begins_with(sk2, :sk)", index="reverse", backwards=True, limit=limit, after=after,
            pk=f"USER#{user}", sk="ORDER#",
        )  # fmt: skip

    def month(self, user: str, month: str) -> list:
        """The user's orders of a month such as "2026-03", oldest first."""
        return self.query("pk2 = :pk AND begins_with(sk2, :sk)", index="reverse", pk=f"USER#{user}", sk=f"ORDER#{month}-")[0]

    def order(self, id: str) -> list:
        """The order, its lines by product, its statuses by time."""
        return self.query("pk = :pk", pk=f"ORDER#{id}")[0]

    def status(self, order: str) -> list:
        """The order's latest status."""
        return self.query("pk = :pk AND begins_with(sk, :sk)", backwards=True, limit=1, pk=f"ORDER#{order}", sk="STATUS#")[0]

    def product(self, id: str) -> list:
        """The product with its stock."""
        return self.get(f"PRODUCT#{id}", "STOCK")

    def category(self, name: str) -> list:
        """The products of a category, by id."""
        return self.query("pk2 = :pk AND begins_with(sk2, :sk)", index="reverse", pk=f"CATEGORY#{name}", sk="PRODUCT#")[0]

    def buyers(self, product: str) -> list:
        """The lines of all orders that have the product, newest first."""
        return self.query("pk2 = :pk AND begins_with(sk2, :sk)", index="reverse", backwards=True, pk=f"PRODUCT#{product}", sk="LINE#")[0]

    def flagged(self) -> list:
        """The flagged posts, oldest first."""
        return self.query("flag = :flag", index="flagged", flag="FLAGGED")[0]

    # Changes.

    def place(self, order: dict) -> str | None:
        """Writes the order with its lines and the status "placed", and takes the
        stock, all or nothing. Returns None, also for an order that is there
        already, or "sold-out"."""
        placed = {"type": "status", "order": order["id"], "status": "placed", "time": order["time"]}
        new = [*items({"type": "order", **order}), *items(placed)]
        actions = [{"Put": {"TableName": self.table, "Item": pack(item)}} for item in new]
        actions[0]["Put"]["ConditionExpression"] = "attribute_not_exists(pk)"
        for line in order["lines"]:
            actions.append(
                {
                    "Update": {
                        "TableName": self.table,
                        "Key": pack({"pk": f"PRODUCT#{line['product']}", "sk": "STOCK"}),
                        "UpdateExpression": "SET stock = stock - :q",
                        "ConditionExpression": "stock >= :q",
                        "ExpressionAttributeValues": pack({":q": line["quantity"]}),
                    }
                }
            )
        try:
            self.dynamodb.transact_write_items(TransactItems=actions)
        except self.dynamodb.exceptions.TransactionCanceledException as cancelled:
            reasons = [reason["Code"] for reason in cancelled.response["CancellationReasons"]]
            if reasons[0] == "ConditionalCheckFailed":
                return None  # it went through before
            if "ConditionalCheckFailed" in reasons:
                return "sold-out"
            raise
        return None

    def unfollow(self, user: str, follows: str) -> None:
        self.dynamodb.delete_item(TableName=self.table, Key=pack({"pk": f"USER#{user}", "sk": f"FOLLOWS#{follows}"}))

    def approve(self, post: dict) -> None:
        """The post, a row of flagged, is fine: it is flagged no longer."""
        [item] = items({"type": "post", **post})
        self.dynamodb.update_item(
            TableName=self.table,
            Key=pack({"pk": item["pk"], "sk": item["sk"]}),
            UpdateExpression="REMOVE flag, flagged",
            ConditionExpression="attribute_exists(pk)",
        )

    # A question that nobody had thought of.

    def grow(self) -> None:
        """Prepares the live table for the question city, without touching an item."""
        self.dynamodb.update_table(
            TableName=self.table,
            AttributeDefinitions=[
                {"AttributeName": "city", "AttributeType": "S"},
                {"AttributeName": "pk", "AttributeType": "S"},
            ],
            GlobalSecondaryIndexUpdates=[
                {
                    "Create": {
                        "IndexName": "by-city",
                        "KeySchema": [{"AttributeName": "city", "KeyType": "HASH"}, {"AttributeName": "pk", "KeyType": "RANGE"}],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                }
            ],
        )

    def city(self, name: str) -> list:
        """The users of a city, by id."""
        return self.query("city = :city", index="by-city", city=name)[0]

    # Too much for one partition, too much for one item.

    def alerts(self, severity: str) -> list:
        """The ten latest alerts of a severity, newest first."""
        found = []
        for shard in range(SHARDS):
            found += self.query("pk = :pk", backwards=True, limit=LATEST_ALERTS, pk=f"ALERT#{severity}#{shard}")[0]
        return sorted(found, key=lambda alert: (alert["time"], alert["id"]), reverse=True)[:LATEST_ALERTS]

    def attach(self, post: str, body: bytes) -> None:
        """Keeps a file of any size with the post, in place of the one before."""
        self.s3.put_object(Bucket=self.bucket, Key=f"posts/{post}", Body=body)

    def attachment(self, post: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=f"posts/{post}")["Body"].read()

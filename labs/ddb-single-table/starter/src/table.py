"""The market in one table: users, posts, follows, products, orders, alerts.

Events are loaded as they come, a status before its order as well as after it; the
same event again changes nothing. (What place, unfollow or approve has changed is
not loaded again.)

    {"type": "user", "id", "name", "city"}
    {"type": "post", "id", "user", "time", "text"}, some with "flagged": true
    {"type": "follow", "user", "follows"}
    {"type": "product", "id", "category", "price", "stock"}
    {"type": "order", "id", "user", "time", "lines": [{"product", "quantity"}, …]}
    {"type": "status", "order", "status", "time"}
    {"type": "alert", "id", "severity", "time", "text"}

Rows of answers are dicts with the fields of these events, and more fields do no
harm. They are printed as JSON: numbers are int, not the Decimal that boto3's
TypeDeserializer makes, nor {"N": "10"}. A line of an order is a row of its own:
{"order", "product", "quantity", "time"}. An order has each product once.

Write down here which key each kind of item has; everything else follows from it.
"""

LATEST_POSTS = 5
LATEST_ALERTS = 10


class Market:
    def __init__(self, dynamodb, table: str, s3, bucket: str):
        self.dynamodb, self.table, self.s3, self.bucket = dynamodb, table, s3, bucket

    def load(self, events: list) -> None:
        """Loads events, some of which come twice, also in one call. The stock of a
        product is what is left: an order that is loaded takes nothing from it."""
        raise NotImplementedError("load in src/table.py is still to be written")

    # The twelve questions.

    def user(self, id: str) -> list:
        """The user's profile."""
        raise NotImplementedError("user in src/table.py is still to be written")

    def wall(self, user: str) -> list:
        """The profile and the five latest posts, newest first."""
        raise NotImplementedError("wall in src/table.py is still to be written")

    def following(self, user: str) -> list:
        """Follows of this user, by the id of the followed."""
        raise NotImplementedError("following in src/table.py is still to be written")

    def followers(self, user: str) -> list:
        """Follows of others that follow this user, by the id of the follower."""
        raise NotImplementedError("followers in src/table.py is still to be written")

    def orders(self, user: str, limit: int, after) -> tuple:
        """A page of the user's orders, newest first, and what "after" is for the
        next page: JSON of any form, None when there is nothing more."""
        raise NotImplementedError("orders in src/table.py is still to be written")

    def month(self, user: str, month: str) -> list:
        """The user's orders of a month such as "2026-03", oldest first."""
        raise NotImplementedError("month in src/table.py is still to be written")

    def order(self, id: str) -> list:
        """The order, its lines by product, its statuses by time."""
        raise NotImplementedError("order in src/table.py is still to be written")

    def status(self, order: str) -> list:
        """The order's latest status."""
        raise NotImplementedError("status in src/table.py is still to be written")

    def product(self, id: str) -> list:
        """The product with its stock."""
        raise NotImplementedError("product in src/table.py is still to be written")

    def category(self, name: str) -> list:
        """The products of a category, by id."""
        raise NotImplementedError("category in src/table.py is still to be written")

    def buyers(self, product: str) -> list:
        """The lines of all orders that have the product, newest first."""
        raise NotImplementedError("buyers in src/table.py is still to be written")

    def flagged(self) -> list:
        """The flagged posts, oldest first."""
        raise NotImplementedError("flagged in src/table.py is still to be written")

    # Changes.

    def place(self, order: dict) -> str | None:
        """Writes the order, an event without its type, with its lines and the status
        "placed" at its own time, and takes the stock, all or nothing. Returns None,
        also for an order that is there already, or "sold-out"."""
        raise NotImplementedError("place in src/table.py is still to be written")

    def unfollow(self, user: str, follows: str) -> None:
        raise NotImplementedError("unfollow in src/table.py is still to be written")

    def approve(self, post: dict) -> None:
        """The post, a row of flagged, is fine: it is flagged no longer."""
        raise NotImplementedError("approve in src/table.py is still to be written")

    # A question that nobody had thought of.

    def grow(self) -> None:
        """Prepares the live table for the question city, without touching an item.
        It need not wait until DynamoDB is done."""
        raise NotImplementedError("grow in src/table.py is still to be written")

    def city(self, name: str) -> list:
        """The users of a city, by id."""
        raise NotImplementedError("city in src/table.py is still to be written")

    # Too much for one partition, too much for one item.

    def alerts(self, severity: str) -> list:
        """The ten latest alerts of a severity, newest first."""
        raise NotImplementedError("alerts in src/table.py is still to be written")

    def attach(self, post: str, body: bytes) -> None:
        """Keeps a file of any size with the post, in place of the one before."""
        raise NotImplementedError("attach in src/table.py is still to be written")

    def attachment(self, post: str) -> bytes:
        raise NotImplementedError("attachment in src/table.py is still to be written")

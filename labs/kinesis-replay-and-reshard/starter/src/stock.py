"""What a product's row says after one more event. No input, no output."""


def after(row: dict | None, event: dict) -> dict:
    """The row after the event, or the row itself if it knows the event already.

    n numbers what happens to a product. An event that comes again, from a
    producer that repeated itself or a reader that did, has a number that the
    row has passed.
    """
    row = row or {"stock": 0, "moves": 0, "n": 0}
    if event["n"] <= row["n"]:
        return row
    if event["kind"] == "count":
        return {"stock": row["stock"] + event["quantity"], "moves": 0, "n": event["n"]}
    return {"stock": row["stock"] + event["quantity"], "moves": row["moves"] + 1, "n": event["n"]}

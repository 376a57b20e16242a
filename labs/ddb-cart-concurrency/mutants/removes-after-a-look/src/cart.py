"""Carts, stock and orders in one table.

    pk              sk         attributes
    PRODUCT#<id>    STOCK      stock
    CART#<user>     HEAD       version, notes (list of text)
    CART#<user>     LINE#<id>  product, quantity
    ORDER#<token>   ORDER      user, lines (map of product to quantity)

Every function answers {"ok": True} or {"ok": False, "reason": …}.
"""

import random
import time
from dataclasses import dataclass

LIMIT = 100  # actions that one transaction takes
PATIENCE = 50  # attempts before a shopper gives up


@dataclass
class Shop:
    client: object  # a DynamoDB client of boto3
    table: str


def key(pk, sk):
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def pause(attempt):
    """Waits a random while, longer each time, so that rivals part."""
    time.sleep(random.uniform(0, min(0.01 * 2**attempt, 0.5)))


def add(shop, user, product, quantity):
    """Adds to a cart. The user's two devices may do so at the same time."""
    shop.client.update_item(
        TableName=shop.table,
        Key=key(f"CART#{user}", f"LINE#{product}"),
        UpdateExpression="SET product = :p ADD quantity :q",
        ExpressionAttributeValues={":p": {"S": product}, ":q": {"N": str(quantity)}},
    )
    return {"ok": True}


def remove(shop, user, product, quantity):
    """Takes from a cart; {"ok": False, "reason": "not-enough"} if it holds less."""
    line = key(f"CART#{user}", f"LINE#{product}")
    there = shop.client.get_item(TableName=shop.table, Key=line, ConsistentRead=True).get("Item", {})
    if int(there.get("quantity", {"N": "0"})["N"]) < quantity:
        return {"ok": False, "reason": "not-enough"}
    shop.client.update_item(
        TableName=shop.table,
        Key=line,
        UpdateExpression="ADD quantity :minus",
        ExpressionAttributeValues={":minus": {"N": str(-quantity)}},
    )
    return {"ok": True}


def note(shop, user, text, version=None):
    """Appends a note to the cart's head and raises its version by one."""
    for attempt in range(PATIENCE):
        seen = version
        if seen is None:
            head = shop.client.get_item(TableName=shop.table, Key=key(f"CART#{user}", "HEAD"), ConsistentRead=True)
            seen = int(head.get("Item", {}).get("version", {"N": "0"})["N"])
        try:
            write_note(shop, user, text, seen)
            return {"ok": True, "version": seen + 1}
        except shop.client.exceptions.ConditionalCheckFailedException:
            if version is not None:
                return {"ok": False, "reason": "stale"}
            pause(attempt)
    return {"ok": False, "reason": "busy"}


def write_note(shop, user, text, seen):
    condition = "version = :seen" if seen else "attribute_not_exists(version)"
    values = {":none": {"L": []}, ":text": {"L": [{"S": text}]}, ":next": {"N": str(seen + 1)}}
    if seen:
        values[":seen"] = {"N": str(seen)}
    shop.client.update_item(
        TableName=shop.table,
        Key=key(f"CART#{user}", "HEAD"),
        UpdateExpression="SET notes = list_append(if_not_exists(notes, :none), :text), version = :next",
        ConditionExpression=condition,
        ExpressionAttributeValues=values,
    )


def checkout(shop, user, token):
    """Turns the cart into the order <token> and takes it off the stock."""
    for attempt in range(PATIENCE):
        if exists(shop, token):
            return {"ok": True, "order": token}
        lines = cart_lines(shop, user)
        if not lines:
            return {"ok": False, "reason": "empty"}
        actions = transaction(shop, user, token, lines)
        if len(actions) > LIMIT:
            return {"ok": False, "reason": "too-large"}
        try:
            # The token is of this attempt: what it sends may differ from what
            # an earlier attempt sent. It covers the SDK's own retries; that
            # an order exists once is the condition's business.
            shop.client.transact_write_items(TransactItems=actions, ClientRequestToken=f"{token}-{attempt}"[-36:])
            return {"ok": True, "order": token}
        except shop.client.exceptions.TransactionCanceledException as cancelled:
            codes = [reason["Code"] for reason in cancelled.response["CancellationReasons"]]
            # The actions are: the order, then stock and line in turn.
            if codes[0] == "None" and "ConditionalCheckFailed" in codes[1::2]:
                return {"ok": False, "reason": "sold-out"}
            # The order exists by now, a line has changed, or another
            # transaction was at the same items: look again.
            pause(attempt)
    return {"ok": False, "reason": "busy"}


def exists(shop, token):
    found = shop.client.get_item(TableName=shop.table, Key=key(f"ORDER#{token}", "ORDER"), ConsistentRead=True)
    return "Item" in found


def cart_lines(shop, user):
    """The cart as a dict of product to quantity."""
    lines = {}
    pages = shop.client.get_paginator("query").paginate(
        TableName=shop.table,
        KeyConditionExpression="pk = :cart AND begins_with(sk, :line)",
        ExpressionAttributeValues={":cart": {"S": f"CART#{user}"}, ":line": {"S": "LINE#"}},
        ConsistentRead=True,
    )
    for page in pages:
        for item in page["Items"]:
            lines[item["product"]["S"]] = item["quantity"]["N"]
    return lines


def transaction(shop, user, token, lines):
    """The order, and for each line what it takes from the stock and the cart."""
    order = key(f"ORDER#{token}", "ORDER") | {
        "user": {"S": user},
        "lines": {"M": {product: {"N": quantity} for product, quantity in lines.items()}},
    }
    actions = [{"Put": {"TableName": shop.table, "Item": order, "ConditionExpression": "attribute_not_exists(pk)"}}]
    for product, quantity in lines.items():
        actions.append({"Update": {
            "TableName": shop.table,
            "Key": key(f"PRODUCT#{product}", "STOCK"),
            "UpdateExpression": "SET stock = stock - :q",
            "ConditionExpression": "stock >= :q",
            "ExpressionAttributeValues": {":q": {"N": quantity}},
        }})
        actions.append({"Delete": {
            "TableName": shop.table,
            "Key": key(f"CART#{user}", f"LINE#{product}"),
            "ConditionExpression": "quantity = :q",
            "ExpressionAttributeValues": {":q": {"N": quantity}},
        }})
    return actions

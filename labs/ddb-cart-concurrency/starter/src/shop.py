"""Runs many shoppers at once against the functions in cart.py.

    shop.py add|remove|note|buy|checkout|fill [options] < orders.jsonl

Each line of standard input is one order: {"id": …, "customer": …, "product":
…, "quantity": …}; for fill it is {"id": …, "lines": …}. Eight of them are worked
on at a time. One line of JSON says what became of each. This file is given; your
work is in cart.py.
"""

import argparse
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

import cart

AT_ONCE = 8


def add(shop, order, options):
    return cart.add(shop, order["customer"], options.product or order["product"], options.quantity or order["quantity"])


def remove(shop, order, options):
    return cart.remove(shop, order["customer"], options.product or order["product"], options.quantity or order["quantity"])


def note(shop, order, options):
    return cart.note(shop, order["customer"], order["id"], options.version)


def buy(shop, order, options):
    """A guest, named by the order's id, fills a cart and checks out."""
    guest = order["id"]
    cart.add(shop, guest, options.product or order["product"], options.quantity or order["quantity"])
    return cart.checkout(shop, guest, order["id"])


def checkout(shop, order, _):
    return cart.checkout(shop, order["id"], order["id"])


def fill(shop, order, _):
    """A cart with as many products as the order has lines, all in stock, then the checkout."""
    puts = []
    for i in range(order["lines"]):
        product = f"bulk-{i:03d}"
        stock = cart.key(f"PRODUCT#{product}", "STOCK") | {"stock": {"N": "10"}}
        line = cart.key(f"CART#{order['id']}", f"LINE#{product}") | {"product": {"S": product}, "quantity": {"N": "1"}}
        puts += [{"PutRequest": {"Item": item}} for item in (stock, line)]
    while puts:
        batch, puts = puts[:25], puts[25:]  # as many as one call takes
        left = shop.client.batch_write_item(RequestItems={shop.table: batch})["UnprocessedItems"]
        puts += left.get(shop.table, [])
    return cart.checkout(shop, order["id"], order["id"])


COMMANDS = {"add": add, "remove": remove, "note": note, "buy": buy, "checkout": checkout, "fill": fill}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--product", help="everybody buys this product")
    parser.add_argument("--quantity", type=int, help="everybody buys so many")
    parser.add_argument("--version", type=int, help="the version that the shopper has seen")
    options = parser.parse_args()
    client = boto3.client("dynamodb", config=Config(max_pool_connections=AT_ONCE))
    shop = cart.Shop(client, os.environ["TABLE_NAME"])

    def work(line):
        try:
            return COMMANDS[options.command](shop, json.loads(line), options)
        except Exception as problem:  # one shopper's trouble is not another's
            return {"ok": False, "reason": "error", "error": f"{type(problem).__name__}: {problem}"}

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for result in pool.map(work, [line for line in sys.stdin if line.strip()]):
            print(json.dumps(result), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

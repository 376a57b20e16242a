"""The market's command line. Leave it as it is; your part is table.py.

    market.py < commands.jsonl

Each line is one command, and they are carried out in their order:

    {"type": "user", …}                 an event; events in a row are loaded together
    {"ask": "wall", "user": "ann"}      a question: prints {"ask": "wall", "rows": […]}
    {"do": "place", "order": {…}}       a change: prints {"do": "place", "ok": true, …}

"orders" with a "limit" is read page by page; the events of "between" are loaded
after the first page, as others write while somebody reads. What goes wrong is
printed as {"error": …}, and the next command follows. MARKET_TABLE and
ATTACHMENT_BUCKET in the environment name the table and the bucket, INPUT_FILE the
file for {"do": "attach", "post": "p1"}; without it there is no client for S3.
"""

import hashlib
import json
import os
import sys
import traceback

import boto3

from table import Market


def ask(market: Market, command: dict) -> dict:
    name = command.pop("ask")
    if name == "orders":
        return orders(market, **command)
    if name == "attachment":
        return {"ask": name, "sha256": hashlib.sha256(market.attachment(command["post"])).hexdigest()}
    return {"ask": name, "rows": getattr(market, name)(**command)}


def orders(market: Market, user: str, limit: int = 100, between: list = ()) -> dict:
    """All pages, one after the other, as a browser asks for them."""
    pages, after = [], None
    while True:
        rows, after = market.orders(user, limit, after)
        pages.append(rows)
        if after is None or len(pages) == 50:
            return {"ask": "orders", "rows": [row for page in pages for row in page], "pages": [len(p) for p in pages]}
        after = json.loads(json.dumps(after))  # the browser keeps it, not this process
        if between:
            market.load(list(between))
            between = ()


def do(market: Market, command: dict) -> dict:
    name = command.pop("do")
    answer = {"do": name, "ok": True}
    if name == "place":
        refused = market.place(command["order"])
        return {"do": name, "ok": refused is None, "reason": refused}
    if name == "approve":  # a moderator has the row of a flagged post before them
        row = next(row for row in market.flagged() if row["id"] == command["post"])
        market.approve(row)
    elif name == "attach":
        with open(os.environ["INPUT_FILE"], "rb") as file:
            market.attach(command["post"], file.read())
    elif name == "alerts":  # so many in a row, as on a bad day
        market.load(
            [
                {
                    "type": "alert",
                    "id": f"{command['prefix']}-{n:03d}",
                    "severity": command["severity"],
                    "time": f"2026-05-01T10:{n // 60:02d}:{n % 60:02d}Z",
                    "text": f"alert {n}",
                }
                for n in range(command["count"])
            ]
        )
    else:
        getattr(market, name)(**command)
    return answer


def main() -> int:
    s3 = boto3.client("s3") if "INPUT_FILE" in os.environ else None
    market = Market(boto3.client("dynamodb"), os.environ["MARKET_TABLE"], s3, os.environ["ATTACHMENT_BUCKET"])
    events = []
    for line in [*sys.stdin, ""]:
        command = json.loads(line) if line.strip() else {}
        if "type" in command:
            events.append(command)
            continue
        try:
            if events:
                loading, events = events, []
                market.load(loading)
            answer = ask(market, command) if "ask" in command else do(market, command) if command else None
        except Exception as problem:
            traceback.print_exc()
            answer = {"error": f"{type(problem).__name__}: {problem}"}
        if answer:
            print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

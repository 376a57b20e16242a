"""Leaderboards of many games in one table.

    board.py submit < scores.jsonl      each line an event, see below
    board.py top GAME [WEEK]            the ten best, of all time or of a week

An event is {"id": …, "player": …, "game": …, "week": "2026-W03", "score": 120,
"time": "2026-01-05T08:00:00.000Z"}. top prints a line for each place, the best
first: {"player": …, "score": …}. A player's best score counts; of two players
with the same score the one who reached it earlier is before the other. The
table's name is in the environment variable SCORE_TABLE.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import boto3
from botocore.config import Config

AT_ONCE = 8
PLACES = 10
LATEST = 10**13  # milliseconds; no time of ours comes after it


def submit(dynamodb, table: str, event: dict) -> None:
    """Keeps the event if it is the player's best, of all time or of its week."""
    for board in (event["game"], f"{event['game']}#{event['week']}"):
        try:
            dynamodb.update_item(
                TableName=table,
                Key={"entry": {"S": f"{board}#{event['player']}"}},
                UpdateExpression="SET board = :b, #r = :r, player = :p, score = :s, #t = :t",
                # Whoever writes at the same time: only a better rank replaces one.
                ConditionExpression="attribute_not_exists(#r) OR #r < :r",
                ExpressionAttributeNames={"#r": "rank", "#t": "time"},
                ExpressionAttributeValues={
                    ":b": {"S": board},
                    ":r": {"S": rank(event)},
                    ":p": {"S": event["player"]},
                    ":s": {"N": str(event["score"])},
                    ":t": {"S": event["time"]},
                },
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            pass  # there is a better one


def rank(event: dict) -> str:
    """Text that sorts by score, and among equals puts the earlier one higher."""
    at = datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
    return f"{event['score']:012d}#{LATEST - int(at.timestamp() * 1000):014d}"


def top(dynamodb, table: str, game: str, week: str | None) -> list:
    """The index is in the order of ranks; read from its end, ten are enough."""
    found = dynamodb.query(
        TableName=table,
        IndexName="by-rank",
        KeyConditionExpression="board = :b",
        ExpressionAttributeValues={":b": {"S": f"{game}#{week}" if week else game}},
        ScanIndexForward=False,
        Limit=PLACES,
    )
    return [{"player": item["player"]["S"], "score": item["score"]["N"]} for item in reversed(found["Items"])]


def main() -> int:
    dynamodb = boto3.client("dynamodb", config=Config(max_pool_connections=AT_ONCE))
    table = os.environ["SCORE_TABLE"]
    if sys.argv[1] == "submit":
        events = [json.loads(line) for line in sys.stdin if line.strip()]
        with ThreadPoolExecutor(AT_ONCE if "--parallel" in sys.argv else 1) as pool:
            list(pool.map(lambda event: submit(dynamodb, table, event), events))
        return 0
    game, week = (sys.argv[2:] + [None])[:2]
    for place in top(dynamodb, table, game, week):
        print(json.dumps({"player": place["player"], "score": int(place["score"])}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

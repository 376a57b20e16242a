"""Cuts a file into parts and puts each in the queue of work.

Called with {"key": KEY, "time": SECONDS} when a file is complete, at times more
than once. Returns {"parts": N}.
"""

import json
import os

import boto3

FILES, QUEUE, TABLE = os.environ["FILE_BUCKET"], os.environ["WORK_QUEUE"], os.environ["PROGRESS_TABLE"]
PART = 8192  # what a worker has time for

s3, sqs, dynamodb = boto3.client("s3"), boto3.client("sqs"), boto3.client("dynamodb")


def handler(event, context):
    key = event["key"]
    size = s3.head_object(Bucket=FILES, Key=key)["ContentLength"]
    starts = range(0, size, PART)
    # Known before the first message is out: whoever joins must know how many
    # there are to be. A second call finds it written and changes nothing.
    dynamodb.update_item(
        TableName=TABLE,
        Key={"job": {"S": key}, "part": {"S": "-"}},
        UpdateExpression="SET parts = :n, since = if_not_exists(since, :t)",
        ExpressionAttributeValues={":n": {"N": str(len(starts))}, ":t": {"N": str(event["time"])}},
    )
    for number, start in enumerate(starts):
        task = {"key": key, "part": number, "start": start, "end": min(start + PART, size), "size": size}
        sqs.send_message(QueueUrl=QUEUE, MessageBody=json.dumps(task))
    return {"parts": len(starts)}

import io
import json
import time
import zipfile

import boto3
from boto3.s3.transfer import TransferConfig

s3, kinesis, lambda_ = boto3.client("s3"), boto3.client("kinesis"), boto3.client("lambda")

assert s3.list_buckets()["Buckets"] == []
s3.create_bucket(Bucket="lake")
data = bytes(range(256)) * (50 << 10)  # 12.5 MiB: in parts
s3.upload_fileobj(io.BytesIO(data), "lake", "raw/big", Config=TransferConfig(multipart_threshold=5 << 20))
assert s3.get_object(Bucket="lake", Key="raw/big")["Body"].read() == data
assert s3.get_object(Bucket="lake", Key="raw/big", Range="bytes=256-511")["Body"].read() == bytes(range(256))
for n in range(25):
    s3.put_object(Bucket="lake", Key=f"raw/{n:02}", Body=b"x", Metadata={"n": str(n)})
pages = s3.get_paginator("list_objects_v2").paginate(Bucket="lake", PaginationConfig={"PageSize": 10})
assert sum(page["KeyCount"] for page in pages) == 26
try:
    s3.get_object(Bucket="lake", Key="none")
    raise AssertionError("there is no such key")
except s3.exceptions.NoSuchKey:
    pass

kinesis.create_stream(StreamName="clicks", ShardCount=1)
kinesis.get_waiter("stream_exists").wait(StreamName="clicks")
kinesis.put_record(StreamName="clicks", PartitionKey="p", Data=bytes(range(256)))
shard = kinesis.list_shards(StreamName="clicks")["Shards"][0]["ShardId"]
iterator = kinesis.get_shard_iterator(StreamName="clicks", ShardId=shard, ShardIteratorType="TRIM_HORIZON")
assert kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"][0]["Data"] == bytes(range(256))

table = boto3.resource("dynamodb").create_table(
    TableName="orders", BillingMode="PAY_PER_REQUEST",
    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "at", "AttributeType": "N"}])
table.wait_until_exists()
with table.batch_writer() as batch:
    for n in range(60):
        batch.put_item(Item={"id": str(n % 3), "at": n, "seen": {"a", "b"}})
found = table.query(KeyConditionExpression=boto3.dynamodb.conditions.Key("id").eq("1"), ScanIndexForward=False)
assert [int(item["at"]) for item in found["Items"]] == list(range(58, 0, -3))

queue = boto3.resource("sqs").create_queue(QueueName="jobs")
queue.send_message(MessageBody="one", MessageAttributes={"kind": {"DataType": "String", "StringValue": "k"}})
message, = queue.receive_messages(MessageAttributeNames=["All"], AttributeNames=["SentTimestamp"])
assert message.message_attributes["kind"]["StringValue"] == "k"
message.delete()

archive = io.BytesIO()
with zipfile.ZipFile(archive, "w") as file:
    file.writestr("app.py", "def handler(event, context):\n    return {'sum': sum(event['numbers'])}\n")
role = boto3.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps({
    "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                                            "Action": "sts:AssumeRole"}]}))["Role"]["Arn"]
lambda_.create_function(FunctionName="add", Role=role, Runtime="python3.12", Handler="app.handler",
                        Code={"ZipFile": archive.getvalue()})
lambda_.get_waiter("function_active_v2").wait(FunctionName="add")
answer = lambda_.invoke(FunctionName="add", Payload=json.dumps({"numbers": [1, 2, 3]}))
assert json.load(answer["Payload"]) == {"sum": 6}
deadline = time.time() + 20
while not boto3.client("logs").filter_log_events(logGroupName="/aws/lambda/add")["events"]:
    assert time.time() < deadline, "the function's output does not come into its log"

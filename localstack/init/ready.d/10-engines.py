"""Starts the engines behind Kinesis and DynamoDB before anybody needs them.

LocalStack starts a service with its first call, these two as processes of their
own that take seconds. A learner who makes that call first has a program that
seems slow, or that gives up.
"""

import boto3

aws = {
    "endpoint_url": "http://127.0.0.1:4566",
    "region_name": "us-east-1",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}
boto3.client("kinesis", **aws).list_streams()
boto3.client("dynamodb", **aws).list_tables()

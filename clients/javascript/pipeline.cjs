const assert = require("node:assert");
const { S3Client, CreateBucketCommand, GetObjectCommand, paginateListObjectsV2 } = require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");
const { DynamoDBClient, CreateTableCommand, waitUntilTableExists } = require("@aws-sdk/client-dynamodb");
const { DynamoDBDocumentClient, PutCommand, QueryCommand } = require("@aws-sdk/lib-dynamodb");
const kinesis = require("@aws-sdk/client-kinesis");
const sqs = require("@aws-sdk/client-sqs");

async function objects() {
  const client = new S3Client({ forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: "lake" }));
  const Body = Buffer.alloc(12 << 20, "x");
  await new Upload({ client, params: { Bucket: "lake", Key: "big", Body } }).done();
  const got = await client.send(new GetObjectCommand({ Bucket: "lake", Key: "big" }));
  assert(Body.equals(Buffer.from(await got.Body.transformToByteArray())));
  for await (const page of paginateListObjectsV2({ client }, { Bucket: "lake" })) assert.equal(page.KeyCount, 1);
}

async function items() {
  const plain = new DynamoDBClient({});
  await plain.send(new CreateTableCommand({
    TableName: "orders", BillingMode: "PAY_PER_REQUEST",
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
  }));
  await waitUntilTableExists({ client: plain, maxWaitTime: 60 }, { TableName: "orders" });
  const client = DynamoDBDocumentClient.from(plain);
  await client.send(new PutCommand({ TableName: "orders", Item: { id: "1", lines: [{ n: 2 }], tags: new Set(["a"]) } }));
  const found = await client.send(new QueryCommand({
    TableName: "orders", KeyConditionExpression: "id = :id", ExpressionAttributeValues: { ":id": "1" },
  }));
  assert.deepEqual(found.Items, [{ id: "1", lines: [{ n: 2 }], tags: new Set(["a"]) }]);
}

async function records() {
  const client = new kinesis.KinesisClient({});
  await client.send(new kinesis.CreateStreamCommand({ StreamName: "clicks", ShardCount: 1 }));
  await kinesis.waitUntilStreamExists({ client, maxWaitTime: 60 }, { StreamName: "clicks" });
  const Data = Uint8Array.from({ length: 256 }, (_, n) => n);
  await client.send(new kinesis.PutRecordCommand({ StreamName: "clicks", PartitionKey: "p", Data }));
  const { StreamDescriptionSummary: stream } =
    await client.send(new kinesis.DescribeStreamSummaryCommand({ StreamName: "clicks" }));
  const { Consumer: consumer } = await client.send(new kinesis.RegisterStreamConsumerCommand(
    { StreamARN: stream.StreamARN, ConsumerName: "fan" }));
  for (let status = "CREATING"; status !== "ACTIVE";) {
    const got = await client.send(new kinesis.DescribeStreamConsumerCommand({ ConsumerARN: consumer.ConsumerARN }));
    status = got.ConsumerDescription.ConsumerStatus;
  }
  const answer = await client.send(new kinesis.SubscribeToShardCommand({
    ConsumerARN: consumer.ConsumerARN, ShardId: "shardId-000000000000", StartingPosition: { Type: "TRIM_HORIZON" },
  }));
  for await (const { SubscribeToShardEvent: event } of answer.EventStream) {
    if (event.Records.length === 0) continue;
    assert.deepEqual(event.Records[0].Data, Data);
    break;
  }
}

async function messages() {
  const client = new sqs.SQSClient({});
  const { QueueUrl } = await client.send(new sqs.CreateQueueCommand({ QueueName: "jobs" }));
  await client.send(new sqs.SendMessageCommand({ QueueUrl, MessageBody: "hello" }));
  const got = await client.send(new sqs.ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
  assert.equal(got.Messages[0].Body, "hello");
}

Promise.all([objects(), items(), records(), messages()]).then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});

// Cuts a file into parts and puts each in the queue of work.

import { dynamodb, sendMessage, size as sizeOf } from "./aws.mjs";

const { FILE_BUCKET, WORK_QUEUE, PROGRESS_TABLE } = process.env;
const PART = 8192; // what a worker has time for

export async function handler({ key, time }) {
  const size = await sizeOf(FILE_BUCKET, key);
  const parts = Math.ceil(size / PART);
  // Known before the first message is out. A second call changes nothing.
  await dynamodb("UpdateItem", {
    TableName: PROGRESS_TABLE,
    Key: { job: { S: key }, part: { S: "-" } },
    UpdateExpression: "SET parts = :n, since = if_not_exists(since, :t)",
    ExpressionAttributeValues: { ":n": { N: String(parts) }, ":t": { N: String(time) } },
  });
  for (let part = 0; part < parts; part++) {
    await sendMessage(WORK_QUEUE, { key, part, size, start: part * PART, end: Math.min((part + 1) * PART, size) });
  }
  return { parts };
}

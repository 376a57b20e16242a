// Puts the parts of a file together when all are done, and tells somebody, once,
// when one is missing after an hour.

import { dynamodb, put, sendMessage } from "./aws.mjs";

const { RESULT_BUCKET, ALERT_QUEUE, PROGRESS_TABLE } = process.env;
const PATIENCE = 3600; // seconds

export async function handler({ key, time }) {
  const { job, parts } = await recall(key);
  if (!job) return { state: "waiting" };
  const missing = [...Array(Number(job.parts.N)).keys()].filter((n) => !parts.get(n)?.done);
  if (missing.length === 0) {
    await write(key, [...parts.values()]);
    return { state: "done" };
  }
  if (time - Number(job.since.N) <= PATIENCE) return { state: "waiting" };
  if (!job.alerted) {
    // Told, then noted: an alert that comes twice is better than none.
    await sendMessage(ALERT_QUEUE, { key, missing });
    await dynamodb("UpdateItem", {
      TableName: PROGRESS_TABLE,
      Key: { job: { S: key }, part: { S: "-" } },
      UpdateExpression: "SET alerted = :t",
      ExpressionAttributeValues: { ":t": { N: String(time) } },
    });
  }
  return { state: "missing" };
}

async function recall(key) {
  const parts = new Map();
  let job, ExclusiveStartKey;
  do {
    const page = await dynamodb("Query", {
      TableName: PROGRESS_TABLE,
      ConsistentRead: true,
      KeyConditionExpression: "job = :j",
      ExpressionAttributeValues: { ":j": { S: key } },
      ...(ExclusiveStartKey && { ExclusiveStartKey }),
    });
    for (const item of page.Items) {
      if (item.part.S === "-") job = item;
      else parts.set(Number(item.part.S), JSON.parse(item.state.S));
    }
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey);
  return { job, parts };
}

async function write(key, states) {
  const result = { rows: 0, bad: 0, totals: {} };
  for (const { rows, bad, totals } of states) {
    result.rows += rows;
    result.bad += bad;
    for (const [customer, cents] of Object.entries(totals)) result.totals[customer] = (result.totals[customer] ?? 0) + cents;
  }
  await put(RESULT_BUCKET, `${key}.json`, JSON.stringify(result));
}

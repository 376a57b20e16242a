// The three services that the functions need, over signed HTTP. On AWS the Node.js
// runtime brings the SDK (@aws-sdk/client-s3 and so on) and this file is not needed.

import { createHash, createHmac } from "node:crypto";

const { AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_ENDPOINT_URL } = process.env;

const hash = (text) => createHash("sha256").update(text).digest("hex");
const hmac = (key, text) => createHmac("sha256", key).update(text).digest();

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
function sign(service, method, url, headers, body) {
  const now = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = `${now.slice(0, 8)}/${AWS_REGION}/${service}/aws4_request`;
  const all = { ...headers, host: url.host, "x-amz-date": now, "x-amz-content-sha256": hash(body) };
  if (AWS_SESSION_TOKEN) all["x-amz-security-token"] = AWS_SESSION_TOKEN;
  const names = Object.keys(all).sort();
  const request = [method, url.pathname, "", ...names.map((n) => `${n}:${all[n]}`), "", names.join(";"), hash(body)].join("\n");
  const key = scope.split("/").reduce(hmac, `AWS4${AWS_SECRET_ACCESS_KEY}`);
  const signature = createHmac("sha256", key).update(["AWS4-HMAC-SHA256", now, scope, hash(request)].join("\n")).digest("hex");
  delete all.host; // fetch sets it
  all.authorization = `AWS4-HMAC-SHA256 Credential=${AWS_ACCESS_KEY_ID}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return all;
}

async function call(service, method, path, headers, body = "") {
  const url = new URL(path, AWS_ENDPOINT_URL ?? `https://${service}.${AWS_REGION}.amazonaws.com`);
  const answer = await fetch(url, { method, headers: sign(service, method, url, headers, body), body: body || undefined });
  if (!answer.ok) throw new Error(`${service}: ${answer.status} ${await answer.text()}`);
  return answer;
}

async function json(service, version, target, input) {
  const headers = { "content-type": `application/x-amz-json-${version}`, "x-amz-target": target };
  return (await call(service, "POST", "/", headers, JSON.stringify(input))).json();
}

export const dynamodb = (operation, input) => json("dynamodb", "1.0", `DynamoDB_20120810.${operation}`, input);

export const sendMessage = (url, body) => json("sqs", "1.0", "AmazonSQS.SendMessage", { QueueUrl: url, MessageBody: JSON.stringify(body) });

const object = (bucket, key) => `/${bucket}/${key.split("/").map(encodeURIComponent).join("/")}`;

export async function size(bucket, key) {
  return Number((await call("s3", "HEAD", object(bucket, key), {})).headers.get("content-length"));
}

// The bytes from first to last, both included.
export async function range(bucket, key, first, last) {
  return Buffer.from(await (await call("s3", "GET", object(bucket, key), { range: `bytes=${first}-${last}` })).arrayBuffer());
}

export const put = (bucket, key, body) => call("s3", "PUT", object(bucket, key), {}, body);

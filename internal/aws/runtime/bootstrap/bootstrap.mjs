// Runs a handler over the Lambda Runtime API. The framing of the output is
// described in bootstrap.py.

import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import util from "node:util";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let requestID = "";

// Standard input is a pipe that closes when the emulator goes away.
process.stdin.on("end", () => process.exit(1));
process.stdin.on("error", () => process.exit(1));
process.stdin.resume();
process.stdin.unref?.();

function write(data) {
  let at = 0;
  while (at < data.length) {
    try {
      at += fs.writeSync(1, data, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

function frame(text) {
  const data = Buffer.from(text);
  write(Buffer.concat([Buffer.from(`\x01frame ${data.length}\n`), data]));
}

function api(method, where, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host, port, method, agent, path: "/2018-06-01/runtime/" + where, headers: body === undefined ? headers : { ...headers, "Content-Length": Buffer.byteLength(body) } },
      (answer) => {
        const parts = [];
        answer.on("data", (part) => parts.push(part));
        answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts).toString() }));
        answer.on("error", reject);
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

for (const [method, level] of Object.entries({ log: "INFO", info: "INFO", debug: "DEBUG", warn: "WARN", error: "ERROR", trace: "TRACE" })) {
  console[method] = (...parts) => frame(`${new Date().toISOString()}\t${requestID || "undefined"}\t${level}\t${util.format(...parts)}\n`);
}

function describe(error) {
  if (error instanceof Error) {
    return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? "").split("\n") };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function named(name, message) {
  const error = new Error(message);
  error.name = name;
  error.stack = `${name}: ${message}`;
  return error;
}

async function load(name) {
  const root = process.env.LAMBDA_TASK_ROOT;
  const at = name.indexOf(".", name.lastIndexOf("/") + 1);
  if (at < 0) throw named("Runtime.MalformedHandlerName", "Bad handler");
  const file = path.join(root, name.slice(0, at));
  const members = name.slice(at + 1).split(".");
  const found = [".js", ".mjs", ".cjs"].map((ending) => file + ending).find((candidate) => fs.existsSync(candidate));
  if (!found) throw named("Runtime.ImportModuleError", `Error: Cannot find module '${path.basename(file)}'`);
  let module;
  try {
    module = await import(pathToFileURL(found).href);
    if (!found.endsWith(".mjs") && members[0] !== "default" && !(members[0] in module)) {
      module = createRequire(import.meta.url)(found); // exports that import cannot see
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw named("Runtime.UserCodeSyntaxError", `${error.name}: ${error.message}`);
    if (error.code === "ERR_MODULE_NOT_FOUND" || error.code === "MODULE_NOT_FOUND") throw named("Runtime.ImportModuleError", `Error: ${error.message}`);
    throw error;
  }
  const handler = members.reduce((value, member) => value?.[member], module);
  if (handler === undefined) throw named("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  if (typeof handler !== "function") throw named("Runtime.HandlerNotFound", `${name} is not a function`);
  return handler;
}

function context(headers) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const client = headers["lambda-runtime-client-context"];
  return {
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: client ? JSON.parse(client) : undefined,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

function run(handler, event, ctx) {
  return new Promise((resolve, reject) => {
    ctx.succeed = resolve;
    ctx.fail = reject;
    ctx.done = (error, value) => (error ? reject(error) : resolve(value));
    const value = handler(event, ctx, ctx.done);
    if (value && typeof value.then === "function") value.then(resolve, reject);
    else if (handler.length < 3) resolve(value);
  });
}

async function main() {
  let handler;
  try {
    handler = await load(process.env._HANDLER);
  } catch (error) {
    const fault = describe(error);
    frame(`${new Date().toISOString()}\tundefined\tERROR\tUncaught Exception\t${JSON.stringify(fault)}\n`);
    write(Buffer.from("\x01end init\n"));
    await api("POST", "init/error", JSON.stringify(fault), { "Lambda-Runtime-Function-Error-Type": fault.errorType });
    process.exit(1);
  }
  for (;;) {
    const next = await api("GET", "invocation/next");
    if (next.status !== 200) process.exit(1);
    requestID = next.headers["lambda-runtime-aws-request-id"];
    if (next.headers["lambda-runtime-trace-id"]) process.env._X_AMZN_TRACE_ID = next.headers["lambda-runtime-trace-id"];
    let where = "response";
    let body;
    let kind = {};
    try {
      const value = await run(handler, JSON.parse(next.body), context(next.headers));
      body = value === undefined ? "null" : JSON.stringify(value);
    } catch (error) {
      const fault = describe(error);
      frame(`${new Date().toISOString()}\t${requestID}\tERROR\tInvoke Error \t${JSON.stringify(fault)}\n`);
      where = "error";
      kind = { "Lambda-Runtime-Function-Error-Type": fault.errorType };
      body = JSON.stringify(fault);
    }
    write(Buffer.from(`\x01end ${requestID}\n`));
    await api("POST", `invocation/${requestID}/${where}`, body, kind);
  }
}

main().catch(() => process.exit(1));

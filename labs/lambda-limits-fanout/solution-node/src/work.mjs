// Adds up one part of a file, piece by piece. A record belongs to the part in which
// it begins; the sums and the place that they go up to are written together.

import { dynamodb, range } from "./aws.mjs";

const { FILE_BUCKET, PROGRESS_TABLE } = process.env;
const PIECE = 2048;
const NEWLINE = 10;

export async function handler({ Records }) {
  for (const { body } of Records) await work(JSON.parse(body));
}

async function work(task) {
  const state = await recall(task);
  while (!state.done) {
    state.position ??= await findStart(task);
    for (const line of await read(task, state)) add(state, line);
    state.done = state.position >= task.end;
    await remember(task, state);
  }
}

// The records of the next piece that begin in the part; the place moves behind them.
async function read(task, state) {
  const lines = [];
  if (state.position >= task.end) return lines;
  const first = state.position;
  const data = await fetchRange(task, first, PIECE);
  const last = first + data.length >= task.size;
  while (state.position < task.end && state.position < first + data.length) {
    const from = state.position - first;
    const newline = data.indexOf(NEWLINE, from);
    if (newline < 0 && !last) break; // a record that goes on in the next piece
    const to = newline < 0 ? data.length : newline + 1;
    lines.push(data.subarray(from, to).toString());
    state.position = first + to;
  }
  return lines;
}

// The byte before the part tells whether a record begins with it.
async function findStart(task) {
  if (task.start === 0) return 0;
  for (let at = task.start - 1; at < task.size; ) {
    const data = await fetchRange(task, at, 256);
    const newline = data.indexOf(NEWLINE);
    if (newline >= 0) return at + newline + 1;
    at += data.length;
  }
  return task.size;
}

const fetchRange = (task, first, count) => range(FILE_BUCKET, task.key, first, Math.min(first + count, task.size) - 1);

// What cannot be read is counted, not fatal.
function add(state, line) {
  if (!line.trim()) return;
  let record;
  try {
    record = JSON.parse(line);
  } catch {
    state.bad++;
    return;
  }
  if (typeof record?.customer !== "string" || !Number.isInteger(record.totalCents)) {
    state.bad++;
    return;
  }
  state.rows++;
  state.totals[record.customer] = (state.totals[record.customer] ?? 0) + record.totalCents;
}

const item = ({ key, part }) => ({ job: { S: key }, part: { S: String(part).padStart(6, "0") } });

async function recall(task) {
  const { Item } = await dynamodb("GetItem", { TableName: PROGRESS_TABLE, Key: item(task), ConsistentRead: true });
  return Item ? JSON.parse(Item.state.S) : { position: null, done: false, rows: 0, bad: 0, totals: {} };
}

const remember = (task, state) =>
  dynamodb("PutItem", { TableName: PROGRESS_TABLE, Item: { ...item(task), state: { S: JSON.stringify(state) } } });

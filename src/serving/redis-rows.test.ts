import { closeSync, mkdtempSync, openSync, read, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { publishRows, RedisRows } from "./redis-rows.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-redis-rows-"));
afterAll(() => rmSync(folder, { recursive: true }));

const options = { prefix: "table:", dim: 2, cacheBytes: 1024, fallback: Float32Array.of(-1, -1) };
const reply = Buffer.from(Float32Array.of(3, 4).buffer);

test("a reply that comes too late is the next request's", async () => {
  let answer = (): void => {};
  const reads: (readonly string[])[] = [];
  const reader = {
    read: (keys: readonly string[]) => {
      reads.push(keys);
      return new Promise<Buffer[]>((resolve) => {
        answer = () => resolve([reply]);
      });
    },
  };
  const rows = new RedisRows(reader, { ...options, timeoutMs: 5 });
  const into = new Float32Array(2);
  await rows.gather(Int32Array.of(7), into);
  expect([...into]).toEqual([-1, -1]);
  answer();
  await new Promise((resolve) => setImmediate(resolve));
  await rows.gather(Int32Array.of(7), into);
  expect([...into]).toEqual([3, 4]);
  expect(reads).toEqual([["table:7"]]);
  expect(rows.takeCounts()).toEqual({ hits: 1, misses: 1, fallbacks: 1 });
});

test.each([
  ["shorter", reply.subarray(0, 4)],
  ["longer", Buffer.concat([reply, reply])],
  ["no whole number of floats", reply.subarray(0, 7)],
  ["empty", Buffer.alloc(0)],
])("a value that is %s counts as a missing row, and is not kept", async (_, value) => {
  const values = [value, reply];
  const rows = new RedisRows(
    { read: async () => [values.shift() as Buffer] },
    { ...options, timeoutMs: 1000 },
  );
  const into = new Float32Array(2);
  await rows.gather(Int32Array.of(7), into);
  expect([...into]).toEqual([-1, -1]);
  expect(rows.takeCounts()).toEqual({ hits: 0, misses: 1, fallbacks: 1 });
  // Once Redis has the row, it is taken.
  await rows.gather(Int32Array.of(7), into);
  expect([...into]).toEqual([3, 4]);
  expect(rows.takeCounts()).toEqual({ hits: 0, misses: 1, fallbacks: 0 });
});

test("a reply that has arrived is not late because the thread was busy", async () => {
  const path = join(folder, "reply");
  writeFileSync(path, reply);
  const file = openSync(path, "r");
  // Answered by the operating system, as a socket is, while this thread is at work.
  const reader = {
    read: () =>
      new Promise<Buffer[]>((resolve, reject) => {
        const bytes = Buffer.alloc(reply.length);
        read(file, bytes, 0, bytes.length, 0, (error) => (error === null ? resolve([bytes]) : reject(error)));
      }),
  };
  const rows = new RedisRows(reader, { ...options, timeoutMs: 5 });
  const into = new Float32Array(2);
  const gathered = rows.gather(Int32Array.of(7), into);
  for (const end = performance.now() + 50; performance.now() < end; );
  await gathered;
  closeSync(file);
  expect([...into]).toEqual([3, 4]);
  expect(rows.takeCounts()).toEqual({ hits: 0, misses: 1, fallbacks: 0 });
});

test("a server that hangs is not asked without end, and is asked again when it answers", async () => {
  const answers: (() => void)[] = [];
  const reader = {
    read: () => new Promise<Buffer[]>((resolve) => answers.push(() => resolve([reply]))),
  };
  const rows = new RedisRows(reader, { ...options, timeoutMs: 1 });
  const into = new Float32Array(2);
  for (let id = 0; id < 40; id++) await rows.gather(Int32Array.of(id), into);
  expect(answers).toHaveLength(16);
  expect(rows.takeCounts()).toEqual({ hits: 0, misses: 40, fallbacks: 40 });
  for (const answer of answers) answer();
  await new Promise((resolve) => setImmediate(resolve));
  const gathered = rows.gather(Int32Array.of(30), into);
  expect(answers).toHaveLength(17);
  answers[16]();
  await gathered;
  expect([...into]).toEqual([3, 4]);
});

test.each(["redis://one:two@here:port", "redis://one:two@here/name"])(
  "%s is no address, which is said without its password",
  async (url) => {
    const published = publishRows(url, []);
    await expect(published).rejects.toThrow("rows: the address of a Redis server was expected");
    await expect(published).rejects.not.toThrow("two");
  },
);

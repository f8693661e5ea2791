import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataError } from "../core/index.ts";
import { createRowEncoder, FIRST_VALUE_ID } from "../schema/index.ts";
import { interactionSchema } from "./interaction-schema.ts";
import { ItemLists, includesSorted } from "./item-lists.ts";
import { readInteractions } from "./read-interactions.ts";
import { holdOut, leaveOneOut } from "./splits.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-interactions-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string, { gzip = false } = {}): string {
  const path = join(folder, name);
  writeFileSync(path, gzip ? gzipSync(text) : text);
  return path;
}

const rows = (lists: ItemLists): number[][] => lists.all().map((row) => [...row]);

describe("interaction files", () => {
  test("are numbered by descending count of the first split, ties by key", () => {
    const train = file("train.txt", "u1 b a c\nu2 a b\n\nu3 a\n");
    const test = file("test.txt.gz", "u3 d c\nu1 a\n", { gzip: true });
    const data = readInteractions({ train, test });
    expect(data.users).toEqual(["u1", "u2", "u3"]);
    expect(data.items).toEqual(["a", "b", "c", "d"]);
    expect(rows(data.lists.train)).toEqual([[1, 0, 2], [0, 1], [0]]);
    expect(rows(data.lists.test)).toEqual([[0], [], [3, 2]]);
  });

  test("may hold one pair a line", () => {
    const data = readInteractions({ all: file("pairs.txt", "1 7\n2 7\n1 3\n") }, { form: "pairs" });
    expect(data.items).toEqual(["7", "3"]);
    expect(rows(data.lists.all)).toEqual([[0, 1], [0]]);
  });

  test("know a key in any form of Unicode", () => {
    const data = readInteractions({ all: file("forms.txt", "u e\u0301 i2\nu \u00e9\n") });
    expect(data.items).toEqual(["\u00e9", "i2"]);
    const { encode } = createRowEncoder(interactionSchema(data, { historyLength: 3 }));
    const { columns } = encode([{ user: "u", history: ["e\u0301", "\u00e9", "i2"] }]);
    expect([...columns.history]).toEqual([FIRST_VALUE_ID, FIRST_VALUE_ID, FIRST_VALUE_ID + 1]);
  });

  test("may have lists of any length, and several of a user", () => {
    const line = `u ${Array.from({ length: 200_000 }, (_, k) => `i${k % 7}`).join(" ")}\n`;
    expect(readInteractions({ all: file("long.txt", line + line) }).lists.all.total).toBe(400_000);
  });

  test("that are not what was said are named with their line", () => {
    const path = file("bad.txt", "1 7\n1 2 3\n");
    expect(() => readInteractions({ all: path }, { form: "pairs" })).toThrow(
      `${path}, line 2: expected \`user item\`, found 3 fields`,
    );
    expect(() => readInteractions({ all: join(folder, "absent") })).toThrow(DataError);
    expect(() => readInteractions({ all: file("empty.txt", "\n") })).toThrow("no user with an item");
  });
});

describe("splits", () => {
  test("leave one out", () => {
    const parts = leaveOneOut(ItemLists.from([[1, 2, 3, 4], [5, 6], [7], [], [8, 9, 10]]));
    expect(rows(parts.train)).toEqual([[1, 2], [5, 6], [7], [], [8]]);
    expect(rows(parts.valid)).toEqual([[3], [], [], [], [9]]);
    expect(rows(parts.test)).toEqual([[4], [], [], [], [10]]);
  });

  test("a share held out loses nothing and is a function of the seed", () => {
    const lists = ItemLists.from([Array.from({ length: 20 }, (_, k) => k), [3], [4, 5], []]);
    const { train, held } = holdOut(lists, { share: 0.25, seed: 7 });
    expect(held.all().map((row) => row.length)).toEqual([5, 0, 1, 0]);
    const together = train.all().map((row, r) => [...row, ...held.row(r)].sort((a, b) => a - b));
    expect(together).toEqual(rows(lists));
    expect(rows(holdOut(lists, { share: 0.25, seed: 7 }).held)).toEqual(rows(held));
    expect(rows(holdOut(lists, { share: 0.25, seed: 8 }).held)).not.toEqual(rows(held));
  });
});

test("lists are searched and put together", () => {
  const lists = ItemLists.from([[3, 1], [], [2]]);
  expect(rows(lists.followedBy(ItemLists.from([[9], [8], []])))).toEqual([[3, 1, 9], [8], [2]]);
  expect([...lists.counts(4)]).toEqual([0, 1, 1, 1]);
  const row = lists.sorted().row(0);
  expect([0, 1, 2, 3, 4].map((item) => includesSorted(row, item))).toEqual([false, true, false, true, false]);
});

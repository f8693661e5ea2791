import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { writeFileAtomic } from "./files.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a file appears whole, folders on the way included", () => {
  const path = join(folder, "a", "b.txt");
  writeFileAtomic(path, [new Uint8Array([104]), new Uint8Array([105])]);
  writeFileAtomic(path, `${readFileSync(path, "utf8")}!`);
  expect(readFileSync(path, "utf8")).toBe("hi!");
  expect(readdirSync(join(folder, "a"))).toEqual(["b.txt"]);
});

test("a target that is a directory is named, and nothing stays beside it", () => {
  const path = join(folder, "taken");
  mkdirSync(path);
  expect(() => writeFileAtomic(path, "x")).toThrow(expect.objectContaining({ code: "EISDIR", path }));
  expect(readdirSync(folder).filter((name) => name.endsWith(".partial"))).toEqual([]);
});

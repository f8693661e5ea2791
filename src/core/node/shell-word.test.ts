import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { shellWord } from "./shell-word.ts";

test("plain words stay, everything else comes out of a shell as it went in", () => {
  expect(shellWord("runs/first-2_a.b")).toBe("runs/first-2_a.b");
  for (const text of ["a b", "it's", "$(touch x)", "`x`", 'say "no"', "ünï 🎉", "a;b", ""]) {
    expect(execFileSync("sh", ["-c", `printf %s ${shellWord(text)}`], { encoding: "utf8" })).toBe(text);
  }
});

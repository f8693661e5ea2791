import { spawnSync } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { noPythonRuntime, python } from "../models/python-runtime.ts";
import { readPage, repository } from "./page.ts";
import { folderOf, runPages, runProgram } from "./run-pages.ts";

runPages("guides");

describe("an exported model in Python", () => {
  const noPython = noPythonRuntime(["onnxruntime"]);
  test("examples/predict.py gives what examples/predict-in-node.ts gives", async ({ skip }) => {
    skip(noPython !== undefined, noPython);
    const folder = folderOf(readPage("docs/export.md"));
    const program = join(folder, "predict.ts");
    cpSync(join(repository, "examples/predict-in-node.ts"), program);
    const here = numbersIn(await runProgram(program, folder, program));
    const script = join(repository, "examples/predict.py");
    const { stdout, stderr } = spawnSync(python, [script], { cwd: folder, encoding: "utf8" });
    expect(stderr).toBe("");
    const there = numbersIn(stdout);
    expect(there).toHaveLength(2);
    expect(Math.max(...there.map((value, row) => Math.abs(value - here[row])))).toBeLessThanOrEqual(1e-5);
  });
});

const numbersIn = (text: string): number[] => (text.match(/\d\.\d+(e-?\d+)?/g) ?? []).map(Number);

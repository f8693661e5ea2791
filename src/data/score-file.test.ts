import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { writeScores } from "./score-file.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-scores-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function* scores(): AsyncGenerator<Float32Array[]> {
  yield [Float32Array.of(0.25, 0.5)];
}

test("scores do not replace a file that a glob of the data names", async () => {
  for (const name of ["a.csv", "b.csv"]) writeFileSync(join(folder, name), "x\n1\n");
  const written = (path: string) =>
    writeScores({
      path,
      format: "csv",
      spec: { files: [join(folder, "*.csv")] },
      inputs: ["x"],
      names: ["click"],
      scores: scores(),
      cacheDir: folder,
    });
  await expect(written(join(folder, "b.csv"))).rejects.toThrow("that is one of the data files");
  expect(readFileSync(join(folder, "b.csv"), "utf8")).toBe("x\n1\n");
  const path = join(folder, "scores.txt");
  await written(path);
  expect(readFileSync(path, "utf8")).toBe("row,x,click\n1,1,0.25\n2,1,0.5\n");
});

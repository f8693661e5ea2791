/** `examples/cascade.ts`: from nothing to an answer of three stages, in its small form. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { RankResponse } from "../../src/serving/index.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

test("a world becomes a cascade that answers", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-example-"));
  try {
    const tsx = join(root, "node_modules", "tsx", "dist", "esm", "index.mjs");
    const program = join(root, "examples", "cascade.ts");
    const child = spawn(process.execPath, ["--import", tsx, program, folder, "--small", "--once"], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const said = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (text: string) => (said[stream] += text));
    }
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(code, said.stderr).toBe(0);
    expect(said.stdout).toMatch(/curl -s http:\/\/127\.0\.0\.1:\d+\/rank\/feed/);
    const answer = JSON.parse(said.stdout.slice(said.stdout.indexOf("{\n"))) as RankResponse;
    expect(answer.items).toHaveLength(10);
    expect(answer.counts.candidates).toBe(200);
    expect(answer.unknown_user).toBe(false);
    // On a busy machine the final stage may be late; then the early order is served, and said.
    expect(["early", "final"]).toContain(answer.stage);
    expect(answer.fallbacks.length).toBe(answer.stage === "final" ? 0 : 1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 240_000);

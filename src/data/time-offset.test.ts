/** Times with an offset are the instants that they name, in whatever text they come. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inspect } from "./inspect.ts";

test.each(["csv", "jsonl"])("%s", async (format) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-offset-"));
  try {
    const times = ["2024-01-01T00:30:00+01:00", "2023-12-31T23:40:00Z", "2023-12-31 23:50:00"];
    const file = join(folder, `log.${format}`);
    const lines = times.map((t, y) => (format === "csv" ? `${t},${y}` : JSON.stringify({ t, y })));
    writeFileSync(file, [...(format === "csv" ? ["t,y"] : []), ...lines].join("\n"));
    const text = JSON.stringify(await inspect({ files: [file] }));
    // The least of them is the first, an hour earlier than it looks.
    expect(text).toContain("2023-12-31T23:30:00");
    expect(text).not.toContain("2024-01-01");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

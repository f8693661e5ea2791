import { expect, test } from "vitest";
import { CounterRandom } from "../core/index.ts";
import type { BatchSource, EncodedBatch } from "../schema/index.ts";
import { permutationImportance } from "./feature-importance.ts";

const rows = 2000;
const random = new CounterRandom(5, "importance");
const told = Float32Array.from({ length: rows }, (_, row) => random.uniform(row));
const columns = {
  told,
  "told.missing": new Float32Array(rows),
  idle: Float32Array.from({ length: rows }, (_, row) => random.uniform(rows + row)),
  click: Float32Array.from(told, (p, row) => Number(random.uniform(2 * rows + row) < p)),
};
const column = (name: string, role: "feature" | "label") =>
  ({ name, role, dtype: "float32", width: 1 }) as const;

function source(data: EncodedBatch["columns"]): BatchSource {
  return {
    rows,
    layout: [
      column("told", "feature"),
      column("told.missing", "feature"),
      column("idle", "feature"),
      column("click", "label"),
    ],
    async *batches() {
      yield { size: rows, columns: data };
    },
    close: async () => {},
  };
}

/** A model that knows the first feature's meaning and reads nothing else. */
const predictor = {
  predict: async ({ columns: given }: EncodedBatch) => ({ click: Float32Array.from(given.told) }),
};

test("a feature that the model reads costs AUC when it is shuffled, another none", async () => {
  const importance = await permutationImportance(predictor, source(columns), {
    label: "click",
    features: ["told", "idle"],
  });
  expect(importance.get("told")).toBeGreaterThan(0.25);
  expect(importance.get("idle")).toBe(0);
});

test("one class leaves nothing to lose", async () => {
  const ones = { ...columns, click: new Float32Array(rows).fill(1) };
  const importance = await permutationImportance(predictor, source(ones), {
    label: "click",
    features: ["told"],
  });
  expect(importance.size).toBe(0);
});

import { beforeEach, expect, test, vi } from "vitest";
import { DivergedError } from "../core/index.ts";
import { parseConfig } from "../run/index.ts";
import { trainGrid, type Variant, type VariantRuns } from "./grid.ts";
import type { RecipeContext } from "./recipe.ts";
import { learningRates, tuned, tunedByRate } from "./tune.ts";

vi.mock("./grid.ts", () => ({ trainGrid: vi.fn() }));

const lines: string[] = [];
const context = { seeds: [7, 8], onLine: (line: string) => lines.push(line) } as unknown as RecipeContext;
const config = parseConfig({
  data: { train: "train.csv" },
  labels: [{ name: "click" }],
  features: [{ name: "item", kind: "categorical" }],
  model: { name: "LR" },
  training: { monitor: "log_loss" },
});
const variant: Variant = { name: "LR", role: "method", config };

/** Log loss on validation as a function of the learning rate; training diverges where it is undefined. */
function logLossIs(of: (learningRate: number) => number | undefined): number[] {
  const asked: number[] = [];
  vi.mocked(trainGrid).mockImplementation(async (variants, { seeds }) => {
    expect(seeds).toEqual([7]);
    return variants.map((candidate): VariantRuns => {
      const { learningRate } = candidate.config.training;
      asked.push(learningRate);
      const value = of(learningRate);
      if (value === undefined) throw new DivergedError("the loss became NaN at step 3");
      return {
        variant: candidate,
        metrics: [{ valid: { metrics: { click: { log_loss: { value } } } } } as never],
      };
    });
  });
  return asked;
}

beforeEach(() => lines.splice(0));

test("the best within the grid ends the search", async () => {
  const asked = logLossIs((rate) => Math.abs(Math.log(rate / 2e-3)));
  const [best] = await tunedByRate([variant], context);
  expect(asked).toEqual([3e-4, 1e-3, 3e-3, 1e-2]);
  expect(best).toMatchObject({
    name: "LR/lr-0.003",
    title: "LR",
    config: { training: { learningRate: 3e-3 } },
  });
  expect(best.trials).toBeUndefined();
});

test("the rate beyond an edge is tried where the edge is best", async () => {
  const asked = logLossIs((rate) => Math.abs(Math.log(rate / 1e-4)));
  const [best] = await tunedByRate([variant], context);
  expect(asked.slice(4)).toEqual([1e-4]);
  expect(best).toMatchObject({
    name: "LR/lr-0.0001",
    trials: 5,
    config: { training: { learningRate: 1e-4 } },
  });
});

test("a rate beyond the edge at which training diverges is not chosen", async () => {
  const asked = logLossIs((rate) => (rate > 0.01 ? undefined : 1 / rate));
  const [best] = await tunedByRate([variant], context);
  expect(asked.slice(4)).toEqual([3e-2]);
  expect(best).toMatchObject({ name: "LR/lr-0.01", trials: 5 });
  expect(lines.join()).toContain("the loss became NaN at step 3");
});

test("a grid of other settings is not left, and the first of equals is taken", async () => {
  const asked = logLossIs(() => 1);
  const [best] = await tuned([variant], learningRates, context);
  expect(asked).toHaveLength(4);
  expect(best.name).toBe("LR/lr-0.0003");
});

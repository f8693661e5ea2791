import { expect, test } from "vitest";
import { ConfigError } from "../core/index.ts";
import { parseDataConfig } from "./config.ts";

const minimal = { data: { train: "a.csv" }, features: [{ name: "x", kind: "numeric" }] };

function problem(input: unknown): ConfigError {
  try {
    parseDataConfig(input);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return error as ConfigError;
  }
  throw new Error("the config was accepted");
}

test("defaults are filled in", () => {
  const config = parseDataConfig(minimal);
  expect(config.data).toMatchObject({ keep: [], onBadRow: "fail", shuffleMemory: 512, cache: true });
  expect(config.features[0]).toMatchObject({ minCount: 1, transform: "standard", fill: "mean", trim: false });
  expect(config.labels).toEqual([]);
});

test("unknown keys name the nearest known one, as the user writes it", () => {
  const error = problem({ ...minimal, features: [{ name: "x", kind: "numeric", minCuont: 3 }] });
  expect(error.message).toBe("config features[0]: unknown key min_cuont");
  expect(error.hint).toBe("did you mean min_count?");
  expect(error.details.key).toBe("features[0].min_cuont");
  expect(problem({ ...minimal, data: { train: "a", splti: {} } }).hint).toBe("did you mean split?");
  const split = { by: "ratio", train: 0.8, sede: 1 };
  expect(problem({ ...minimal, data: { train: "a", split } }).hint).toBe("did you mean seed?");
});

test("wrong values name the key and what is there", () => {
  const error = problem({ ...minimal, data: { train: "a", shuffleMemory: "much" } });
  expect(error.message).toContain("config data.shuffle_memory:");
  expect(error.message).toContain('it is "much"');
  expect(problem({ ...minimal, features: [] }).message).toContain("config features:");
  expect(problem({ data: { train: "a" } }).message).toContain("it is nothing");
});

import { expect, test } from "vitest";
import { ConfigError } from "../core/index.ts";
import { applySetting } from "./setting.ts";

function applied(...settings: string[]): unknown {
  const tree = { features: [{ name: "a" }, { name: "b" }], training: { epochs: 3 } };
  for (const setting of settings) applySetting(tree, setting);
  return tree;
}

test("values are YAML; list entries go by number, the next one is added", () => {
  expect(
    applied("training.epochs=5", "features.1.min_count=2", "features.2.name=c", "model.units=[1, 2]"),
  ).toEqual({
    features: [{ name: "a" }, { name: "b", min_count: 2 }, { name: "c" }],
    training: { epochs: 5 },
    model: { units: [1, 2] },
  });
});

test.each([
  ["epochs", '--set takes key=value, not "epochs"'],
  ["=3", '--set takes key=value, not "=3"'],
  ["features.x.min_count=1", "the list features has no entry x"],
  ["features.-1.min_count=1", "the list features has no entry -1"],
  ["features.9.min_count=1", "the list features has no entry 9"],
  ["features.length=0", "the list features has no entry length"],
  ["__proto__.x=1", "__proto__ is no key"],
  ["training..epochs=1", "an empty key is no key"],
  ["model.units=[8,", '--set model.units: "[8," is no YAML: '],
])("%s is refused", (setting, message) => {
  expect(() => applied(setting)).toThrow(ConfigError);
  expect(() => applied(setting)).toThrow(message);
  expect(() => applied(setting)).not.toThrow(/\n/);
});

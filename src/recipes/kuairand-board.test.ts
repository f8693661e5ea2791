/** What every row of the board has in common, and what its name promises. */
import { expect, test } from "vitest";
import { boardModels } from "./kuairand-board.ts";
import { clickConfig } from "./kuairand-click.ts";

const files = { train: "train.csv", valid: "valid.csv", test: "test.csv" };
const modelOf = (name: string) => clickConfig(files, boardModels[name], { quick: false }).model;

test.each(Object.keys(boardModels))("%s: a configuration that parses, as wide as the others", (name) => {
  const model = modelOf(name) as { readonly [option: string]: unknown };
  const { embeddingDim = 16, netDropout = 0.1, topDropout = 0.1, mlp1Dropout = 0.1 } = model;
  expect(embeddingDim).toBe(name === "FFM" ? 4 : 16);
  expect([netDropout, topDropout, mlp1Dropout]).toEqual([0.1, 0.1, 0.1]);
  const { hiddenUnits, topHiddenUnits, mlp1HiddenUnits, block1HiddenUnits } = model;
  for (const units of [hiddenUnits, topHiddenUnits, mlp1HiddenUnits, block1HiddenUnits]) {
    expect([undefined, "[]", "[200,80]"]).toContain(units && JSON.stringify(units));
  }
});

test("names tell variants apart", () => {
  expect(modelOf("AutoInt")).toMatchObject({ hiddenUnits: [] });
  expect(modelOf("AutoInt+")).toMatchObject({ hiddenUnits: [200, 80] });
  expect(modelOf("DLRM")).toMatchObject({ interaction: "dot" });
  expect(modelOf("DNN")).toMatchObject({ name: "DLRM", interaction: "concat" });
  const all = Object.values(boardModels).map((model) => JSON.stringify(model));
  expect(new Set(all).size).toBe(all.length);
});

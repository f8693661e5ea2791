import { describe, expect, test } from "vitest";
import { everyKind, schemaOf, withFeatures } from "../../test/models/every-kind.ts";
import { DCNv2, FM, LR, models } from "../models/index.ts";
import { modelCost } from "./index.ts";

/** Three fields of one id each: 43, 30 and 9 rows. */
const schema = withFeatures(everyKind, ({ kind }) => kind === "categorical");
const [fields, rows] = [3, 43 + 30 + 9];

describe("parameters and arithmetic are those counted by hand", () => {
  // The weights' sum takes an operation a field, the bias one more.
  const linear = fields + 1;

  test("LR", () => {
    expect(modelCost(new LR(schema), schema)).toEqual({
      parameters: 1,
      tableParameters: rows,
      flopsPerRow: linear,
      flopsPerBatch: 0,
    });
  });

  test("FM", () => {
    const dim = 4;
    // The fields' sum; squares and their sum, of fields and of that sum; difference and half.
    const pairs = fields * dim + 2 * fields * dim + 2 * dim + 2;
    expect(modelCost(new FM(schema, { embeddingDim: dim }), schema)).toEqual({
      parameters: 1,
      tableParameters: rows * (dim + 1),
      flopsPerRow: linear + pairs + 1,
      flopsPerBatch: 0,
    });
  });

  test("DCNv2", () => {
    const [dim, hidden, depth] = [4, 5, 2];
    const width = fields * dim;
    const options = { embeddingDim: dim, crossLayers: depth, hiddenUnits: [hidden] };
    // A product and its bias; times x₀, plus x.
    const cross = 2 * width * width + width + 2 * width;
    const deep = 2 * width * hidden + hidden + hidden;
    const head = 2 * (width + hidden) + 1 + 1;
    expect(modelCost(new DCNv2(schema, options), schema)).toEqual({
      parameters: depth * (width * width + width) + (width + 1) * hidden + width + hidden + 1,
      tableParameters: rows * dim,
      flopsPerRow: depth * cross + deep + head,
      flopsPerBatch: 0,
    });
  });
});

test.each(models)("$name is counted", (description) => {
  const kinds = schemaOf(description);
  const cost = modelCost(description.create(kinds, description.example), kinds);
  expect(cost.tableParameters).toBeGreaterThan(0);
  expect(cost.flopsPerRow).toBeGreaterThan(0);
});

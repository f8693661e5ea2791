import { describe, expect, test } from "vitest";
import { everyKind } from "../../test/models/every-kind.ts";
import { ConfigError } from "../core/index.ts";
import type { FeatureMap, SequenceFeature } from "../schema/index.ts";
import { DIN } from "./index.ts";

const changed = (name: string, change: Partial<SequenceFeature>): FeatureMap => ({
  ...everyKind,
  features: everyKind.features.map((feature) =>
    feature.name === name && feature.kind === "sequence" ? { ...feature, ...change } : feature,
  ),
});
const make = (schema: FeatureMap): DIN => new DIN(schema, { embeddingDim: 2, hiddenUnits: [4] });

describe("histories", () => {
  test("are attended with the side ids aligned to them; other sequences are pooled", () => {
    const din = make(everyKind);
    expect(din.attentions).toHaveLength(1);
    expect(din.attentions[0].unit.layers[0].weight.shape).toEqual([4 * 2 * 2, 64]);
    expect(din.embedding.names).toContain("queries");
    expect(din.embedding.names).not.toContain("history");
    expect(din.embedding.names).not.toContain("historyCategory");
  });

  test("without alignment are interests of their own", () => {
    expect(make(changed("historyCategory", { alignedWith: undefined })).attentions).toHaveLength(2);
  });

  test("and their side ids need one length", () => {
    const schema = changed("historyCategory", { maxLength: 4 });
    expect(() => make(schema)).toThrow(ConfigError);
    expect(() => make(schema)).toThrow(
      '"historyCategory" and "history" are read side by side, so both need one max_length',
    );
  });

  test("need a target that is a categorical feature of the same vocabulary", () => {
    for (const target of ["price", "user", "nobody"]) {
      expect(() => make(changed("history", { target }))).toThrow(
        'the target of "history" must be a categorical feature of the same vocabulary',
      );
    }
  });
});

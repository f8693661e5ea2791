import { describe, expect, test } from "vitest";
import { everyKind } from "../../test/models/every-kind.ts";
import { ConfigError } from "../core/index.ts";
import { FieldEmbedding } from "./index.ts";

describe("fields", () => {
  test("are ordered by kind: ids, lists, numbers, vectors", () => {
    const embedding = new FieldEmbedding(everyKind, { dim: 3 });
    expect(embedding.names).toEqual([
      ...["user", "item", "category", "hour"],
      ...["tags", "history", "historyCategory", "liked", "queries"],
      ...["price", "age"],
      "image",
    ]);
    expect([embedding.fields, embedding.width]).toEqual([12, 36]);
  });

  test("share one table for each vocabulary", () => {
    const { tables } = new FieldEmbedding(everyKind, { dim: 3 });
    expect(Object.entries(tables).map(([key, { rows, dim }]) => [key, rows, dim])).toEqual([
      ["user", 43, 3],
      ["item", 30, 3],
      ["tag", 12, 3],
      ["category", 9, 3],
      ["hour", 7, 3],
    ]);
  });

  test("raw numbers are no fields, but inputs of their own", () => {
    const raw = new FieldEmbedding(everyKind, { dim: 3, numericFields: "raw" });
    expect([raw.fields, raw.width]).toEqual([10, 32]);
    expect([...raw.namedParameters().keys()]).toEqual(["numericFill", "dense.image"]);
  });

  test("can be chosen or left out by name", () => {
    const chosen = new FieldEmbedding(everyKind, { dim: 3, include: ["age", "user"] });
    expect(chosen.names).toEqual(["user", "age"]);
    const rest = new FieldEmbedding(everyKind, { dim: 3, exclude: ["age", "user"] });
    expect(rest.fields).toBe(10);
    expect(Object.keys(rest.tables)).not.toContain("user");
  });

  test.each([{ include: ["usr"] }, { exclude: ["usr"] }])(
    "a name the data do not have is refused: %j",
    (names) => {
      const make = (): FieldEmbedding => new FieldEmbedding(everyKind, { dim: 3, ...names });
      expect(make).toThrow(ConfigError);
      expect(make).toThrow('the model names the feature "usr", which the data does not have');
    },
  );
});

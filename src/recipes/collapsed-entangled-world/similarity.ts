/**
 * Similarity of vectors from elsewhere, as digits: the world's items have content vectors; a user's is the mean of
 * what the user clicked on in the first week, which no row of training is from. Beside no vectors, and both
 * vectors as inputs through a linear map. Items are born fast, so that test has many that training never saw.
 */
import { join } from "node:path";
import { sqlText } from "../../data/index.ts";
import { exampleConfig, type WorldOptions } from "../../world/index.ts";
import { madeTables } from "../made-tables.ts";
import type { RecipeContext } from "../recipe.ts";
import type { Contender } from "../study.ts";
import { ensureWorld } from "../world-data.ts";
import { coldRows } from "./cold-rows.ts";
import type { Component } from "./component.ts";
import { type Claimed, measureStudy } from "./study-component.ts";

const world: WorldOptions = {
  seed: 7,
  impressions: 250_000,
  users: 1500,
  items: 3000,
  clickShift: 1,
  contentInformativeness: 0.95,
  churn: 0.05,
};
/** First day of training rows; what users clicked on before makes their vectors. */
const firstDay = 7;

const model = { name: "DCNv2", embeddingDim: 8, embeddingStd: 0.01, crossLayers: 2, hiddenUnits: [64, 32] };

export const similarity: Component = {
  name: "similarity",
  claim:
    "the similarity of foreign vectors as digits beats no vectors, most of all on items that training never saw, " +
    "and the vectors themselves through a linear map (test AUC)",
  async measure(context) {
    const { files, directory } = await withVectors(context);
    const given = exampleConfig(directory);
    const config = {
      ...given,
      data: {
        ...given.data,
        train: files.train,
        joins: [
          { source: files.users, on: "user_id" },
          { source: files.items, on: "item_id" },
        ],
      },
    };
    const { features } = config;
    const alike = { name: "alike", kind: "similarity", columns: ["user_vector", "item_vector"] } as const;
    const derived = [{ ...alike, columns: [...alike.columns] as [string, string] }];
    const contenders: Contender[] = [
      { name: "no-vectors", role: "baseline", model },
      {
        name: "vectors-through-linear",
        role: "baseline",
        model,
        data: {
          features: [
            ...features,
            ...(["user_vector", "item_vector"] as const).map((name) => ({
              name,
              kind: "dense" as const,
              dim: 32,
            })),
          ],
        },
      },
      {
        name: "similarity-digits",
        role: "method",
        model,
        data: {
          derived,
          features: [
            ...features,
            {
              name: "alike",
              kind: "numeric",
              transform: "numerals",
              scale: "linear",
              clip: [-1, 1],
              bits: 10,
            },
          ],
        },
      },
      {
        name: "similarity-number",
        role: "ablation",
        model,
        data: { derived, features: [...features, { name: "alike", kind: "numeric" }] },
      },
    ];
    const slices: Claimed["slice"][] = [undefined, { items: "cold" }, { items: "warm" }];
    const claims = slices.flatMap((slice) =>
      ["no-vectors", "vectors-through-linear", "similarity-number"].map((baseline) => ({
        method: "similarity-digits",
        baseline,
        slice,
      })),
    );
    return measureStudy(
      {
        component: similarity.name,
        data: "world",
        setting: { contentInformativeness: 0.95, churn: 0.05 },
        config,
        contenders,
        claims,
        more: (finished, options) => coldRows(finished, "item_id", options, context),
      },
      context,
    );
  },
};

async function withVectors(context: RecipeContext) {
  const directory = join(context.workDirectory, "world-vectors");
  await ensureWorld(directory, context.quick ? { ...world, impressions: 8000, users: 200 } : world, context);
  const table = (name: string): string => `read_parquet(${sqlText(join(directory, `${name}.parquet`))})`;
  const files = await madeTables(
    join(context.workDirectory, "vectors"),
    [
      `CREATE TABLE entries AS
       SELECT item_id, unnest(content)::DOUBLE AS x, generate_subscripts(content, 1) AS k FROM ${table("items")}`,
      `CREATE TABLE clicked AS
       SELECT user_id, item_id FROM ${table("train")} WHERE click = 1 AND day < ${firstDay}`,
    ],
    {
      train: `SELECT * FROM ${table("train")} WHERE day >= ${firstDay} ORDER BY time, request_id, position`,
      items: `SELECT item_id, content AS item_vector FROM ${table("items")} ORDER BY item_id`,
      users: `
        SELECT user_id, list(x ORDER BY k) AS user_vector
        FROM (SELECT user_id, k, round(avg(x), 4)::FLOAT AS x
              FROM clicked JOIN entries USING (item_id) GROUP BY user_id, k)
        GROUP BY user_id ORDER BY user_id`,
    },
  );
  return { files, directory };
}

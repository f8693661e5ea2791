/**
 * Numbers as digits in several numeral systems, beside an id for every value and a number times a vector: flights
 * of 2001 (late by more than 15 minutes) with few and with many training rows, and the world's prices, whose
 * effect on clicks rises and falls.
 */
import { join } from "node:path";
import { type DataConfigInput, sqlText } from "../../data/index.ts";
import { exampleConfig } from "../../world/index.ts";
import { drawn, madeTables } from "../made-tables.ts";
import { publicFile } from "../public-data.ts";
import type { RecipeContext } from "../recipe.ts";
import type { Contender } from "../study.ts";
import { ensureWorld } from "../world-data.ts";
import { type Component, type Measured, together } from "./component.ts";
import { type Claimed, measureStudy } from "./study-component.ts";

type Features = DataConfigInput["features"];
type Numeric = Omit<Features[number], "name" | "kind">;

const model = { name: "DCNv2", embeddingDim: 8, embeddingStd: 0.01, crossLayers: 2, hiddenUnits: [64, 32] };
const claims: Claimed[] = ["id-a-value", "number-times-vector", "one-base"].map((baseline) => ({
  method: "numerals",
  baseline,
}));

/** The same columns in each form. */
function contenders(
  others: Features,
  columns: readonly { readonly name: string; readonly digits: Numeric; readonly ids: Features[number] }[],
): Contender[] {
  const as = (of: (column: (typeof columns)[number]) => Features[number]): Contender["data"] => ({
    features: [...others, ...columns.map(of)],
  });
  const numerals = (bases: number[], combine: "sum" | "concat" = "sum") =>
    as(({ name, digits }) => ({ name, kind: "numeric", transform: "numerals", ...digits, bases, combine }));
  return [
    { name: "id-a-value", role: "baseline", model, data: as(({ ids }) => ids) },
    {
      name: "number-times-vector",
      role: "baseline",
      model,
      data: as(({ name }) => ({ name, kind: "numeric", transform: "standard" })),
    },
    { name: "numerals", role: "method", model, data: numerals([2, 3]) },
    { name: "numerals-concat", role: "ablation", model, data: numerals([2, 3], "concat") },
    { name: "one-base", role: "ablation", model, data: numerals([2]) },
  ];
}

export const numerals: Component = {
  name: "numerals",
  claim:
    "digits in several bases beat an id for each value where training rows are few, and are within 0.002 of it " +
    "where they are many; they beat a number times a vector (test AUC)",
  async measure(context) {
    const parts: Measured[] = [await prices(context)];
    if (context.quick) return together(parts);
    const files = await flights(context);
    for (const size of ["few", "many"] as const) parts.push(await lateFlights(files, size, context));
    return together(parts);
  },
};

async function prices(context: RecipeContext): Promise<Measured> {
  const directory = join(context.workDirectory, "world-prices");
  const options = { seed: 6, users: 2000, items: 4000, clickShift: 1, numericTail: 2 };
  await ensureWorld(directory, { ...options, impressions: context.quick ? 6000 : 100_000 }, context);
  const config = exampleConfig(directory);
  const others = config.features.filter(({ name }) => name !== "price" && name !== "item_age");
  const columns = [
    {
      name: "price",
      digits: { scale: "quantiles" as const, bits: 10 },
      ids: { name: "price", kind: "numeric" as const, transform: "buckets" as const, buckets: 1024 },
    },
  ];
  const setting = { numericTail: 2 };
  return measureStudy(
    {
      component: numerals.name,
      data: "world",
      setting,
      config,
      contenders: contenders(others, columns),
      claims,
    },
    context,
  );
}

function flights({ dataDirectory, workDirectory }: RecipeContext) {
  const source = publicFile(dataDirectory, "flights-3m", "flights-3m.parquet");
  const share = (from: number, to: number): string => `share >= ${from} AND share < ${to}`;
  const rows = (where: string): string =>
    `SELECT * EXCLUDE (row, share) FROM flights WHERE ${where} ORDER BY row`;
  return madeTables(
    join(workDirectory, "flights"),
    [
      `CREATE TABLE flights AS
       SELECT row, ${drawn("'flight' || row")} AS share, (delay > 15)::INT AS late, distance, origin, destination,
              60 * hour(date) + minute(date) AS minute, dayofyear(date) AS day, isodow(date) AS weekday
       FROM (SELECT *, row_number() OVER () AS row FROM read_parquet(${sqlText(source)}))`,
    ],
    {
      few: rows(share(0, 0.005)),
      many: rows(share(0, 0.07)),
      valid: rows(share(0.9, 0.915)),
      test: rows(share(0.95, 0.98)),
    },
  );
}

async function lateFlights(
  files: Awaited<ReturnType<typeof flights>>,
  size: "few" | "many",
  context: RecipeContext,
): Promise<Measured> {
  const others: Features = ["origin", "destination", "weekday"].map((name) => ({
    name,
    kind: "categorical",
  }));
  const whole = (name: string, bits: number) => ({
    name,
    digits: { scale: "integer" as const, bits },
    ids: { name, kind: "categorical" as const },
  });
  const columns = [whole("minute", 11), whole("day", 8), whole("distance", 13)];
  const config: DataConfigInput = {
    data: { train: files[size], valid: files.valid, test: files.test },
    features: [...others, ...columns.map(({ ids }) => ids)],
    labels: [{ name: "late" }],
  };
  const tolerance = { claim: { kind: "not-worse", tolerance: 0.002 } } as const;
  return measureStudy(
    {
      component: numerals.name,
      data: "flights-3m",
      setting: { rows: size },
      config,
      contenders: contenders(others, columns),
      claims: claims.map((claim) =>
        size === "many" && claim.baseline !== "number-times-vector"
          ? { ...claim, options: tolerance }
          : claim,
      ),
    },
    context,
  );
}

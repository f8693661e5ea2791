/**
 * Content ids of items from their texts, as digits, beside the item's own id alone: apps of Frappe by their store
 * texts, businesses of Yelp by name and kind, of which a fifth has no row in training; and a world's items by their
 * titles, where items are born fast.
 */
import { join } from "node:path";
import type { DataConfigInput } from "../../data/index.ts";
import { exampleConfig } from "../../world/index.ts";
import type { RecipeContext } from "../recipe.ts";
import type { Contender, Study } from "../study.ts";
import { ensureWorld } from "../world-data.ts";
import { coldRows } from "./cold-rows.ts";
import { type Component, type Measured, together } from "./component.ts";
import { frappeConfig, prepareFrappe } from "./frappe-data.ts";
import { type Claimed, measureStudy } from "./study-component.ts";
import { prepareYelp } from "./yelp-data.ts";

const model = { name: "DCNv2", embeddingDim: 8, embeddingStd: 0.01, crossLayers: 2, hiddenUnits: [64, 32] };
const bits = 24;

/** Fields with the item's id, and with its content id beside it. */
function contenders(features: DataConfigInput["features"], columns: string[]): Contender[] {
  const derived = [{ name: "content", kind: "text_id" as const, columns, bits }];
  const digits = (bases: number[]) => ({
    name: "content",
    kind: "numeric" as const,
    transform: "numerals" as const,
    scale: "integer" as const,
    bits,
    bases,
  });
  return [
    { name: "raw-id", role: "baseline", model },
    {
      name: "content-id",
      role: "method",
      model,
      data: { derived, features: [...features, digits([2, 16])] },
    },
    {
      name: "content-id-bits",
      role: "ablation",
      model,
      data: { derived, features: [...features, digits([2])] },
    },
    {
      name: "content-id-whole",
      role: "ablation",
      model,
      data: { derived, features: [...features, { name: "content", kind: "categorical" }] },
    },
  ];
}

const cold = { items: "cold" };
const warm = { items: "warm" };
const claims: Claimed[] = [
  { method: "content-id", baseline: "raw-id", slice: cold },
  { method: "content-id", baseline: "content-id-whole", slice: cold },
  {
    method: "content-id",
    baseline: "raw-id",
    slice: warm,
    options: { claim: { kind: "not-worse", tolerance: 0.002 } },
  },
];

export const contentIds: Component = {
  name: "content-ids",
  claim:
    "content ids from texts raise the AUC of items that training never saw, and leave that of the others within 0.002",
  async measure(context) {
    const parts: Measured[] = [await world(context)];
    if (!context.quick) parts.push(await frappe(context), await yelp(context));
    return together(parts);
  },
};

async function frappe(context: RecipeContext): Promise<Measured> {
  const files = await prepareFrappe(context.dataDirectory, join(context.workDirectory, "frappe"));
  const given = frappeConfig({ ...files, train: files.warm });
  const config = { ...given, data: { ...given.data, joins: [{ source: files.apps, on: "item" }] } };
  const texts = ["title", "description", "category", "developer"];
  return measureItems("frappe", config, texts, context);
}

async function yelp(context: RecipeContext): Promise<Measured> {
  const config = prepareYelp(context.dataDirectory, join(context.workDirectory, "yelp"), { users: 5000 });
  return measureItems("yelp", config, ["title", "kinds"], context);
}

async function world(context: RecipeContext): Promise<Measured> {
  const directory = join(context.workDirectory, "world-titles");
  const size = context.quick
    ? { impressions: 6000, users: 200, items: 600 }
    : { impressions: 120_000, users: 1500, items: 3000 };
  await ensureWorld(directory, { seed: 9, ...size, clickShift: 1, churn: 0.05 }, context);
  const given = exampleConfig(directory);
  const config: DataConfigInput = {
    ...given,
    data: {
      ...given.data,
      joins: [{ source: join(directory, "items.parquet"), on: "item_id", prefix: "known_" }],
    },
    // Users, and items by nothing but their id: category and the like are what a title tells.
    features: ["user_id", "item_id", "domain", "position", "hour"].map((name) => ({
      name,
      kind: "categorical",
    })),
  };
  return measureItems("world", config, ["known_title"], context, {
    item: "item_id",
    setting: { churn: 0.05 },
  });
}

function measureItems(
  data: string,
  config: DataConfigInput,
  texts: string[],
  context: RecipeContext,
  { item = "item", setting = {} }: { readonly item?: string; readonly setting?: Study["setting"] } = {},
): Promise<Measured> {
  return measureStudy(
    {
      component: contentIds.name,
      data,
      setting,
      config,
      contenders: contenders(config.features, texts),
      claims,
      more: (finished, options) => coldRows(finished, item, options, context),
    },
    context,
  );
}

/**
 * A shop whose models have derived columns of every kind: of the user, of the item, of the context, and crosses of
 * one with another. Everything is drawn from a seed.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CounterRandom } from "../../src/core/index.ts";
import { type ConfigInput, parseConfig, trainRun } from "../../src/run/index.ts";
import type { RawRow } from "../../src/schema/index.ts";
import { type Shop, writeRows } from "./shop.ts";

type Columns = Required<Pick<ConfigInput, "derived">> & Pick<ConfigInput, "features">;

/** What a request brings: time, place, and the counts that a store would give. */
export const context: RawRow = { at: 1_700_000_400, page: "home", budget: 20, past: 3 };

/** A time as the database writes it: a request whose times stand in crosses has to send that text. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

const USERS = 30;
const ITEMS = 60;

export function makeDerivedShop(seed = 5): Shop {
  const folder = mkdtempSync(join(tmpdir(), "millrace-derived-"));
  const random = new CounterRandom(seed, "derived-shop");
  let counter = 0;
  const draw = (below: number): number => Math.floor(random.uniform(counter++) * below);
  const pick = <T>(values: readonly T[]): T => values[draw(values.length)];
  const some = <T>(value: T): T | null => (draw(8) === 0 ? null : value);
  const list = <T>(longest: number, one: () => T): T[] => Array.from({ length: draw(longest + 1) }, one);
  const users: RawRow[] = Array.from({ length: USERS }, (_, user) => ({
    user,
    city: some(pick(["a", "b", "|", "é", "e\u0301"])),
    history: list(9, () => draw(ITEMS)),
    liked: list(4, () => draw(ITEMS)).join(","),
    taste: [draw(9) - 4, draw(9) - 4.5],
  }));
  const items: RawRow[] = Array.from({ length: ITEMS }, (_, item) => ({
    item,
    price: some(draw(4000) / 100),
    views: some(draw(5)),
    flag: some(draw(2) === 1),
    title: some(
      `${pick(["Don't", "ＡＢＣ", "red"])} ${pick(["cats", "1,000.5", "我爱"])} ${pick(["b", "a_b"])}`,
    ),
    path: some(pick(["x/y/z", "x/y", "x", "w/v"])),
    content: some([draw(9) - 4.5, draw(9) - 4].join(" ")),
    published: some(timeText(1_690_000_000_000 + draw(1e7) * 1e3)),
  }));
  const joined = (): RawRow => {
    const [user, item] = [pick(users), pick(items)];
    return {
      ...user,
      ...item,
      at: 1_700_000_000 + draw(200_000),
      page: pick(["home", "cart"]),
      budget: draw(40),
      click: Number(draw(10) < ((user.user as number) + (item.item as number)) % 3 ** 2),
    };
  };
  const rows = Array.from({ length: 1200 }, joined);
  const counts = { past: 2, spent: 11.5 };
  const odd: RawRow[] = [
    { ...joined(), ...counts, user: 999, item: 9999 },
    { ...joined(), ...counts, user: null, city: null, history: null, liked: null, taste: null, at: null },
    {
      ...joined(),
      price: "12.5",
      views: "3",
      flag: "true",
      published: timeText(1_709_164_800_000),
      past: null,
      spent: "7",
    },
    { ...joined(), ...counts, content: "1", taste: [], title: "", path: "", history: [] },
  ];
  const unseen = [
    ...Array.from({ length: 30 }, () => ({ ...joined(), past: draw(9), spent: draw(900) / 10 })),
    ...odd,
  ];
  writeRows(join(folder, "train.jsonl"), rows.slice(0, 1000));
  writeRows(join(folder, "valid.jsonl"), rows.slice(1000));
  const tables = {
    users: { file: writeRows(join(folder, "users.jsonl"), users), key: "user" },
    items: { file: writeRows(join(folder, "items.jsonl"), items), key: "item" },
  };
  return { folder, users, items, unseen, tables, path: (...parts) => join(folder, ...parts) };
}

/** Derived columns that read the user and the context alone, and their features. */
const ofRequest: Columns = {
  derived: [
    { name: "user_city", kind: "cross", columns: ["user", "city"] },
    { name: "rank", kind: "lookup", column: "city", values: { a: 1, b: 0.1, "|": -3 }, default: 0 },
    { name: "region", kind: "lookup", column: "user", values: { 1: "north", "2": "süd", 3: "north" } },
    { name: "hour", kind: "time", part: "hour", offset: "+05:30" },
    { name: "page_hour", kind: "cross", columns: ["page", "hour"] },
    { name: "shared", kind: "overlap", columns: ["history", "liked"], separator: ",", measure: "jaccard" },
    { name: "past", kind: "count", by: "user", window: "2d" },
    { name: "past_log", kind: "expression", expression: "log1p(past)" },
  ],
  features: [
    { name: "user", kind: "categorical" },
    { name: "user_city", kind: "categorical" },
    { name: "rank", kind: "numeric", transform: "raw" },
    { name: "region", kind: "categorical" },
    { name: "page_hour", kind: "categorical" },
    { name: "shared", kind: "numeric", transform: "raw", fill: "zero" },
    { name: "past", kind: "numeric" },
    { name: "past_log", kind: "numeric" },
  ],
};

/** The same of the item alone. */
const ofItem: Columns = {
  derived: [
    { name: "item_flag", kind: "cross", columns: ["item", "price", "flag", "published"] },
    { name: "level", kind: "lookup", column: "path", values: { x: 2, "x/y": 5 }, default: -1 },
    { name: "per_view", kind: "ratio", numerator: "price", denominator: "views" },
    {
      name: "worth",
      kind: "expression",
      expression: "if(views > 2, log1p(abs(price)) * 0.1, coalesce(price % 7, -1)) + flag",
    },
    { name: "weekday", kind: "time", column: "published", part: "weekday" },
    { name: "words", kind: "tokens", column: "title", words: [1, 2], characters: [3, 4] },
    { name: "top", kind: "prefix", column: "path", depth: 2 },
    { name: "content_bits", kind: "vector_id", column: "content", separator: " ", bits: 20 },
  ],
  features: [
    { name: "item", kind: "categorical" },
    { name: "item_flag", kind: "categorical", hashBuckets: 500 },
    { name: "level", kind: "numeric", transform: "raw" },
    { name: "per_view", kind: "numeric" },
    { name: "worth", kind: "numeric", transform: "raw", fill: "zero" },
    { name: "weekday", kind: "categorical" },
    { name: "words", kind: "bag", hashBuckets: 64, maxLength: 20 },
    { name: "top", kind: "categorical" },
    { name: "content_bits", kind: "numeric", transform: "numerals", scale: "integer", bits: 20, bases: [2] },
  ],
};

/** The same of an item with a user or a context, which no table can hold. */
const ofBoth: Columns = {
  derived: [
    { name: "user_item", kind: "cross", columns: ["user", "item"] },
    { name: "city_top", kind: "cross", columns: ["city", "top"] },
    { name: "page_item", kind: "cross", columns: ["page", "item"] },
    { name: "top_hour", kind: "cross", columns: ["top", "hour"] },
    { name: "known_top", kind: "lookup", column: "city_top", values: { "a|x/y": 1, "b|x/y": 2, "a|x": 3 } },
    { name: "share", kind: "ratio", numerator: "price", denominator: "budget" },
    { name: "left", kind: "expression", expression: "budget - coalesce(price, 10)" },
    { name: "seen_before", kind: "overlap", columns: ["item", "history"] },
    { name: "alike", kind: "similarity", columns: ["taste", "content"], separator: " " },
    { name: "product", kind: "similarity", columns: ["content", "taste"], separator: " ", measure: "inner" },
    { name: "title_id", kind: "text_id", columns: ["title", "city"], characters: [2, 3], bits: 32, seed: 7 },
    { name: "spent", kind: "count", by: ["city", "flag"], sum: "price", delay: 2 },
  ],
  features: [
    { name: "user_item", kind: "categorical", hashBuckets: 500 },
    { name: "city_top", kind: "categorical" },
    { name: "page_item", kind: "categorical" },
    { name: "top_hour", kind: "categorical" },
    { name: "known_top", kind: "categorical" },
    { name: "share", kind: "numeric" },
    { name: "left", kind: "numeric", transform: "buckets", buckets: 4 },
    { name: "seen_before", kind: "categorical" },
    { name: "alike", kind: "numeric", transform: "numerals", scale: "linear", clip: [-1, 1], bits: 10 },
    { name: "product", kind: "numeric" },
    { name: "title_id", kind: "numeric", transform: "numerals", scale: "integer", bits: 32, bases: [2, 16] },
    { name: "spent", kind: "numeric" },
  ],
};

/**
 * Trains a run into `<folder>/<name>`: DCNv2 over all kinds, or an early stage whose towers factor as long as no
 * column reads both sides.
 */
export async function trainDerived(shop: Shop, name: "whole" | "towers" | "towers-crossed"): Promise<string> {
  const sides = name === "towers" ? [ofRequest, ofItem] : [ofRequest, ofItem, ofBoth];
  const config: ConfigInput = {
    data: {
      train: shop.path("train.jsonl"),
      valid: shop.path("valid.jsonl"),
      cacheDir: shop.path("cache"),
    },
    derived: sides.flatMap(({ derived }) => derived),
    features: sides.flatMap(({ features }) => features),
    labels: [{ name: "click" }],
    timestamp: "at",
    timestampUnit: "s",
    model:
      name === "whole"
        ? { name: "DCNv2", embeddingDim: 4, hiddenUnits: [8], crossLayers: 1 }
        : {
            name: "EarlyStageMTL",
            itemFeatures: ofItem.features.map((feature) => feature.name),
            embeddingDim: 4,
            hiddenUnits: [8],
            headDim: 4,
          },
    training: { epochs: 1, batchSize: 128, learningRate: 0.02, seed: 1 },
  };
  await trainRun(parseConfig(config), { directory: shop.path(name) });
  return shop.path(name);
}

/**
 * A small shop for serving tests: users, items, joined clicks, and two runs trained on them (an early one of
 * few features, a final one with histories). Everything is drawn from a seed.
 */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CounterRandom } from "../../src/core/index.ts";
import { type ConfigInput, parseConfig, trainRun } from "../../src/run/index.ts";
import type { RawRow } from "../../src/schema/index.ts";

interface ShopTable {
  readonly file: string;
  readonly key: string;
}

export interface Shop {
  readonly folder: string;
  readonly users: readonly RawRow[];
  readonly items: readonly RawRow[];
  /** Joined rows that training did not see, with unknown ids, missing values and long histories among them. */
  readonly unseen: readonly RawRow[];
  /** Its files as a server's tables. */
  readonly tables: { readonly users: ShopTable; readonly items: ShopTable };
  path(...parts: string[]): string;
}

const USERS = 80;
const ITEMS = 150;
export const NOW = 1_700_000_000;

export function makeShop(seed = 7): Shop {
  const folder = mkdtempSync(join(tmpdir(), "millrace-shop-"));
  const random = new CounterRandom(seed, "shop");
  let counter = 0;
  const uniform = (): number => random.uniform(counter++);
  const draw = (below: number): number => Math.floor(uniform() * below);
  const items: RawRow[] = Array.from({ length: ITEMS }, (_, k) => ({
    item_id: k,
    category: `c${k % 9}`,
    advertiser: k % 12,
    price: draw(20) === 0 ? null : Math.round(uniform() * 5000) / 100,
    tags: Array.from({ length: draw(4) }, () => `t${draw(15)}`),
    bid: 0.1 + draw(30) / 10,
    active: k % 10 !== 3,
  }));
  const users: RawRow[] = Array.from({ length: USERS }, (_, k) => {
    const length = draw(12);
    return {
      user_id: `u${k}`,
      age: draw(10) === 0 ? null : 18 + draw(50),
      history: Array.from({ length }, () => draw(ITEMS)),
      history_times: Array.from({ length }, (_, h) => NOW - (length - h) * 3600),
    };
  });
  const row = (): RawRow => {
    const user = users[draw(USERS)];
    const item = items[draw(ITEMS)];
    const likes = (Number(String(user.user_id).slice(1)) + Number(item.item_id)) % 3 === 0;
    return {
      ...user,
      ...item,
      hour: draw(24),
      time: NOW,
      click: Number(uniform() < (likes ? 0.7 : 0.15)),
    };
  };
  const rows = Array.from({ length: 1500 }, row);
  const odd: RawRow[] = [
    { ...row(), user_id: "nobody", item_id: 99_999 },
    { ...row(), user_id: null, price: null, history: null, tags: [] },
    { ...row(), history: Array.from({ length: 40 }, (_, k) => k), history_times: [] },
    { ...row(), category: "new", price: "12.5", hour: "7", age: 33.5 },
  ];
  const unseen = [...Array.from({ length: 40 }, row), ...odd];
  writeRows(join(folder, "train.jsonl"), rows.slice(0, 1200));
  writeRows(join(folder, "valid.jsonl"), rows.slice(1200));
  const tables = {
    users: { file: writeRows(join(folder, "users.jsonl"), users), key: "user_id" },
    items: { file: writeRows(join(folder, "items.jsonl"), items), key: "item_id" },
  };
  return { folder, users, items, unseen, tables, path: (...parts) => join(folder, ...parts) };
}

export function writeRows(path: string, rows: readonly RawRow[]): string {
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  return path;
}

const features = {
  user: { name: "user_id", kind: "categorical" },
  item: { name: "item_id", kind: "categorical", type: "int64" },
  category: { name: "category", kind: "categorical" },
  price: { name: "price", kind: "numeric", transform: "log_standard" },
  hour: { name: "hour", kind: "categorical", type: "int64" },
  age: { name: "age", kind: "numeric", transform: "buckets", buckets: 5 },
  tags: { name: "tags", kind: "bag", maxLength: 3 },
  history: {
    name: "history",
    kind: "sequence",
    target: "item_id",
    maxLength: 8,
    timesColumn: "history_times",
  },
} as const;

/** Trains a run into `<folder>/<name>`. */
export async function trainShop(
  shop: Shop,
  name: string,
  kind: "early" | "final",
  { seed = 1, embeddingDim = 4 }: { readonly seed?: number; readonly embeddingDim?: number } = {},
): Promise<string> {
  const { user, item, category, price, hour, age, tags, history } = features;
  const config: ConfigInput = {
    data: {
      train: shop.path("train.jsonl"),
      valid: shop.path("valid.jsonl"),
      cacheDir: shop.path("cache"),
    },
    features:
      kind === "early" ? [user, category, price] : [user, item, category, price, hour, age, tags, history],
    labels: [{ name: "click" }],
    timestamp: "time",
    timestampUnit: "s",
    model:
      kind === "early"
        ? { name: "DCNv2", embeddingDim, hiddenUnits: [8], crossLayers: 1 }
        : { name: "DIN", embeddingDim, hiddenUnits: [8] },
    training: { epochs: 1, batchSize: 256, learningRate: 0.02, seed },
  };
  await trainRun(parseConfig(config), { directory: shop.path(name) });
  return shop.path(name);
}

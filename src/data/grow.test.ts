import { join } from "node:path";
import { expect, test } from "vitest";
import { readAll, testFolder, writeText } from "../../test/data/raw-files.ts";
import { createRowEncoder, type FeatureMap } from "../schema/index.ts";
import type { DataConfigInput } from "./config.ts";
import { encodeForMap, prepareDataset } from "./dataset.ts";

/** New days encoded with the vocabulary of old ones. */

const folder = testFolder("grow");
const cacheDir = join(folder, "cache");

const config = (train: string): DataConfigInput => ({
  data: { train },
  derived: [
    { name: "pair", kind: "cross", columns: ["user", "item"] },
    { name: "seen", kind: "count", by: "user" },
  ],
  features: [
    { name: "user", kind: "categorical" },
    { name: "item", kind: "categorical" },
    { name: "history", kind: "sequence", target: "item", separator: " ", maxLength: 3 },
    { name: "pair", kind: "categorical", hashBuckets: 50 },
    { name: "seen", kind: "numeric", transform: "raw" },
    { name: "price", kind: "numeric" },
  ],
  labels: [{ name: "label" }],
  domain: "place",
  timestamp: "at",
});

const header = "user,item,history,price,place,label,at\n";
const monday = writeText(
  join(folder, "monday.csv"),
  `${header}1,a,,1,x,0,100\n1,b,a,2,x,1,101\n2,a,b a,3,x,0,102\n2,a,,4,x,1,103\n`,
);
const tuesday = writeText(
  join(folder, "tuesday.csv"),
  `${header}3,c,a b,9,y,0,200\n3.0,c,d,9,y,1,201\n1,d,c d,9,x,0,202\n4,a,zz,9,z,1,203\n`,
);

test("without a rule new values are out of vocabulary, and nothing of the map moves", async () => {
  const old = await prepareDataset(config(monday), { cacheDir });
  const same = await prepareDataset(config(tuesday), { cacheDir, map: old.map });
  expect(same.map).toEqual(old.map);
  const stored = await readAll(same.splits.train);
  expect(stored.user).toEqual([2, 2, 3, 2]);
  expect(stored["@domain"]).toEqual([2, 2, 3, 2]);
  expect(same.encodingReport.splits.train?.features.user.outOfVocabulary).toBe(3);
  await old.close();
  await same.close();
});

test("vocabularies grow at their end, by count and then by text, histories counted in", async () => {
  const old = await prepareDataset(config(monday), { cacheDir });
  const grown = await prepareDataset(config(tuesday), { cacheDir, map: old.map, grow: {} });
  const valuesOf = (encoder: string): readonly string[] => {
    const { vocabulary } = grown.map.encoders[encoder];
    return vocabulary.type === "list" ? vocabulary.values : [];
  };
  expect(valuesOf("user")).toEqual(["1", "2", "3", "4"]);
  expect(valuesOf("item")).toEqual(["a", "b", "c", "d", "zz"]);
  expect(valuesOf("@domain")).toEqual(["x", "y", "z"]);
  expect(grown.map.encoders.user.size).toBe(7);
  expect(grown.map.features).toEqual(old.map.features);
  expect(grown.encodingReport.encoders.item).toMatchObject({ added: 3, rare: 0, overflow: 0 });
  const stored = await readAll(grown.splits.train);
  expect(stored.user).toEqual([5, 5, 3, 6]);
  expect(stored.history).toEqual([3, 4, 0, 6, 0, 0, 5, 6, 0, 7, 0, 0]);
  // What was encoded before means the same under the grown map.
  const again = await encodeForMap(grown.map, { files: [monday] }, { cacheDir });
  const [{ seen: _, ...before }, { seen: __, ...after }] = [
    await readAll(old.splits.train),
    await readAll(again),
  ];
  for (const [name, values] of Object.entries(after)) expect(values, name).toEqual(before[name]);
  const { columns } = createRowEncoder(grown.map).encode([{ user: 3, item: "zz", place: "y" }]);
  expect([columns.user[0], columns.item[0], columns["@domain"][0]]).toEqual([5, 7, 4]);
  await old.close();
  await grown.close();
  await again.close();
});

test("text in a column of numbers is out of vocabulary, fitted or grown", async () => {
  const of = (name: string, users: readonly string[]): DataConfigInput => ({
    data: {
      train: writeText(
        join(folder, name),
        ["user,label", ...users.map((u, k) => `${u},${k % 2}`)].join("\n"),
      ),
    },
    features: [{ name: "user", kind: "categorical" }],
    labels: [{ name: "label" }],
  });
  const values = ({ map }: { readonly map: FeatureMap }): unknown => map.encoders.user.vocabulary;
  const old = await prepareDataset(of("numbers.csv", ["1", "2"]), { cacheDir });
  const grown = await prepareDataset(of("mixed.csv", ["1", "abc", "3", "abc"]), {
    cacheDir,
    map: old.map,
    grow: {},
  });
  expect(values(grown)).toMatchObject({ values: ["1", "2", "3"] });
  expect(grown.encodingReport.encoders.user).toMatchObject({ added: 1, rare: 0, overflow: 0 });
  expect((await readAll(grown.splits.train)).user).toEqual([3, 2, 5, 2]);
  const declared = of("mixed.csv", ["1", "abc", "3", "abc"]);
  const fitted = await prepareDataset(
    { ...declared, features: [{ name: "user", kind: "categorical", type: "int64" }] },
    { cacheDir },
  );
  expect(values(fitted)).toMatchObject({ values: ["1", "3"] });
  expect((await readAll(fitted.splits.train)).user).toEqual([3, 2, 4, 2]);
  for (const each of [old, grown, fitted]) await each.close();
});

test("rules: a least count, a most", async () => {
  const old = await prepareDataset(config(monday), { cacheDir });
  const often = await prepareDataset(config(tuesday), { cacheDir, map: old.map, grow: { minCount: 2 } });
  expect(often.map.encoders.item.vocabulary).toMatchObject({ values: ["a", "b", "c", "d"] });
  expect(often.encodingReport.encoders.item).toMatchObject({ added: 2, rare: 1, overflow: 0 });
  const few = await prepareDataset(config(tuesday), { cacheDir, map: old.map, grow: { maxNew: 1 } });
  expect(few.map.encoders.item.vocabulary).toMatchObject({ values: ["a", "b", "c"] });
  expect(few.encodingReport.encoders.item).toMatchObject({ added: 1, rare: 0, overflow: 2 });
  const again = await prepareDataset(config(tuesday), { cacheDir, map: old.map, grow: { maxNew: 1 } });
  expect(again.cached).toBe(true);
  for (const each of [old, often, few, again]) await each.close();
});

test("a configuration of other features does not fit the map", async () => {
  const old = await prepareDataset(config(monday), { cacheDir });
  const { features, ...rest } = config(tuesday);
  await expect(
    prepareDataset({ ...rest, features: features.slice(1) }, { cacheDir, map: old.map }),
  ).rejects.toThrow(
    "config features: entry 1 is item (categorical), in the feature map it is user (categorical)",
  );
  await old.close();
});

test("a label of the same name and another meaning does not fit the map", async () => {
  const old = await prepareDataset(config(monday), { cacheDir });
  const { labels, ...rest } = config(tuesday);
  const [label] = labels ?? [];
  await expect(
    prepareDataset({ ...rest, labels: [{ ...label, threshold: 3 }] }, { cacheDir, map: old.map }),
  ).rejects.toThrow(/config labels: entry 1 is .*threshold 3.*, in the feature map it is /);
  await old.close();
});

test("counts go on from the history that is named", async () => {
  const old = await prepareDataset(config(monday), { cacheDir });
  const alone = await encodeForMap(old.map, { files: [tuesday] }, { cacheDir });
  const after = await encodeForMap(
    old.map,
    { files: [tuesday] },
    { cacheDir, history: [{ files: [monday] }] },
  );
  // User 3.0 is user 3.
  expect((await readAll(alone)).seen).toEqual([0, 1, 0, 0]);
  expect((await readAll(after)).seen).toEqual([0, 1, 2, 0]);
  const twice = await encodeForMap(
    old.map,
    { files: [monday] },
    { cacheDir, history: [{ files: [monday] }] },
  );
  expect((await readAll(twice)).seen).toEqual([0, 1, 0, 1]);
  for (const each of [old, alone, after, twice]) await each.close();
});

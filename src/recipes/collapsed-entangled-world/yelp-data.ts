/**
 * Yelp reviews (S3-Rec's sequences) with the businesses' names and kinds (LETTER's texts) as rows to score: where a
 * user went, and two places drawn uniformly where the user did not. Test is each user's last visit, validation the
 * one before. A fifth of the places is left out of training. AUC here is that of sampled negatives.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { CounterRandom } from "../../core/index.ts";
import { writeFileAtomic } from "../../core/node/index.ts";
import type { DataConfigInput } from "../../data/index.ts";
import { publicData } from "../public-data.ts";

const negatives = 2;
const fewest = 5;
const splits = ["train", "valid", "test"] as const;

/** Writes rows of the first `users` users, and the places' texts, once. */
export function prepareYelp(
  dataDirectory: string,
  directory: string,
  { users }: { readonly users: number },
): DataConfigInput {
  const [sequences, letters] = ["s3rec-sequences", "yelp-letter"].map((name) =>
    publicData(dataDirectory, name),
  );
  const file = (name: string): string => join(directory, name);
  const write = (name: string, lines: readonly string[]): void => {
    writeFileAtomic(file(name), `${lines.join("\n")}\n`);
  };
  const names = [...splits.map((split) => `${split}.csv`), "places.jsonl"];
  if (!names.every((name) => existsSync(file(name)))) {
    const places = JSON.parse(unzipped(join(letters, "Yelp.item.json.gz"))) as {
      readonly [item: string]: { readonly title: string; readonly description: string };
    };
    // Numbers here count from 0, those of sequences from 1.
    const texts = Object.entries(places).map(([item, { title, description }]) =>
      JSON.stringify({ item: Number(item) + 1, title, kinds: description }),
    );
    const rows = rowsOf(unzipped(join(sequences, "Yelp.txt.gz")), users, texts.length);
    for (const split of splits) write(`${split}.csv`, ["user,item,visited", ...rows[split]]);
    write("places.jsonl", texts);
  }
  return {
    data: {
      train: file("train.csv"),
      valid: file("valid.csv"),
      test: file("test.csv"),
      joins: [{ source: file("places.jsonl"), on: "item" }],
    },
    features: [
      { name: "user", kind: "categorical" },
      { name: "item", kind: "categorical" },
    ],
    labels: [{ name: "visited" }],
    group: "user",
  };
}

function rowsOf(
  text: string,
  users: number,
  items: number,
): { [split in (typeof splits)[number]]: string[] } {
  const rows: { [split in (typeof splits)[number]]: string[] } = { train: [], valid: [], test: [] };
  const cold = new CounterRandom(3, "cold");
  const draws = new CounterRandom(3, "negatives");
  let draw = 0;
  let taken = 0;
  for (const line of text.split("\n")) {
    const [user, ...visits] = line.trim().split(" ").map(Number);
    if (visits.length < fewest) continue;
    if (++taken > users) break;
    const known = new Set(visits);
    for (const [k, item] of visits.entries()) {
      const split = k === visits.length - 1 ? "test" : k === visits.length - 2 ? "valid" : "train";
      const others: number[] = [];
      while (others.length < negatives) {
        const other = 1 + draws.integer(draw++, items);
        if (!known.has(other)) others.push(other);
      }
      for (const [j, each] of [item, ...others].entries()) {
        if (split === "train" && cold.uniform(each) < 0.2) continue;
        rows[split].push(`${user},${each},${Number(j === 0)}`);
      }
    }
  }
  return rows;
}

function unzipped(path: string): string {
  return gunzipSync(readFileSync(path)).toString("utf8");
}

/**
 * S3-Rec's sequences (Amazon Beauty, Last.fm) as rows to score, built as in DARE's preprocessing (Feng et al.,
 * ICLR 2025): an item that the user took next, and items drawn in proportion to how often they are taken, never
 * the user's own, all behind the same history. Test is each user's last item, validation the one before; for
 * training every fifth item is taken, the third from the end first. Train has two negatives a positive,
 * validation and test four. An item's category is the first of its attributes.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { CounterRandom } from "../core/index.ts";
import { writeFileAtomic } from "../core/node/index.ts";
import type { DataConfigInput } from "../data/index.ts";
import { publicFile } from "./public-data.ts";

export interface S3RecClickOptions {
  readonly set: "Beauty" | "LastFM";
  /** Longest history. */
  readonly historyLength: number;
  /** Training positives of one user at most; Taobao's in the paper are 19. */
  readonly positives: number;
  /** Users, from the first on. @default all */
  readonly users?: number;
}

const negatives = { train: 2, valid: 4, test: 4 } as const;
type Split = keyof typeof negatives;

/** Writes the three files once; the data config reads them. */
export function prepareS3RecClicks(
  dataDirectory: string,
  directory: string,
  options: S3RecClickOptions,
): DataConfigInput {
  const { set, historyLength, users } = options;
  const source = (name: string): string => publicFile(dataDirectory, "s3rec-sequences", name);
  const file = (split: Split): string => join(directory, `${split}.csv`);
  const files = { train: file("train"), valid: file("valid"), test: file("test") };
  if (!Object.values(files).every((path) => existsSync(path))) {
    const sequences = linesOf(source(`${set}.txt.gz`))
      .slice(0, users)
      .map((line) => line.split(" "));
    const attributes = JSON.parse(textOf(source(`${set}_item2attributes.json.gz`))) as {
      readonly [item: string]: readonly number[];
    };
    const category = (item: string): string => `${attributes[item]?.[0] ?? "none"}`;
    const rows = rowsOf(sequences, options, category);
    const header = "user,item,category,history,history_categories,taken";
    for (const split of Object.keys(files) as Split[]) {
      writeFileAtomic(files[split], `${header}\n${rows[split].join("\n")}\n`);
    }
  }
  const list = { kind: "sequence", separator: " ", maxLength: historyLength } as const;
  return {
    data: files,
    features: [
      { name: "user", kind: "categorical" },
      { name: "item", kind: "categorical" },
      { name: "category", kind: "categorical" },
      { name: "history", ...list, target: "item" },
      { name: "history_categories", ...list, target: "category", alignedWith: "history" },
    ],
    labels: [{ name: "taken" }],
    group: "user",
  };
}

function rowsOf(
  sequences: readonly (readonly string[])[],
  { set, historyLength, positives }: S3RecClickOptions,
  category: (item: string) => string,
): { readonly [split in Split]: string[] } {
  const rows: { [split in Split]: string[] } = { train: [], valid: [], test: [] };
  // What is held out does not tell how often an item is taken.
  const taken = sequences.flatMap((sequence) => sequence.slice(1, -2));
  for (const [user, [name, ...items]] of sequences.entries()) {
    const own = new Set(items);
    const random = new CounterRandom(2024, "s3rec negatives", set, user);
    let drawn = 0;
    const add = (split: Split, at: number): void => {
      const history = items.slice(Math.max(0, at - historyLength), at);
      const past = `${history.join(" ")},${history.map(category).join(" ")}`;
      const row = (item: string, label: number): string =>
        `${name},${item},${category(item)},${past},${label}`;
      rows[split].push(row(items[at], 1));
      for (let n = 0; n < negatives[split]; n++) {
        let other: string;
        do other = taken[random.integer(drawn++, taken.length)];
        while (own.has(other));
        rows[split].push(row(other, 0));
      }
    };
    const last = items.length - 1;
    for (let n = 0, at = last - 2; n < positives && at > 0; n++, at -= 5) add("train", at);
    add("valid", last - 1);
    add("test", last);
  }
  return rows;
}

function textOf(file: string): string {
  return gunzipSync(readFileSync(file)).toString("utf8");
}

function linesOf(file: string): string[] {
  return textOf(file).trimEnd().split("\n");
}

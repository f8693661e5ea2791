/**
 * Amazon's Sport and Cloth as two domains of the same users (DisenCDR's files), as rows to score: what a user
 * bought, and items of the same domain drawn uniformly that the user did not buy. Test is the held-out item
 * of each user as shipped; validation one more, drawn from the training file. Train has two negatives a
 * positive, validation and test four: AUC here is that of sampled negatives and depends on them.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { CounterRandom } from "../core/index.ts";
import { writeFileAtomic } from "../core/node/index.ts";
import type { DataConfigInput } from "../data/index.ts";
import { publicData, type SplitFiles } from "./public-data.ts";

const domains = [
  { name: "sport", folder: "sport_cloth" },
  { name: "cloth", folder: "cloth_sport" },
] as const;
const negatives = { train: 2, valid: 4, test: 4 } as const;

type Pair = readonly [user: number, item: number];
type Lines = { readonly [split in keyof SplitFiles]: string[] };

/** Writes the three files once; the data config reads them. */
export function prepareAmazon(dataDirectory: string, directory: string): DataConfigInput {
  const source = publicData(dataDirectory, "amazon-cross-domain");
  const files = {
    train: join(directory, "train.csv"),
    valid: join(directory, "valid.csv"),
    test: join(directory, "test.csv"),
  };
  if (!Object.values(files).every((file) => existsSync(file))) {
    const lines: Lines = { train: [], valid: [], test: [] };
    for (const { name, folder } of domains) addDomain(lines, name, join(source, folder));
    for (const split of ["train", "valid", "test"] as const) {
      writeFileAtomic(files[split], `user,item,domain,bought\n${lines[split].join("\n")}\n`);
    }
  }
  return {
    data: files,
    features: ["user", "item", "domain"].map((name) => ({ name, kind: "categorical" })),
    labels: [{ name: "bought" }],
    group: "user",
    domain: "domain",
  };
}

function addDomain(lines: Lines, domain: string, folder: string): void {
  const train = pairsOf(join(folder, "train.txt.gz"));
  const test = pairsOf(join(folder, "test.txt.gz"));
  const items = 1 + Math.max(...[...train, ...test].map(([, item]) => item));
  const bought = new Map<number, Set<number>>();
  for (const [user, item] of [...train, ...test]) {
    const own = bought.get(user) ?? new Set();
    bought.set(user, own.add(item));
  }
  const held = heldOut(train, domain);
  const splits = {
    train: train.filter((_, k) => !held.has(k)),
    valid: train.filter((_, k) => held.has(k)),
    test,
  };
  for (const split of ["train", "valid", "test"] as const) {
    const random = new CounterRandom(2024, "amazon negatives", domain, split);
    let drawn = 0;
    for (const [user, item] of splits[split]) {
      lines[split].push(`${user},${domain}:${item},${domain},1`);
      for (let n = 0; n < negatives[split]; n++) {
        let other: number;
        do other = random.integer(drawn++, items);
        while (bought.get(user)?.has(other));
        lines[split].push(`${user},${domain}:${other},${domain},0`);
      }
    }
  }
}

/** One row a user who has three or more, drawn by a fixed seed; row numbers. */
function heldOut(pairs: readonly Pair[], domain: string): Set<number> {
  const rowsOf = new Map<number, number[]>();
  for (const [k, [user]] of pairs.entries()) {
    const rows = rowsOf.get(user);
    if (rows === undefined) rowsOf.set(user, [k]);
    else rows.push(k);
  }
  const random = new CounterRandom(2024, "amazon validation", domain);
  const held = new Set<number>();
  for (const [user, rows] of rowsOf) {
    if (rows.length >= 3) held.add(rows[random.integer(user, rows.length)]);
  }
  return held;
}

function pairsOf(file: string): Pair[] {
  const lines = gunzipSync(readFileSync(file)).toString("utf8").trimEnd().split("\n");
  return lines.map((line) => {
    const [user, item] = line.split("\t").map(Number);
    return [user, item];
  });
}

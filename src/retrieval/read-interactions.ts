/**
 * Interaction data in plain text, as collaborative filtering and sequence papers publish them, plain or
 * gzipped: one user a line, `user item item …` (NGCF, LightGCN, S3-Rec), or one pair a line, `user item`
 * (SASRec). Items stand in time order where the source has one. Rows with features come through the data
 * layer instead, see `encoded-pairs.ts`.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { DataError } from "../core/index.ts";
import { type Interactions, numberInteractions, type RawList } from "./interactions.ts";

export interface ReadInteractionsOptions {
  /** What a line is. @default "lists" */
  readonly form?: "lists" | "pairs";
}

/**
 * Reads one file a split; users and items are numbered together.
 *
 * @example
 * const { lists, items } = readInteractions({ train: "train.txt.gz", test: "test.txt.gz" });
 *
 * @throws DataError naming file and line where a line has no item, or a pair is no pair
 */
export function readInteractions<Split extends string>(
  files: { readonly [S in Split]: string },
  { form = "lists" }: ReadInteractionsOptions = {},
): Interactions<Split> {
  const splits = Object.entries<string>(files).map(([split, path]) => [split, readLists(path, form)]);
  return numberInteractions(Object.fromEntries(splits) as { [S in Split]: RawList[] });
}

function readLists(path: string, form: "lists" | "pairs"): RawList[] {
  const lists: RawList[] = [];
  let line = 0;
  // Keys in the form that requests' keys are brought to.
  for (const text of textOf(path).normalize("NFC").split("\n")) {
    line++;
    const fields = text.trim().split(/[\s,]+/);
    if (fields[0] === "") continue;
    // A user whose test items were all removed has a line with the key alone in the published splits.
    if (form === "pairs" && fields.length !== 2) {
      throw new DataError(`${path}, line ${line}: expected \`user item\`, found ${fields.length} fields`, {
        details: { path, line, fields: fields.length },
        hint: 'lines with several items are read with the form "lists"',
      });
    }
    lists.push({ user: fields[0], items: fields.slice(1) });
  }
  return lists;
}

function textOf(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new DataError(`${path} cannot be read`, { details: { path }, cause });
  }
  const gzipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return (gzipped ? gunzipSync(bytes) : bytes).toString("utf8");
}

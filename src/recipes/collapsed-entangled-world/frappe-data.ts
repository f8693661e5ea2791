/**
 * Frappe as columns again, with what the app store says of each app: the published libFM files name a field's
 * value by the order of its first appearance in the log, and so lead back to the app's texts.
 */
import { type DataConfigInput, sqlText } from "../../data/index.ts";
import { drawn, madeTables } from "../made-tables.ts";
import { frappeSplits, publicFile } from "../public-data.ts";

const fields = [
  "user",
  "item",
  "daytime",
  "weekday",
  "isweekend",
  "homework",
  "cost",
  "weather",
  "country",
  "city",
] as const;
/** The first id of items. */
const firstItem = 957;

export interface FrappeFiles {
  readonly train: string;
  readonly valid: string;
  readonly test: string;
  /** `item` with the texts `title`, `description`, `category`, `developer`. */
  readonly apps: string;
  /** The training rows without those of a fifth of the apps, which are then new in the other files. */
  readonly warm: string;
}

export function prepareFrappe(dataDirectory: string, directory: string): Promise<FrappeFiles> {
  const splits = frappeSplits(dataDirectory);
  const source = (file: string): string => sqlText(publicFile(dataDirectory, "frappe", file));
  const rows = (file: string): string => `
    SELECT row_number() OVER () AS row, (parts[1] = '1')::INT AS used,
           ${fields.map((name, k) => `split_part(parts[${k + 2}], ':', 1)::INT AS ${name}`).join(", ")}
    FROM (SELECT string_split(line, ' ') AS parts
          FROM read_csv(${sqlText(file)}, columns = {'line': 'VARCHAR'}, delim = '\\t', header = false))`;
  const split = (file: string, where = ""): string =>
    `SELECT * EXCLUDE (row) FROM (${rows(file)}) ${where} ORDER BY row`;
  const text = (name: string): string => `CASE WHEN ${name} = 'unknown' THEN NULL ELSE ${name} END`;
  return madeTables(
    directory,
    [
      `CREATE TABLE seen AS
       SELECT item AS original, min(row) AS first
       FROM (SELECT item, row_number() OVER () AS row
             FROM read_csv(${source("frappe.csv.gz")}, delim = '\\t', header = true, all_varchar = true))
       GROUP BY item`,
    ],
    {
      train: split(splits.train),
      valid: split(splits.valid),
      test: split(splits.test),
      warm: split(splits.train, `WHERE ${drawn("'app' || item")} >= 0.2`),
      apps: `
        SELECT ${firstItem - 1} + row_number() OVER (ORDER BY first) AS item, ${text("name")} AS title,
               left(coalesce(${text('"short desc"')}, ${text("description")}), 200) AS description,
               ${text("category")} AS category, ${text("developer")} AS developer
        FROM seen LEFT JOIN read_csv(${source("meta.csv.gz")}, delim = '\\t', header = true,
                                     all_varchar = true, quote = '') meta ON meta.item = seen.original
        ORDER BY 1`,
    },
  );
}

/** The ten fields of the benchmark. */
export function frappeConfig({ train, valid, test }: FrappeFiles): DataConfigInput {
  return {
    data: { train, valid, test },
    features: fields.map((name) => ({ name, kind: "categorical" })),
    labels: [{ name: "used" }],
    group: "user",
  };
}

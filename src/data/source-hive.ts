/**
 * Hive partitioning: folders named `key=value` are columns of the Parquet files under them. A key whose
 * values are all plain whole numbers is int64, all plain dates a timestamp, else text (`month=01` stays
 * `01`). Where a file has a column of that name too, the folder's value counts. The values are read here
 * and not by DuckDB, which takes a folder `k=NULL` for one without a value and refuses `k=a=b`.
 */
import { DataError } from "../core/index.ts";
import { sqlName, sqlText } from "./source-sql.ts";

/** What Hive writes for a row without a value. */
const NO_VALUE = "__HIVE_DEFAULT_PARTITION__";

export interface PartitionColumn {
  readonly name: string;
  readonly type: "BIGINT" | "TIMESTAMP" | "VARCHAR";
  /** The value of each file, in the order of the files. */
  readonly values: readonly (string | undefined)[];
}

/** The columns that the folders of files stand for. @throws DataError when a file lacks a key that others have */
export function partitionColumns(files: readonly string[]): PartitionColumn[] {
  const values = files.map(partitionOf);
  const names = [...new Set(values.flatMap((of) => [...of.keys()]))];
  return names.map((name) => {
    const without = values.findIndex((of) => !of.has(name));
    if (without >= 0) {
      throw new DataError(`${files[without]} lies in no folder ${name}=…, as other files do`, {
        details: { file: files[without], column: name },
        hint: "files of one source are partitioned by the same keys",
      });
    }
    const own = values.map((of) => of.get(name));
    return { name, type: typeOf(own.filter((value) => value !== undefined)), values: own };
  });
}

/**
 * A column as SQL over `read_parquet` of the files, by the number of the row's file. No file may have a
 * column `file_index`, which would hide that number.
 */
export function partitionSql({ name, type, values }: PartitionColumn): string {
  const list = values.map((value) => (value === undefined ? "NULL" : sqlText(value)));
  return `CAST([${list.join(", ")}] AS ${type}[])[CAST(file_index AS BIGINT) + 1] AS ${sqlName(name)}`;
}

function partitionOf(file: string): Map<string, string | undefined> {
  const found = new Map<string, string | undefined>();
  for (const folder of file.split(/[\\/]/).slice(0, -1)) {
    const [, key, value] = /^([^=]+)=(.*)$/.exec(folder) ?? [];
    if (key === undefined) continue;
    const plain = decoded(value);
    found.set(decoded(key), plain === NO_VALUE ? undefined : plain);
  }
  return found;
}

/** Writers put what is special in paths as %XX. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function typeOf(values: readonly string[]): PartitionColumn["type"] {
  if (values.length === 0) return "VARCHAR";
  if (values.every((value) => /^(0|-?[1-9]\d{0,17})$/.test(value))) return "BIGINT";
  return values.every((value) => /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)))
    ? "TIMESTAMP"
    : "VARCHAR";
}

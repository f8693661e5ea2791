/**
 * What encoding does with each column of a batch layout, as SQL over staged rows: scalars computed in
 * place, ids looked up by a join, lists looked up entry by entry.
 */
import { ConfigError } from "../core/index.ts";
import {
  type BagFeature,
  type BatchColumn,
  batchLayout,
  DOMAIN_ENCODER,
  type FeatureMap,
  type SequenceFeature,
} from "../schema/index.ts";
import { bucketSql, floatSql, numberSql, timeSql, transformSql } from "./number-sql.ts";
import { type KeyCast, keyCast } from "./raw-key.ts";
import { ageList, keyList, lastEntries, rawList } from "./raw-list.ts";
import { labelSql } from "./row-quality.ts";
import { sqlName } from "./source-sql.ts";
import type { StagedTable } from "./stage.ts";

/** A batch column that needs no look-up. */
export interface PlainColumn {
  readonly name: string;
  readonly sql: string;
}

/** A batch column of ids, one a row. */
export interface KeyedColumn {
  readonly name: string;
  /** Encoder, or undefined for the numbers of groups. */
  readonly encoder: string | undefined;
  readonly sql: string;
  readonly cast: KeyCast;
}

/** A batch column of lists of ids. */
export interface ListColumn {
  readonly name: string;
  readonly encoder: string;
  readonly feature: BagFeature | SequenceFeature;
  /** The row's last entries as keys. */
  readonly sql: string;
  readonly cast: KeyCast;
}

export interface EncodePlan {
  readonly layout: readonly BatchColumn[];
  readonly plain: readonly PlainColumn[];
  readonly keyed: readonly KeyedColumn[];
  readonly lists: readonly ListColumn[];
  /** Raw columns that may hold numbers which are none, with a SQL condition for them. */
  readonly unusable: readonly { readonly name: string; readonly sql: string }[];
}

/** Raw columns that features need, and those of labels and other roles, with what needs them. */
export function rawColumns(map: Pick<FeatureMap, "features">): Map<string, string> {
  const wanted = new Map<string, string>();
  for (const feature of map.features) {
    wanted.set(feature.column, `feature ${feature.name}`);
    if (feature.kind === "sequence" && feature.timesColumn !== undefined) {
      wanted.set(feature.timesColumn, `feature ${feature.name}`);
    }
  }
  return wanted;
}

/**
 * @param keep raw columns carried along with the role `truth`
 * Labels and other roles whose raw column is not staged are left out of the layout.
 */
export function encodePlan(map: FeatureMap, staged: StagedTable, keep: readonly string[]): EncodePlan {
  const plain: PlainColumn[] = [];
  const keyed: KeyedColumn[] = [];
  const lists: ListColumn[] = [];
  const unusable: { name: string; sql: string }[] = [];
  const typeOf = (column: string): string => staged.types.get(column)!;
  const number = (column: string): string => `(${numberSql(sqlName(column), typeOf(column), column)})`;
  const addKeyed = (name: string, column: string, encoder: string | undefined): void => {
    const cast = keyCast(typeOf(column), column);
    keyed.push({ name, encoder, cast, sql: cast.sql(sqlName(column)) });
  };
  const addNumber = (name: string, column: string): void => {
    const type = typeOf(column);
    if (!/^(FLOAT|DOUBLE|VARCHAR)$/.test(type)) return;
    const some = `${sqlName(column)} IS NOT NULL${type === "VARCHAR" ? ` AND trim(${sqlName(column)}) <> ''` : ""}`;
    unusable.push({ name, sql: `${some} AND ${number(column)} IS NULL` });
  };
  for (const feature of map.features) {
    const { name, column } = feature;
    switch (feature.kind) {
      case "categorical":
        addKeyed(name, column, feature.encoder);
        break;
      case "bucket":
        plain.push({ name, sql: bucketSql(number(column), feature.boundaries) });
        addNumber(name, column);
        break;
      case "numeric":
        plain.push({ name, sql: transformSql(number(column), feature.transform) });
        plain.push({
          name: `${name}.missing`,
          sql: `CAST(CAST(${number(column)} IS NULL AS INTEGER) AS FLOAT)`,
        });
        addNumber(name, column);
        break;
      case "dense": {
        const { dim, separator } = feature;
        const list = rawList(sqlName(column), typeOf(column), column, separator);
        const vector = `list_transform(${list.sql}, e -> ${numberSql("e", list.elementType, column)})`;
        const missing = `(len(${list.sql}) = 0 OR list_aggregate(${vector}, 'count') < len(${list.sql}))`;
        const zeros = `list_transform(range(${dim}), e -> CAST(0 AS FLOAT))`;
        plain.push({
          name,
          sql: `CASE WHEN ${missing} THEN ${zeros} ELSE list_transform(${vector}, e -> ${floatSql("e")}) END`,
        });
        plain.push({ name: `${name}.missing`, sql: `CAST(CAST(${missing} AS INTEGER) AS FLOAT)` });
        break;
      }
      case "bag":
      case "sequence": {
        const list = rawList(sqlName(column), typeOf(column), column, feature.separator);
        const { sql, cast } = keyList(list, column);
        lists.push({
          name,
          encoder: feature.encoder,
          feature,
          cast,
          sql: lastEntries(sql, feature.maxLength),
        });
        if (feature.kind === "sequence" && feature.timesColumn !== undefined) {
          plain.push({ name: `${name}.age`, sql: agesOf(feature, list.sql, map, typeOf) });
        }
      }
    }
  }
  for (const label of map.labels) {
    const type = staged.types.get(label.column);
    if (type === undefined) continue;
    const sql = labelSql(label, type);
    plain.push({ name: label.name, sql: floatSql(sql) });
  }
  const has = (column: string | undefined): column is string =>
    column !== undefined && staged.types.has(column);
  if (has(map.weight)) {
    plain.push({ name: "@weight", sql: `CAST(${number(map.weight)} AS FLOAT)` });
  }
  if (has(map.group)) addKeyed("@group", map.group, undefined);
  if (has(map.domain)) addKeyed("@domain", map.domain, DOMAIN_ENCODER);
  if (has(map.timestamp)) {
    const time = timeSql(
      sqlName(map.timestamp),
      typeOf(map.timestamp),
      map.timestampUnit ?? "s",
      map.timestamp,
    );
    plain.push({ name: "@timestamp", sql: `coalesce(${time}, CAST('nan' AS DOUBLE))` });
  }
  for (const column of keep) {
    if (!staged.types.has(column)) continue;
    plain.push({ name: column, sql: `CAST(coalesce(${number(column)}, CAST('nan' AS DOUBLE)) AS FLOAT)` });
  }
  const made = new Set([...plain, ...keyed, ...lists].map(({ name }) => name));
  const layout: BatchColumn[] = batchLayout(map).filter(
    ({ name }) => made.has(name) || lists.some((list) => name === `${list.name}.length`),
  );
  for (const name of keep)
    if (made.has(name)) layout.push({ name, role: "truth", dtype: "float32", width: 1 });
  return { layout, plain, keyed, lists, unusable };
}

function agesOf(
  feature: SequenceFeature,
  ids: string,
  map: FeatureMap,
  typeOf: (column: string) => string,
): string {
  const { timesColumn = "", separator, maxLength, name } = feature;
  if (map.timestamp === undefined) {
    throw new ConfigError(`feature ${name} has times and the feature map no timestamp`, {
      details: { name },
    });
  }
  const unit = map.timestampUnit ?? "s";
  const times = rawList(sqlName(timesColumn), typeOf(timesColumn), timesColumn, separator);
  const now = timeSql(sqlName(map.timestamp), typeOf(map.timestamp), unit, map.timestamp);
  return ageList(ids, times, now, maxLength, unit, timesColumn);
}

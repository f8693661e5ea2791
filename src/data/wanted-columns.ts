/** Which raw columns a config or a feature map reads. */
import { derivation, type FeatureMap } from "../schema/index.ts";
import type { DataConfig } from "./config.ts";
import { rawInputs } from "./derived-config.ts";
import { columnOf } from "./fit.ts";
import { splitColumns } from "./split-sql.ts";

/** Columns that the config needs, with what needs them. */
export function wantedColumns(config: DataConfig): Map<string, string> {
  const wanted = new Map<string, string>();
  const add = (column: string | undefined, user: string): void => {
    if (column !== undefined && !wanted.has(column)) wanted.set(column, user);
  };
  for (const { column, user } of rawInputs(config.derived ?? [], config.timestamp)) add(column, user);
  for (const feature of config.features) {
    add(columnOf(feature), `feature ${feature.name}`);
    add(feature.timesColumn, `feature ${feature.name}`);
  }
  for (const label of config.labels) add(columnOf(label), `label ${label.name}`);
  add(config.weight, "weight");
  add(config.group, "group");
  add(config.domain, "domain");
  add(config.timestamp, "timestamp");
  for (const column of config.data.keep) add(column, "data.keep");
  for (const column of splitColumns(config.data.split, config.timestamp)) add(column, "data.split");
  return wanted;
}

/** Names of the columns that a config reads, derived ones among them. */
export function columnsOfConfig(config: DataConfig): string[] {
  return [...wantedColumns(config).keys(), ...(config.derived ?? []).map(({ name }) => name)];
}

/** Names of the columns that a map reads, derived ones among them, and kept ones. */
export function columnsOfMap(map: FeatureMap, keep: readonly string[]): string[] {
  const { features, labels, weight, group, domain, timestamp, derived = [] } = map;
  const times = features.flatMap((feature) =>
    feature.kind === "sequence" && feature.timesColumn !== undefined ? [feature.timesColumn] : [],
  );
  const inputs = derived.flatMap((column) =>
    column.kind === "count"
      ? [column.name, column.timestamp, column.sum ?? column.timestamp, ...column.by.map((key) => key.column)]
      : derivation(column).arguments.map((argument) => argument.column),
  );
  const roles = [weight, group, domain, timestamp].filter((column) => column !== undefined);
  const own = [...features, ...labels].map(({ column }) => column);
  return [...new Set([...own, ...times, ...roles, ...keep, ...inputs])];
}

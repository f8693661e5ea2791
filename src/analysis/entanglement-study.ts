/** Interest entanglement of a run with several labels: every view that holds a user's and an item's table. */
import { ConfigError } from "../core/index.ts";
import { columnsOf, type FeatureMap, FIRST_VALUE_ID } from "../schema/index.ts";
import {
  type LabelledPairs,
  type PairPicture,
  pairPicture,
  type View,
  type ViewDistances,
  viewDistances,
  type ViewShift,
  viewShifts,
} from "./entanglement.ts";
import { runTables } from "./run-tables.ts";
import { type NotApplicable, notApplicable, type StudiedRun } from "./tool.ts";

export interface EntanglementOptions {
  /** Categorical features. @default the two with the most values, the group's column first */
  readonly user?: string;
  readonly item?: string;
  /** Two labels. @default the first two */
  readonly tasks?: readonly [first: string, second: string];
}

export interface EntanglementStudy {
  readonly user: string;
  readonly item: string;
  readonly tasks: readonly [first: string, second: string];
  readonly views: readonly ViewDistances[];
  readonly shifts: readonly ViewShift[];
  readonly pictures: readonly PairPicture[];
}

export async function entanglementOfRun(
  { run, source, rows }: StudiedRun,
  options: EntanglementOptions = {},
): Promise<EntanglementStudy | NotApplicable> {
  const { map, config } = run;
  const labels = map.labels.filter(({ kind }) => kind === "binary").map(({ name }) => name);
  const tasks = options.tasks ?? [labels[0], labels[1]];
  if (tasks.some((task) => task === undefined)) {
    return notApplicable("the run has one label; contradictions need two");
  }
  const [user, item] = userAndItem(map, config.group, options);
  if (user === undefined || item === undefined) {
    return notApplicable("no two categorical features stand for user and item");
  }
  const tables = runTables(run);
  const places = [...new Set(tables.map(({ place }) => place))];
  const views = places.flatMap((place): View[] => {
    const find = (feature: string) =>
      tables.find((one) => one.place === place && one.vocabulary === encoderOf(map, feature));
    const [users, items] = [find(user), find(item)];
    if (users === undefined || items === undefined || users.columns !== items.columns) return [];
    return [{ name: place, users, items }];
  });
  if (views.length === 0) return notApplicable(`no view holds tables of ${user} and ${item} of one width`);
  const read = await columnsOf(source, [user, item, ...tasks], rows);
  const known = Array.from({ length: read.rows }, (_, row) => row).filter((row) =>
    [user, item].every((name) => read.columns[name][row] >= FIRST_VALUE_ID),
  );
  const pick = (name: string, shift: number): number[] => known.map((row) => read.columns[name][row] - shift);
  const pairs: LabelledPairs = {
    users: pick(user, FIRST_VALUE_ID),
    items: pick(item, FIRST_VALUE_ID),
    first: pick(tasks[0], 0),
    second: pick(tasks[1], 0),
  };
  const distances = views.map((view) => viewDistances(view, pairs));
  return {
    user,
    item,
    tasks: [tasks[0], tasks[1]],
    views: distances,
    shifts: viewShifts(distances),
    pictures: views.flatMap((view) => [
      pairPicture(view, pairs, { kind: "10" }),
      pairPicture(view, pairs, { kind: "01" }),
    ]),
  };
}

function userAndItem(
  map: FeatureMap,
  group: string | undefined,
  { user, item }: EntanglementOptions,
): readonly [user: string | undefined, item: string | undefined] {
  const categorical = map.features.filter((feature) => feature.kind === "categorical");
  for (const name of [user, item]) {
    if (name === undefined || categorical.some((feature) => feature.name === name)) continue;
    throw new ConfigError(`${name} is not a categorical feature of the run`, {
      details: { name, known: categorical.map((feature) => feature.name) },
    });
  }
  const largest = categorical.toSorted((a, b) => map.encoders[b.encoder].size - map.encoders[a.encoder].size);
  const grouped = categorical.find(({ column }) => column === group);
  const first = user ?? grouped?.name ?? largest.find(({ name }) => name !== item)?.name;
  const second = item ?? largest.find(({ name }) => name !== first)?.name;
  return [first, second];
}

function encoderOf(map: FeatureMap, name: string): string | undefined {
  const feature = map.features.find((candidate) => candidate.name === name);
  return feature?.kind === "categorical" ? feature.encoder : undefined;
}

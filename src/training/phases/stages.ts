/** From phases as they are written to the runs of the loop they come to, and what each of them moves. */
import { ConfigError, hashKey, nearestName } from "../../core/index.ts";
import type { Model } from "../../module/index.ts";
import { DOMAIN_ENCODER, type FeatureMap, FIRST_VALUE_ID } from "../../schema/index.ts";
import { multiTaskOptions } from "../multi-task/options.ts";
import { checkPatterns, matchesPath } from "../path-pattern.ts";
import type { TrainingOptions } from "../training-options.ts";
import type { PhaseOptions } from "./options.ts";

export interface Stage {
  readonly name: string;
  readonly options: TrainingOptions;
  /** Ids of the domains whose rows it reads; absent: all rows. */
  readonly domains: ReadonlySet<number> | undefined;
  /** Paths of what moves. */
  readonly moves: ReadonlySet<string>;
  readonly tied: readonly (readonly string[])[];
  readonly still: boolean;
}

/**
 * The first phase keeps the seed, so that one phase without restrictions is plain training. Seeds of the
 * others depend on the phase and the domain alone: a domain's run is the same whatever others there are.
 */
export function stagesOf(
  phases: readonly PhaseOptions[],
  { model, map, options }: { model: Model; map: FeatureMap; options: TrainingOptions },
): Stage[] {
  return phases.flatMap((phase, p) => {
    const { eachDomain, domains } = phase;
    const all = eachDomain || domains !== undefined ? domainValues(map, phase) : [];
    const chosen = domains?.map((value) => domainNumber(value, all, phase)) ?? all.map((_, k) => k);
    const runs = eachDomain ? chosen.map((k) => [k]) : [domains === undefined ? undefined : chosen];
    return runs.map((numbers): Stage => {
      const single = eachDomain ? numbers?.[0] : undefined;
      const seed =
        p === 0 && numbers === undefined
          ? options.seed
          : hashKey(options.seed, "phase", p, (numbers ?? []).join());
      return {
        name: single === undefined ? phase.name : `${phase.name}/${all[single]}`,
        options: {
          ...options,
          epochs: phase.epochs,
          learningRate: options.learningRate * phase.learningRateFactor,
          ...(phase.lossWeights === undefined ? {} : { multiTask: weighted(options, phase.lossWeights) }),
          earlyStopPatience:
            phase.earlyStopPatience === undefined ? options.earlyStopPatience : phase.earlyStopPatience,
          seed,
        },
        domains: numbers === undefined ? undefined : new Set(numbers.map((k) => FIRST_VALUE_ID + k)),
        moves: movedPaths(model, phase, single),
        tied: tiedGroups(model, phase),
        still: phase.still ?? (phase.train !== undefined || phase.freeze !== undefined),
      };
    });
  });
}

function weighted({ multiTask }: TrainingOptions, lossWeights: { readonly [task: string]: number }) {
  return { ...(multiTask ?? multiTaskOptions.parse({})), lossWeights };
}

function domainValues(map: FeatureMap, { name }: PhaseOptions): readonly string[] {
  const vocabulary = map.encoders[DOMAIN_ENCODER]?.vocabulary;
  if (map.domain === undefined || vocabulary?.type !== "list") {
    throw new ConfigError(`training.phases: ${name} goes by domain, and the data have none`, {
      hint: "name the domain's column as `domain` in the configuration",
    });
  }
  return vocabulary.values;
}

function domainNumber(value: string, all: readonly string[], { name }: PhaseOptions): number {
  const found = all.indexOf(value);
  if (found >= 0) return found;
  const near = nearestName(value, all);
  throw new ConfigError(`training.phases: ${name}: the training split has no domain ${value}`, {
    details: { value, known: all },
    hint: near === undefined ? `its domains are ${all.join(", ")}` : `did you mean ${near}?`,
  });
}

function movedPaths(
  model: Model,
  { name, train, freeze = [] }: PhaseOptions,
  domain: number | undefined,
): Set<string> {
  const paths = [...model.namedParameters().keys(), ...model.namedTables().keys()];
  const wanted = train?.map((pattern) => pattern.replaceAll("{domain}", String(domain ?? "*")));
  checkPatterns(`training.phases: ${name}: train`, wanted ?? [], paths);
  checkPatterns(`training.phases: ${name}: freeze`, freeze, paths);
  const named = (patterns: readonly string[], path: string): boolean =>
    patterns.some((pattern) => matchesPath(pattern, path));
  const moved = paths.filter((path) => (wanted === undefined || named(wanted, path)) && !named(freeze, path));
  if (moved.length === 0) {
    throw new ConfigError(`training.phases: ${name} leaves nothing that moves`, {
      details: { train, freeze },
    });
  }
  return new Set(moved);
}

/** Parameters whose paths differ at the last `*` alone. */
function tiedGroups(model: Model, { name, tie = [] }: PhaseOptions): string[][] {
  const parameters = model.namedParameters();
  const tables = [...model.namedTables().keys()];
  checkPatterns(`training.phases: ${name}: tie`, tie, [...parameters.keys(), ...tables]);
  const groups = new Map<string, string[]>();
  for (const pattern of tie) {
    const place = pattern.split(".").lastIndexOf("*");
    const table = tables.find((path) => matchesPath(pattern, path));
    if (place < 0 || table !== undefined) {
      throw new ConfigError(
        place < 0
          ? `training.phases: ${name}: tie: "${pattern}" needs a * for what is tied`
          : `training.phases: ${name}: tie: ${table} is a table, and only weights are tied`,
        { details: { pattern } },
      );
    }
    for (const path of parameters.keys()) {
      if (!matchesPath(pattern, path)) continue;
      const key = path
        .split(".")
        .map((step, k) => (k === place ? "*" : step))
        .join(".");
      const group = groups.get(key) ?? [];
      if (!group.includes(path)) group.push(path);
      groups.set(key, group);
    }
  }
  for (const [key, group] of groups) {
    const shapes = new Set(group.map((path) => String(parameters.get(path)?.shape)));
    if (shapes.size > 1) {
      throw new ConfigError(`training.phases: ${name}: tie: weights at ${key} differ in shape`, {
        details: { paths: group, shapes: [...shapes] },
      });
    }
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

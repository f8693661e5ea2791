/**
 * One release of a service: everything that takes part in an answer, loaded together and let go together.
 * A request holds the release it began with, so that old and new never mix in one answer; a retired one is
 * freed when the last of its requests has ended.
 */
import { createHash } from "node:crypto";
import { ConfigError, nearestName } from "../core/index.ts";
import type { SourceSpec } from "../data/index.ts";
import { createEngine } from "../engine/index.ts";
import { type Calibrators, readCalibrators } from "./calibration.ts";
import { allowedIds } from "./candidate-set.ts";
import {
  type CandidateSource,
  candidateSources,
  type MakeCandidateSource,
  SOURCE_MODEL,
  type SourceRefresh,
} from "./candidate-source.ts";
import {
  type ModelConfig,
  type NamedCascade,
  pathIn,
  type StageConfig,
  type TableConfig,
} from "./cascade-config.ts";
import { FeatureAssembly } from "./feature-assembly.ts";
import { FeatureTable } from "./feature-table.ts";
import type { InferencePool } from "./inference-pool.ts";
import { openServedModel, type ServedModel } from "./served-model.ts";
import { SplitModel } from "./split-model.ts";
import { TowerStage } from "./tower-stage.ts";
import { parseValueFormula, type ValueFormula } from "./value-formula.ts";

export interface LoadedModel extends ServedModel {
  readonly name: string;
  /** Under which the pool knows it. */
  readonly key: string;
  readonly assembly: FeatureAssembly;
  readonly calibrators: Calibrators;
  /** Present where items' vectors are made ahead of time. */
  readonly towers: TowerStage | undefined;
  /** Present where the request's part of the graph (and of every item) is computed apart. */
  readonly split: SplitModel | undefined;
}

export interface LoadedStage extends StageConfig {
  readonly loaded: LoadedModel;
  readonly formula: ValueFormula;
}

export interface ReleaseOptions {
  readonly pool: InferencePool;
  /** Sources of candidates by name, beside `all` and `top`. */
  readonly sources?: { readonly [name: string]: MakeCandidateSource };
  /** Told when the source of a service refreshes its data beside requests. */
  readonly onRefresh?: (service: string, refresh: SourceRefresh) => void;
  /** Gives up loading, between one model and the next. */
  readonly signal?: AbortSignal;
}

let opened = 0;

export class Release {
  readonly cascade: NamedCascade;
  /** Twelve hexadecimal digits over models, their calibrators, the candidate source, tables' sizes and configuration. */
  readonly version: string;
  readonly users: FeatureTable | undefined;
  readonly items: FeatureTable | undefined;
  readonly models: readonly LoadedModel[];
  readonly stages: readonly LoadedStage[];
  readonly source: CandidateSource | undefined;
  readonly #pool: InferencePool;
  #requests = 0;
  #retired = false;

  private constructor(
    cascade: NamedCascade,
    pool: InferencePool,
    parts: Pick<Release, "users" | "items" | "models" | "stages" | "source">,
  ) {
    this.cascade = cascade;
    this.#pool = pool;
    this.users = parts.users;
    this.items = parts.items;
    this.models = parts.models;
    this.stages = parts.stages;
    this.source = parts.source;
    const hash = createHash("sha256").update(JSON.stringify(cascade.config));
    for (const { version, calibrators } of this.models) hash.update(version + JSON.stringify(calibrators));
    hash.update(this.source?.version ?? "");
    hash.update(`${this.users?.rows ?? 0} ${this.items?.rows ?? 0}`);
    this.version = hash.digest("hex").slice(0, 12);
  }

  /** Loads everything. @throws ConfigError or DataError for what does not fit together; nothing stays loaded */
  static async open(cascade: NamedCascade, options: ReleaseOptions): Promise<Release> {
    const { pool, signal } = options;
    const { config, folder } = cascade;
    const users = await readFeatures(config.users, folder);
    const items = await readFeatures(config.items, folder);
    const models: LoadedModel[] = [];
    try {
      for (const model of config.models) {
        signal?.throwIfAborted();
        models.push(await loadModel(model, cascade, { ...options, items, users }));
      }
      signal?.throwIfAborted();
      const known = [...config.context, ...(users?.columns ?? []), ...(items?.columns ?? [])];
      const stages = config.stages.map((stage, k) => {
        const loaded = models.find(({ name }) => name === stage.model) as LoadedModel;
        const earlier = config.stages.slice(0, k + 1).flatMap(({ name, model }) => {
          const labels = models.find((other) => other.name === model)?.labels ?? [];
          return labels.map((label) => `${name}.${label}`);
        });
        const formula = formulaOf(stage, config.value, loaded, [
          ...loaded.labels,
          ...earlier,
          ...known,
          ...loaded.assembly.contextColumns,
        ]);
        return { ...stage, loaded, formula };
      });
      checkColumns(cascade, users, items, models);
      const source = await openSource(cascade, items, options);
      return new Release(cascade, pool, { users, items, models, stages, source });
    } catch (error) {
      for (const model of models) free(model, pool);
      throw error;
    }
  }

  /** Whether something but a stage's model can put candidates in order, so that a full queue refuses no request. */
  get answersWithoutStages(): boolean {
    return this.source !== undefined;
  }

  get requests(): number {
    return this.#requests;
  }

  /** Runs a request on this release; it stays loaded until then. */
  async use<T>(request: () => Promise<T>): Promise<T> {
    this.#requests++;
    try {
      return await request();
    } finally {
      this.#requests--;
      if (this.#retired && this.#requests === 0) this.#free();
    }
  }

  /** No more requests will come. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    if (this.#requests === 0) this.#free();
  }

  #free(): void {
    for (const model of this.models) free(model, this.#pool);
    void closeSource(this.source);
  }
}

function free(
  { key, towers, split }: Pick<LoadedModel, "key" | "towers" | "split">,
  pool: InferencePool,
): void {
  pool.release(key);
  split?.release();
  towers?.release();
}

/** What a source fails at now concerns no request, and must not end the process. */
async function closeSource(source: CandidateSource | undefined): Promise<void> {
  try {
    await source?.close?.();
  } catch {
    // Whoever wrote the source knows where to look; its release is gone either way.
  }
}

async function readFeatures(
  table: TableConfig | undefined,
  folder: string,
): Promise<FeatureTable | undefined> {
  if (table === undefined) return undefined;
  const files = (typeof table.file === "string" ? [table.file] : table.file).map((path) =>
    pathIn(folder, path),
  );
  const source: SourceSpec = { files, types: table.types };
  return FeatureTable.read({ source, key: table.key });
}

async function loadModel(
  { name, run, calibration, itemProductsMb: productsMb, ...rowOptions }: ModelConfig,
  { name: service, folder }: NamedCascade,
  { pool, items, users, signal }: ReleaseOptions & Pick<Release, "items" | "users">,
): Promise<LoadedModel> {
  const served = await openServedModel(pathIn(folder, run), rowOptions);
  const assembly = new FeatureAssembly(served.map, items, users);
  const calibrators = calibration === undefined ? {} : readCalibrators(pathIn(folder, calibration));
  for (const label of Object.keys(calibrators)) {
    if (served.labels.includes(label)) continue;
    throw new ConfigError(`${calibration}: the model has no label "${label}"`, {
      details: { file: calibration, label, labels: served.labels },
    });
  }
  const key = `${service}.${name}#${++opened}`;
  await pool.load(key, served.source);
  let towers: TowerStage | undefined;
  let split: SplitModel | undefined;
  try {
    const options = { served, key, assembly, items, pool, signal };
    towers = await TowerStage.open(options);
    if (towers === undefined) {
      const engine = await createEngine(pool.engine, { onNotice: () => {} });
      split = await SplitModel.open({ ...options, engine, productsMb });
    }
    // Threads and the parts made ahead have read files again since the first look.
    served.checkFiles();
    return { ...served, name, key, assembly, calibrators, towers, split };
  } catch (error) {
    free({ key, towers, split }, pool);
    throw error;
  }
}

function formulaOf(
  { name, score }: StageConfig,
  value: string | undefined,
  { labels }: LoadedModel,
  known: readonly string[],
): ValueFormula {
  const formula = parseValueFormula(score ?? value ?? `\`${labels[0]}\``);
  for (const column of formula.names) {
    if (known.includes(column)) continue;
    const near = nearestName(column, known);
    throw new ConfigError(
      `stage ${name}: the formula "${formula.text}" names "${column}", which is no label of its model and no known column`,
      {
        details: { stage: name, formula: formula.text, name: column, known },
        hint:
          near === undefined ? "name columns that requests bring under `context`" : `did you mean "${near}"?`,
      },
    );
  }
  return formula;
}

function checkColumns(
  { config: { filters, slots, context } }: NamedCascade,
  users: FeatureTable | undefined,
  items: FeatureTable | undefined,
  models: readonly LoadedModel[],
): void {
  const ofRequest = [
    ...context,
    ...(users?.columns ?? []),
    ...models.flatMap(({ assembly }) => assembly.contextColumns),
  ];
  const check = (key: string, column: string | undefined, known: readonly string[]): void => {
    if (column === undefined || known.includes(column)) return;
    const near = nearestName(column, known);
    throw new ConfigError(`config ${key}: there is no column "${column}"`, {
      details: { key, column, known },
      hint: near === undefined ? `columns: ${known.join(", ")}` : `did you mean "${near}"?`,
    });
  };
  check("filters.allowed", filters.allowed, items?.columns ?? []);
  check("filters.seen", filters.seen, ofRequest);
  slots.caps.forEach(({ column }, k) => {
    check(`slots.caps[${k}].column`, column, items?.columns ?? []);
  });
}

async function openSource(
  { name, config: { candidates, filters }, folder }: NamedCascade,
  items: FeatureTable | undefined,
  { sources: given, onRefresh, pool }: ReleaseOptions,
): Promise<CandidateSource | undefined> {
  const { source, limit, budgetMs, ...options } = candidates;
  if (source === "request") return undefined;
  const sources: { readonly [name: string]: MakeCandidateSource } = { ...candidateSources, ...given };
  const make = Object.hasOwn(sources, source) ? sources[source] : undefined;
  if (make === undefined) {
    throw new ConfigError(`config candidates.source: there is no source "${source}"`, {
      details: { key: "candidates.source", received: source },
      hint: `sources: ${["request", ...Object.keys(sources)].join(", ")}`,
    });
  }
  const allowed =
    items !== undefined && filters.allowed !== undefined ? allowedIds(items, filters.allowed) : undefined;
  return make({
    items,
    allowed,
    options,
    folder,
    onRefresh: (refresh) => onRefresh?.(name, refresh),
    loadModel: async (model) => {
      const key = `${name}.${SOURCE_MODEL}#${++opened}`;
      await pool.load(key, model);
      return {
        run: (batch, signal) => pool.run(key, batch, signal, { admitted: true, ahead: true }),
        release: () => pool.release(key),
      };
    },
  });
}

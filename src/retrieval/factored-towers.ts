/**
 * A ranking model that factors into towers, served as such: users encoded once a request, items once a version,
 * and their vectors scored together.
 *
 *     p(user, item) = answer(score(users(user), items(item)))
 *
 * What the towers give is what the model's own graph gives, to rounding.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { compile, type LeafBinding } from "../compile/index.ts";
import { MillraceError } from "../core/index.ts";
import { readJson } from "../core/node/index.ts";
import type { Engine, HostTensor, Session } from "../engine/index.ts";
import { type Batch, type Model, Trace, withTrace } from "../module/index.ts";
import { buildModel, keysToCamelCase, openRun, parseConfig, runFiles, runWeights } from "../run/index.ts";
import type { EncodedBatch, FeatureMap } from "../schema/index.ts";
import { input, type Tensor } from "../tensor/index.ts";
import { ColumnBatch, predictionOf } from "../training/index.ts";
import { type TowerGraph, towerGraph } from "./tower-graph.ts";
import { SessionTower } from "./towers.ts";

/** What a model offers that factors. */
export interface FactoredModel extends Model {
  readonly userWidth: number;
  readonly itemWidth: number;
  /** `[batch, userWidth]` */
  users(batch: Batch): Tensor;
  /** `[batch, itemWidth]` */
  items(batch: Batch): Tensor;
  /** Logits by label, `[batch]`; one user goes with any number of items. */
  score(users: Tensor, items: Tensor): { readonly [label: string]: Tensor };
  /** Logits as `forward` gives them in evaluation. */
  answers(logits: { readonly [label: string]: Tensor }): { readonly [label: string]: Tensor };
}

function isFactored(model: Model): model is FactoredModel {
  return (["users", "items", "score", "answers"] as const).every((part) => part in model);
}

const SCORED = "scored:";

export class FactoredTowers {
  /** Columns of encoded batches that the user's side reads. */
  readonly userColumns: readonly string[];
  /** Those of the item's side. */
  readonly itemColumns: readonly string[];
  readonly itemWidth: number;
  /** Runs so far: of the user tower, rows of the item tower, pairs scored. */
  readonly counts = { users: 0, items: 0, pairs: 0 };
  readonly #user: SessionTower;
  readonly #item: SessionTower;
  readonly #scorer: Session;
  readonly #userWidth: number;

  private constructor(
    model: FactoredModel,
    graphs: { readonly user: TowerGraph; readonly item: TowerGraph },
    sessions: { readonly user: SessionTower; readonly item: SessionTower; readonly scorer: Session },
  ) {
    this.userColumns = graphs.user.columns;
    this.itemColumns = graphs.item.columns;
    this.itemWidth = model.itemWidth;
    this.#userWidth = model.userWidth;
    this.#user = sessions.user;
    this.#item = sessions.item;
    this.#scorer = sessions.scorer;
  }

  /** The towers of a run's model, or undefined where it does not factor (or cannot be built again). */
  static async open(directory: string, engine: Engine): Promise<FactoredTowers | undefined> {
    const model = modelOf(directory);
    if (model === undefined || !isFactored(model)) return undefined;
    const run = openRun(directory);
    const { map: schema } = run;
    // Such predictions read a feature of the row, which scores of vectors do not see.
    if (schema.labels.some(({ exposureWeight }) => exposureWeight !== undefined)) return undefined;
    const weights = runWeights(run);
    const graphs = {
      user: towerGraph(model, "user", { schema, weights }),
      item: towerGraph(model, "item", { schema, weights }),
    };
    const tower = async (graph: TowerGraph, width: number): Promise<SessionTower> => {
      const values: { [name: string]: HostTensor } = {};
      for (const path of graph.tables) {
        const table = run.tables.find(({ name }) => name === `table:${path}`);
        if (table === undefined) throw new Error(`the run has no table ${path}`);
        values[table.name] = { dtype: "float32", dims: [table.rows, table.dim], data: table.data };
      }
      const session = await engine.load(graph.model, { threads: 1 });
      return new SessionTower(session, [width], graph.columns, () => values);
    };
    return new FactoredTowers(model, graphs, {
      user: await tower(graphs.user, model.userWidth),
      item: await tower(graphs.item, model.itemWidth),
      scorer: await engine.load(scorer(model, schema), { threads: 1 }),
    });
  }

  /** The user's vector, from a batch of one row. */
  async encodeUser(batch: EncodedBatch): Promise<Float32Array> {
    this.counts.users++;
    return this.#user.encode(batch);
  }

  /** Items' vectors, `[batch.size, itemWidth]`. */
  async encodeItems(batch: EncodedBatch): Promise<Float32Array> {
    this.counts.items += batch.size;
    return this.#item.encode(batch);
  }

  /** Predictions by label of one user with items, `[items]` each. */
  async score(user: Float32Array, items: Float32Array): Promise<{ [label: string]: Float32Array }> {
    const count = items.length / this.itemWidth;
    this.counts.pairs += count;
    const results = await this.#scorer.run({
      user: { dtype: "float32", dims: [1, this.#userWidth], data: user },
      items: { dtype: "float32", dims: [count, this.itemWidth], data: items },
    });
    return Object.fromEntries(
      Object.entries(results).map(([name, { data }]) => [name.slice(SCORED.length), data as Float32Array]),
    );
  }

  async release(): Promise<void> {
    await this.#user.release();
    await this.#item.release();
    await this.#scorer.release();
  }
}

/** The model of a run directory; undefined where it was written by other means or another version. */
function modelOf(directory: string): Model | undefined {
  const [config, map] = [runFiles.config, runFiles.featureMap].map((file) => join(directory, file));
  if (!existsSync(config)) return undefined;
  try {
    return buildModel(parseConfig(keysToCamelCase(readJson(config))), readJson(map) as FeatureMap);
  } catch (error) {
    // Its graph can be served all the same.
    if (error instanceof MillraceError) return undefined;
    throw error;
  }
}

function scorer(model: FactoredModel, schema: FeatureMap): Uint8Array {
  const user = input("user", [1, model.userWidth]);
  const items = input("items", ["items", model.itemWidth]);
  const logits = withTrace(new Trace({ training: false }), () => model.answers(model.score(user, items)));
  const nothing = new ColumnBatch(schema, new Map());
  const outputs = Object.fromEntries(
    Object.entries(logits).map(([label, logit]) => [
      `${SCORED}${label}`,
      predictionOf(schema, label, logit, nothing),
    ]),
  );
  const leaves = new Map<Tensor, LeafBinding>([
    [user, { name: "user" }],
    [items, { name: "items" }],
  ]);
  return compile({ outputs, leaves, metadata: { producer: "millrace" } }).model;
}

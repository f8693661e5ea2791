/** Encoders and scorers that run: sessions of tower graphs with the values they read. */
import type { Engine, HostTensor, Session } from "../engine/index.ts";
import type { EncodedBatch, FeatureMap } from "../schema/index.ts";
import type { WeightSource } from "../training/index.ts";
import type { RetrievalModel } from "./retrieval-model.ts";
import { type Side, type TowerGraph, towerGraph, scorerGraph, VECTORS } from "./tower-graph.ts";

/** Encodes users or items of encoded batches. */
export interface Tower {
  /** Of one encoding. */
  readonly shape: readonly number[];
  /** `[batch.size, ...shape]`, row-major. */
  encode(batch: EncodedBatch): Promise<Float32Array>;
  release(): Promise<void>;
}

/** Scores encoded users against encoded items. */
export interface Scorer {
  /** `[users, items]`, row-major. `into` takes the scores where its size fits. */
  score(users: Float32Array, items: Float32Array, into?: Float32Array): Promise<Float32Array>;
  release(): Promise<void>;
}

/** A session with everything it reads apart from batch columns. */
export class SessionTower implements Tower {
  readonly shape: readonly number[];
  readonly #session: Session;
  readonly #columns: readonly Session["inputs"][number][];
  readonly #values: () => { readonly [name: string]: HostTensor };

  /** @param values inputs that are no batch columns; asked for anew in each run, since live weights move */
  constructor(
    session: Session,
    shape: readonly number[],
    columns: readonly string[],
    values: () => { readonly [name: string]: HostTensor },
  ) {
    this.#session = session;
    this.shape = shape;
    this.#columns = session.inputs.filter(({ name }) => columns.includes(name));
    this.#values = values;
  }

  async encode(batch: EncodedBatch): Promise<Float32Array> {
    const feeds: { [name: string]: HostTensor } = { ...this.#values() };
    for (const { name, dtype, shape } of this.#columns) {
      const dims = [batch.size, ...shape.slice(1).map(Number)];
      feeds[name] = { dtype, dims, data: batch.columns[name] as Float32Array } as HostTensor;
    }
    const { [VECTORS]: vectors } = await this.#session.run(feeds);
    return vectors.data as Float32Array;
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

export class SessionScorer implements Scorer {
  readonly #session: Session;
  readonly #userShape: readonly number[];
  readonly #itemShape: readonly number[];
  readonly #values: () => { readonly [name: string]: HostTensor };

  constructor(
    session: Session,
    shapes: Pick<RetrievalModel, "userShape" | "itemShape">,
    values: () => { readonly [name: string]: HostTensor } = () => ({}),
  ) {
    this.#session = session;
    this.#userShape = shapes.userShape;
    this.#itemShape = shapes.itemShape;
    this.#values = values;
  }

  async score(users: Float32Array, items: Float32Array, into?: Float32Array): Promise<Float32Array> {
    const rows = users.length / sizeOf(this.#userShape);
    const columns = items.length / sizeOf(this.#itemShape);
    const feeds: { [name: string]: HostTensor } = {
      ...this.#values(),
      users: { dtype: "float32", dims: [rows, ...this.#userShape], data: users },
      items: { dtype: "float32", dims: [columns, ...this.#itemShape], data: items },
    };
    const target =
      into === undefined || into.length < rows * columns
        ? undefined
        : {
            scores: {
              dtype: "float32",
              dims: [rows, columns],
              data: into.subarray(0, rows * columns),
            } as const,
          };
    const { scores } = await this.#session.run(feeds, target && { into: target });
    return scores.data as Float32Array;
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Towers and scorer of a model whose weights may still move. */
export class LiveTowers {
  readonly model: RetrievalModel;
  readonly user: Tower;
  readonly item: Tower;
  readonly scorer: Scorer;
  #values: { readonly [name: string]: HostTensor } = {};
  readonly #weights: WeightSource;

  private constructor(
    model: RetrievalModel,
    weights: WeightSource,
    load: (values: () => LiveTowers["values"]) => Pick<LiveTowers, "user" | "item" | "scorer">,
  ) {
    this.model = model;
    this.#weights = weights;
    ({ user: this.user, item: this.item, scorer: this.scorer } = load(() => this.values));
    this.refresh();
  }

  static async create(
    model: RetrievalModel,
    { schema, weights, engine }: { schema: FeatureMap; weights: WeightSource; engine: Engine },
  ): Promise<LiveTowers> {
    const graphs = {
      user: towerGraph(model, "user", { schema }),
      item: towerGraph(model, "item", { schema }),
    };
    const scorer = scorerGraph(model);
    const sessions = {
      user: await engine.load(graphs.user.model),
      item: await engine.load(graphs.item.model),
      scorer: await engine.load(scorer.model),
    };
    return new LiveTowers(model, weights, (values) => {
      const read = (graph: { readonly inputs: readonly string[] }) => () =>
        Object.fromEntries(Object.entries(values()).filter(([name]) => graph.inputs.includes(name)));
      const tower = (side: Side, { columns, inputs }: TowerGraph): Tower =>
        new SessionTower(
          sessions[side],
          side === "user" ? model.userShape : model.itemShape,
          columns,
          read({ inputs }),
        );
      return {
        user: tower("user", graphs.user),
        item: tower("item", graphs.item),
        scorer: new SessionScorer(sessions.scorer, model, read(scorer)),
      };
    });
  }

  /** Inputs by name: tables and dense values as they were at the last refresh. */
  get values(): { readonly [name: string]: HostTensor } {
    return this.#values;
  }

  /** Reads the weights anew; until then encodings are those of the last refresh. */
  refresh(): void {
    const values: { [name: string]: HostTensor } = {};
    for (const [path, { rows, dim }] of this.model.namedTables()) {
      values[`table:${path}`] = { dtype: "float32", dims: [rows, dim], data: this.#weights.table(path) };
    }
    for (const [path, { shape }] of this.model.namedParameters()) {
      values[path] = { dtype: "float32", dims: shape, data: this.#weights.parameter(path).slice() };
    }
    for (const [path, { shape }] of this.model.namedStates()) {
      values[path] = { dtype: "float32", dims: shape, data: this.#weights.state(path).slice() };
    }
    this.#values = values;
  }

  async release(): Promise<void> {
    await this.user.release();
    await this.item.release();
    await this.scorer.release();
  }
}

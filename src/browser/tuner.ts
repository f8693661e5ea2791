/**
 * Learning on the device: a few steps on the user's own events move the parts of the model that the export named.
 * The step is that of training elsewhere: one graph gives the loss and the gradients, duplicates of a row are
 * summed in a fixed order, everything is clipped by one norm, and the same kernels move rows and parameters; equal
 * events, options and seed give equal bits. Events never leave the page.
 */
import { ConfigError, CounterRandom, DivergedError, MillraceError, nearestName } from "../core/index.ts";
import type { Optimizer } from "../embeddings/index.ts";
import type { HostTensor, Session } from "../engine/index.ts";
import { auc, logLoss, type MetricValue, rootMeanSquaredError } from "../evaluation/index.ts";
import { createRowEncoder, type EncodedBatch, type RowEncoder } from "../schema/index.ts";
import { clippingFactor, deviceBundleParts, moveWeights } from "../training/device/index.ts";
import { type DeviceStore, indexedDbStore, updateStored } from "./device-store.ts";
import { DeviceWeights, type KeptWeights } from "./device-weights.ts";
import { feedsFor, type LiveValues, shippedValues } from "./live-values.ts";
import { checkEvents, type LocalEvent } from "./local-event.ts";
import type { Ranker } from "./ranker.ts";

export interface TunerOptions {
  /** Under which name it is kept: one model a name. @default "tuned" */
  readonly name?: string;
  /** Where it is kept. @default `indexedDbStore()` */
  readonly store?: DeviceStore;
  /** @default "adam", rows moving only when events read them */
  readonly optimizer?: Optimizer["name"];
  /** Step size. @default 0.01 */
  readonly learningRate?: number;
  /** Most events in one step. @default 32 */
  readonly batchSize?: number;
  /** Gradients of rows and parameters together are scaled down to this norm. @default 10 */
  readonly maxGradientNorm?: number;
  /**
   * Pull towards the shipped values: after each step what it moved goes back by `learningRate · anchor` of its
   * distance. Keeps a few events from washing the model away. @default 0
   */
  readonly anchor?: number;
  /** Order of events. @default 1 */
  readonly seed?: number;
}

export interface LearnOptions {
  /** Passes over the events. @default 1 */
  readonly epochs?: number;
  /** Stops between two steps; what was learnt until then stays. */
  readonly signal?: AbortSignal;
  /** Told after each step. */
  readonly onStep?: (step: { readonly step: number; readonly loss: number }) => void;
}

export interface Learnt {
  /** Steps taken by this call. */
  readonly steps: number;
  /** Loss of each step, before it moved anything. */
  readonly losses: readonly number[];
}

export interface LocalEvaluation {
  readonly events: number;
  /** Sum over labels of the mean log loss (binary labels) or mean squared error (real ones); null without events. */
  readonly loss: number | null;
  /** `log_loss` and `auc` of binary labels, `rmse` of real ones, over the events that have the label. */
  readonly metrics: { readonly [label: string]: { readonly [metric: string]: MetricValue } };
}

/** What is kept under a tuner's name. */
interface KeptTuning {
  readonly version: 1;
  readonly bundle: string;
  readonly optimizer: string;
  readonly steps: number;
  readonly epochs: number;
  readonly weights: KeptWeights;
  /** Tells this saving from every other. */
  readonly stamp?: string;
}

/** Another page has saved or reset the same tuning since this one opened or saved it. */
export class ConflictError extends MillraceError {}

export interface SaveOptions {
  /** Replace what another page has saved meanwhile. @default false */
  readonly overwrite?: boolean;
}

/** `fresh`: nothing was kept; `restored`: it goes on; `outdated`: what was kept belongs to another bundle or optimizer. */
export type TunerStart = "fresh" | "restored" | "outdated";

const optimizers = ["adam", "adagrad", "rowwise-adagrad", "rmsprop", "sgd"] as const;

export class Tuner {
  readonly ranker: Ranker;
  readonly options: Required<TunerOptions>;
  /** Whether this device had learnt before. */
  readonly start: TunerStart;
  readonly #session: Session;
  readonly #encoder: RowEncoder;
  readonly #shipped: LiveValues;
  #weights: DeviceWeights;
  #steps = 0;
  #epochs = 0;
  /** Of what the store held when this tuner last looked; undefined where it held nothing. */
  #stamp: string | undefined;
  /** Whether the last step has failed: then the model gives no numbers, even where its weights are some. */
  #diverged = false;

  private constructor(
    ranker: Ranker,
    options: Required<TunerOptions>,
    session: Session,
    kept: KeptTuning | undefined,
  ) {
    const { bundle } = ranker;
    this.ranker = ranker;
    this.options = options;
    this.#session = session;
    this.#encoder = createRowEncoder(bundle.map);
    this.#shipped = shippedValues(bundle);
    this.#weights = this.#fresh();
    this.#stamp = stampOf(kept);
    const fits =
      kept?.version === 1 &&
      kept.bundle === bundle.id &&
      kept.optimizer === options.optimizer &&
      kept.weights !== undefined;
    if (fits && this.#weights.restore(kept.weights)) {
      this.start = "restored";
      this.#steps = kept.steps;
      this.#epochs = kept.epochs;
    } else this.start = kept === undefined ? "fresh" : "outdated";
    ranker.values = this.#weights;
  }

  /**
   * Makes a ranker learn, from what was kept under the name if that fits; from then on it ranks by what was learnt.
   *
   * @throws ConfigError when the bundle has no trainable parts or an option is out of range; EngineError when the
   *   engine refuses the training graph; MillraceError when the store fails
   * @example
   * const tuner = await Tuner.open(ranker, { name: "feed", learningRate: 0.01 });
   */
  static async open(ranker: Ranker, given: TunerOptions = {}): Promise<Tuner> {
    const { parameters, tables } = ranker.bundle.trainable;
    if (parameters.length + tables.length === 0) {
      throw new ConfigError("the bundle has nothing that a device may change", {
        hint: "export it with --trainable and the parts of the model that should learn",
      });
    }
    const options = withDefaults(given);
    const session = await ranker.engine.load(ranker.bundle.part(deviceBundleParts.training), {
      externalData: ranker.bundle.sharedFiles(),
    });
    const kept = (await options.store.get(keyOf(options.name))) as KeptTuning | undefined;
    return new Tuner(ranker, options, session, kept);
  }

  /** Steps taken since the device began, restored ones included. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * Learns from events: every pass takes them in a new order, `batchSize` a step. Nothing is kept until `save`.
   *
   * @throws DataError for an event that cannot be used, before anything moves; MillraceError when a loss or
   *   gradient is not finite: that step has moved nothing
   * @example
   * await tuner.learn([{ row: { ...context, ...item }, labels: { click: 1 } }], { epochs: 3 });
   */
  async learn(events: readonly LocalEvent[], options: LearnOptions = {}): Promise<Learnt> {
    const { epochs = 1, signal, onStep } = options;
    const { batchSize, seed } = this.options;
    checkEvents(events, this.ranker.bundle.labels, this.ranker.bundle.map);
    const losses: number[] = [];
    for (let epoch = 0; epoch < epochs && events.length > 0; epoch++) {
      const order = new CounterRandom(seed, "order", this.#epochs).permutation(events.length);
      for (let start = 0; start < order.length; start += batchSize) {
        if (signal?.aborted) return { steps: losses.length, losses };
        const batch = Array.from(order.subarray(start, start + batchSize), (index) => events[index]);
        const loss = await this.ranker.exclusively(() => this.#step(batch));
        losses.push(loss);
        onStep?.({ step: this.#steps, loss });
      }
      this.#epochs++;
    }
    return { steps: losses.length, losses };
  }

  /**
   * How well events are predicted: by the model as it is now, or as it was shipped.
   *
   * @throws DataError for an event that cannot be used
   */
  async evaluate(
    events: readonly LocalEvent[],
    { model = "tuned" }: { readonly model?: "tuned" | "shipped" } = {},
  ): Promise<LocalEvaluation> {
    const { bundle } = this.ranker;
    checkEvents(events, bundle.labels, bundle.map);
    const values = model === "shipped" ? this.#shipped : this.#weights;
    const rows = events.map(({ row }) => row);
    const scores = await this.ranker.scoreWith(values, rows);
    const metrics: { [label: string]: { [metric: string]: MetricValue } } = {};
    let loss: number | null = null;
    for (const label of bundle.labels) {
      const known = events.flatMap(({ labels }, k) => (labels[label] === undefined ? [] : [k]));
      const scored = {
        predictions: Float32Array.from(known, (k) => scores[label][k]),
        labels: Float32Array.from(known, (k) => events[k].labels[label]),
        weights: Float32Array.from(known, (k) => events[k].weight ?? 1),
      };
      const real = bundle.map.labels.some(({ name, kind }) => name === label && kind === "real");
      metrics[label] = real
        ? { rmse: rootMeanSquaredError(scored) }
        : { log_loss: logLoss(scored), auc: auc(scored) };
      const value = real ? metrics[label].rmse.value : metrics[label].log_loss.value;
      if (value !== null) loss = (loss ?? 0) + (real ? value * value : value);
    }
    return { events: events.length, loss, metrics };
  }

  /**
   * Keeps what was learnt, optimizer state included, so that the next visit goes on from here.
   *
   * @throws ConflictError when another page has saved or reset the same name since this one opened or saved it,
   *   and nothing is kept: open anew to take over what the other has learnt, or save with `overwrite`;
   *   MillraceError when learning has diverged, so that no visit begins with a model that says nothing, and when
   *   the store fails
   */
  async save({ overwrite = false }: SaveOptions = {}): Promise<void> {
    const { name, store, optimizer } = this.options;
    const stamp = newStamp();
    const kept = await this.ranker.exclusively(async (): Promise<KeptTuning> => {
      if (this.#diverged || !this.#weights.finite) {
        throw new MillraceError("what was learnt gives no numbers, so it is not kept", {
          details: { steps: this.#steps },
          hint: "reset() takes it back; lower the learning rate",
        });
      }
      return {
        version: 1,
        bundle: this.ranker.bundle.id,
        optimizer,
        steps: this.#steps,
        epochs: this.#epochs,
        weights: this.#weights.keep(),
        stamp,
      };
    });
    await updateStored(store, keyOf(name), (present) => {
      const found = stampOf(present as KeptTuning | undefined);
      if (!overwrite && found !== this.#stamp) {
        const what = present === undefined ? "reset" : "saved";
        throw new ConflictError(`another page has ${what} the tuning "${name}" since this one opened it`, {
          details: { name, expected: this.#stamp ?? null, received: found ?? null },
          hint: "open it anew to go on from there, or save with { overwrite: true }",
        });
      }
      return kept;
    });
    this.#stamp = stamp;
  }

  /** Back to the shipped model, here and in the store. */
  async reset(): Promise<void> {
    const { name, store } = this.options;
    await this.ranker.exclusively(async () => {
      this.#weights = this.#fresh();
      this.#steps = 0;
      this.#epochs = 0;
      this.#diverged = false;
      this.ranker.values = this.#weights;
    });
    await store.delete(keyOf(name));
    this.#stamp = undefined;
  }

  /** Frees the training graph; the ranker stays, with what was learnt. */
  async release(): Promise<void> {
    await this.ranker.exclusively(() => this.#session.release());
  }

  async #step(events: readonly LocalEvent[]): Promise<number> {
    const { learningRate, maxGradientNorm, anchor } = this.options;
    const { bundle } = this.ranker;
    const batch = this.#encoder.encode(events.map(({ row }) => row));
    const weights = this.#weights;
    const placed = weights.place(batch);
    const feeds = feedsFor(
      this.#session,
      { bundle, values: weights, batch },
      this.#labelFeeds(events, batch),
    );
    const into: { [name: string]: HostTensor } = {};
    for (const { fed, arena, first, count } of placed) {
      const dims = [batch.size, fed.width, fed.dim];
      into[`@gradient:${fed.input}`] = { dtype: "float32", dims, data: arena.gradients(first, count) };
    }
    for (const [k, { input, shape }] of bundle.manifest.parameters.entries()) {
      into[`@gradient:${input}`] = { dtype: "float32", dims: shape, data: weights.dense.gradient(k) };
    }
    const results = await this.#session.run(feeds, { into });
    this.#diverged = true;
    const loss = (results["@loss"].data as Float32Array)[0];
    if (!Number.isFinite(loss)) {
      throw new DivergedError(`the loss became ${loss} at step ${this.#steps + 1}`, {
        details: { step: this.#steps + 1 },
        hint: "lower the learning rate; reset() takes back what was learnt",
      });
    }
    const given = {
      optimizer: {
        maxGradientNorm,
        embeddingRegularizer: 0,
        embeddingRegularizerScope: "batch" as const,
      },
      learningRate,
      step: this.#steps + 1,
    };
    moveWeights(weights, given, clippingFactor(weights, given), { rows: 0, dense: 0 });
    if (anchor > 0) weights.pullBack(learningRate * anchor);
    this.#steps++;
    this.#diverged = false;
    return loss;
  }

  /** Labels, and each event's share of its label's loss: zero where the label is not known. */
  #labelFeeds(events: readonly LocalEvent[], { size }: EncodedBatch): { [name: string]: HostTensor } {
    const feeds: { [name: string]: HostTensor } = {};
    const feed = (name: string, of: (event: LocalEvent) => number): void => {
      feeds[name] = { dtype: "float32", dims: [size], data: Float32Array.from(events, of) };
    };
    for (const label of this.ranker.bundle.labels) {
      const weightOf = ({ labels, weight = 1 }: LocalEvent): number =>
        labels[label] === undefined ? 0 : weight;
      const total = events.reduce((sum, event) => sum + weightOf(event), 0);
      feed(label, ({ labels }) => labels[label] ?? 0);
      feed(`@share:${label}`, (event) => (total === 0 ? 0 : weightOf(event) / total));
    }
    return feeds;
  }

  #fresh(): DeviceWeights {
    const { optimizer, batchSize } = this.options;
    return new DeviceWeights(this.ranker.bundle, { optimizer: { name: optimizer }, batchSize });
  }
}

/** What was kept without a stamp, by an earlier version or by something else, has one of its own. */
function stampOf(kept: KeptTuning | undefined): string | undefined {
  return kept === undefined ? undefined : (kept.stamp ?? "none");
}

function newStamp(): string {
  return [...crypto.getRandomValues(new Uint32Array(3))].map((word) => word.toString(36)).join("-");
}

function keyOf(name: string): string {
  return `tuned/${name}`;
}

function withDefaults(given: TunerOptions): Required<TunerOptions> {
  const {
    name = "tuned",
    store = indexedDbStore(),
    optimizer = "adam",
    learningRate = 0.01,
    batchSize = 32,
    maxGradientNorm = 10,
    anchor = 0,
    seed = 1,
  } = given;
  const options = { name, store, optimizer, learningRate, batchSize, maxGradientNorm, anchor, seed };
  const refuse = (option: string, expected: string, hint?: string): ConfigError => {
    const received = options[option as keyof typeof options];
    return new ConfigError(`Tuner: ${option} must be ${expected}, not ${String(received)}`, {
      details: { option, received },
      hint,
    });
  };
  if (!optimizers.includes(optimizer)) {
    const near = nearestName(String(optimizer), optimizers);
    throw refuse("optimizer", `one of ${optimizers.join(", ")}`, near && `did you mean ${near}?`);
  }
  if (!(learningRate > 0 && learningRate < Infinity)) throw refuse("learningRate", "a number above 0");
  if (!(Number.isInteger(batchSize) && batchSize >= 1)) throw refuse("batchSize", "a whole number from 1 on");
  if (!(maxGradientNorm > 0)) throw refuse("maxGradientNorm", "a number above 0");
  if (!(anchor >= 0 && anchor * learningRate <= 1)) {
    throw refuse("anchor", "from 0 to 1 / learningRate", "a larger one would overshoot the shipped values");
  }
  return options;
}

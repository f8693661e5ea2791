/**
 * The step of a model whose tasks' gradients lie apart in the arenas:
 *
 *     products of the gradients on shared weights → surgery → one combined step, or one step a task
 *
 * AdaTask (per-task states): every task k has moments and accumulators of its own on every weight and row,
 *
 *     m_k ← β₁ m_k + (1-β₁) g_k,  v_k ← β₂ v_k + (1-β₂) g_k²,  θ ← θ - η Σ_k p_k m̂_k / (√v̂_k + ε),
 *
 * and likewise AdaGrad and RMSProp; all g_k are taken at the same θ. Weights that only one task reaches have
 * no gradient from the others, whose states then stay 0 and move nothing: they follow the plain optimizer.
 * One step count for all tasks. Clipping is by each task's own norm.
 *
 * Yang et al., "AdaTask: A Task-aware Adaptive Learning Rate Approach to Multi-task Learning", AAAI 2023,
 * arXiv:2211.15055. Its gradients may come out of surgery first, as the paper suggests.
 */
import { ConfigError } from "../../core/index.ts";
import {
  clippingFactor,
  type GradientStep,
  moveWeights,
  notFinite,
  type TimeSpent,
} from "../apply-gradients.ts";
import type { TrainingGraph } from "../graphs.ts";
import type { ModelWeights } from "../model-weights.ts";
import type { OptimizerOptions } from "../optimizer-options.ts";
import { GradientMemory } from "./gradient-memory.ts";
import { type GradientMixing, combined, gradientMixing, type Products } from "./gradient-mixing.ts";
import { MTAdam } from "./mt-adam.ts";
import { looksAhead, type MultiTaskOptions, needsProducts } from "./options.ts";
import { type SharedLeaves, sharedLeaves } from "./shared-leaves.ts";
import { TaskMeter } from "./task-meter.ts";

export interface TaskStepsInput {
  readonly weights: ModelWeights;
  readonly graph: TrainingGraph;
  readonly options: MultiTaskOptions;
  readonly optimizer: OptimizerOptions;
  readonly seed: number;
  /** Position of the main task. */
  readonly main: number;
}

/** How the tasks' gradients of a step agree, for weightings that ask; without the losses' factors. */
export interface Agreement {
  /** On shared weights; empty unless asked for. */
  readonly products: Products;
  /** Of the step before's gradients with the main task's now; empty unless asked for, and at first. */
  readonly ahead: readonly number[];
}

export class TaskSteps {
  readonly shared: SharedLeaves;
  readonly meter: TaskMeter | undefined;
  /** Present where factors look ahead. */
  readonly memory: GradientMemory | undefined;
  readonly mtAdam: MTAdam | undefined;
  readonly #given: TaskStepsInput;
  readonly #mixing: GradientMixing;
  readonly #perTask: boolean;
  /** By task, then parameter: the share of λ a task's step carries. */
  readonly #denseL2Shares: readonly (readonly number[])[];
  readonly #priorities: readonly number[];
  readonly #stepScale: number;

  /** @throws ConfigError when rows have L2 and per-task states, but some tables belong to one task */
  constructor(given: TaskStepsInput) {
    const { weights, graph, options, optimizer } = given;
    this.#given = given;
    this.#mixing = gradientMixing(options);
    this.#perTask = options.optimizerState !== "shared";
    this.shared = sharedLeaves(weights, graph, options.shared);
    if (this.#perTask && optimizer.embeddingRegularizer > 0 && this.shared.ownTables) {
      throw new ConfigError(
        "embedding_regularizer with per-task optimizer states needs tables that all tasks share",
        {
          details: { sharedTables: this.shared.tables.map(({ path }) => path) },
          hint: "leave embedding_regularizer out: as a gradient of its own in a task's state it would move that task's tables at full rate",
        },
      );
    }
    this.#denseL2Shares = graph.tasks.map((_, task) =>
      this.shared.parameterTasks.map((reached) => (reached[task] ? 1 / reached.filter(Boolean).length : 0)),
    );
    this.#stepScale = options.stepScale === "mean" ? 1 / graph.tasks.length : 1;
    this.#priorities = graph.tasks.map((name) => options.priorities?.[name] ?? 1);
    const tasks = graph.tasks.length;
    if (options.optimizerState === "mtadam") {
      this.mtAdam = new MTAdam({ weights, shared: this.shared, tasks, ranks: this.#priorities });
      if (options.measure) {
        throw new ConfigError(
          "training.multi_task.measure does not know the shares of mtadam's tasks in a step",
          {
            hint: "measure with optimizer_state: shared or per-task",
          },
        );
      }
    }
    this.memory = looksAhead(options) ? new GradientMemory({ weights, tasks, main: given.main }) : undefined;
    this.meter = options.measure ? new TaskMeter({ ...given, shared: this.shared }) : undefined;
  }

  /**
   * Moves everything by the gradients in the arenas.
   *
   * @param factors what the losses were multiplied by
   * @throws MillraceError before anything has moved
   */
  update(
    { learningRate, step, factors }: { learningRate: number; step: number; factors: readonly number[] },
    spent: TimeSpent,
  ): Agreement {
    const { weights, graph, optimizer, options, seed, main } = this.#given;
    const { mtAdam, memory } = this;
    const surgery = options.gradients !== "sum";
    let agreement: Agreement = { products: [], ahead: [] };
    if (surgery || this.meter !== undefined || memory !== undefined || needsProducts(options)) {
      const products = this.#products();
      const bad = products.flat().find((product) => !Number.isFinite(product));
      if (bad !== undefined) throw notFinite("norm of the gradients", bad, step);
      agreement = { products: withoutFactors(products, factors), ahead: this.#ahead(factors) };
      this.meter?.before(products);
      if (surgery) this.#mix(this.#mixing(products, { seed, step: step - 1, main }));
    }
    const asTheyAre = graph.tasks.map((_, i) => graph.tasks.map((_, j) => (i === j ? 1 : 0)));
    if (!this.#perTask && !surgery) this.#mix(asTheyAre);
    mtAdam?.scale(step);
    const base = { optimizer, step };
    const rate = learningRate * this.#stepScale;
    const steps: GradientStep[] = this.#perTask
      ? graph.tasks.map((_, task) => ({
          ...base,
          task,
          // MTAdam's tasks only take in their gradients here, and move together afterwards.
          learningRate: mtAdam === undefined ? rate * this.#priorities[task] : 0,
          rowL2Share: 1 / graph.tasks.length,
          denseL2Shares: this.#denseL2Shares[task],
        }))
      : [{ ...base, learningRate }];
    const clipping = steps.map((each) => clippingFactor(weights, each));
    for (const [k, each] of steps.entries()) moveWeights(weights, each, clipping[k], spent);
    mtAdam?.move(rate, step);
    this.meter?.after(step);
    return agreement;
  }

  /** What is kept of the step before against this one, which is kept in its place. */
  #ahead(factors: readonly number[]): number[] {
    const factor = factors[this.#given.main];
    const ahead = this.memory?.products() ?? [];
    this.memory?.keep(factors);
    return ahead.map((product) => (factor === 0 ? 0 : product / factor));
  }

  /** Inner products of the tasks' gradients over everything shared. */
  #products(): number[][] {
    const { weights, graph } = this.#given;
    const tasks = graph.tasks.length;
    const total = new Float64Array(tasks * tasks);
    for (const [i, shared] of this.shared.parameters.entries()) {
      if (!shared) continue;
      const gradients = graph.tasks.map((_, task) => weights.dense.gradient(i, task));
      for (let a = 0; a < tasks; a++)
        for (let b = a; b < tasks; b++) total[a * tasks + b] += dot(gradients[a], gradients[b]);
    }
    for (const [k, arena] of weights.arenas.entries()) {
      if (arena.optimizer === undefined) continue;
      const products = arena.taskProducts(this.shared.rows[k]);
      for (let i = 0; i < total.length; i++) total[i] += products[i];
    }
    return graph.tasks.map((_, a) =>
      graph.tasks.map((_, b) => total[Math.min(a, b) * tasks + Math.max(a, b)]),
    );
  }

  #mix(coefficients: readonly (readonly number[])[]): void {
    const { weights, graph } = this.#given;
    const rows = this.#perTask ? coefficients : [combined(coefficients)];
    const plainSum = [new Array<number>(graph.tasks.length).fill(1)];
    for (const [i, shared] of this.shared.parameters.entries()) {
      const gradients = graph.tasks.map((_, task) => weights.dense.gradient(i, task));
      if (shared) mixInPlace(gradients, rows);
      else if (!this.#perTask) mixInPlace(gradients, plainSum);
    }
    for (const [k, arena] of weights.arenas.entries()) {
      if (arena.optimizer !== undefined) arena.mixTasks(rows, this.shared.rows[k]);
    }
  }
}

/** Products of the gradients that the losses have without factors; 0 where a factor is 0. */
function withoutFactors(products: Products, factors: readonly number[]): number[][] {
  return products.map((row, i) =>
    row.map((product, j) => (factors[i] * factors[j] === 0 ? 0 : product / (factors[i] * factors[j]))),
  );
}

/** In float64: within a block of 1024, then over the blocks, so that long sums lose nothing. */
function dot(a: Float32Array, b: Float32Array): number {
  let total = 0;
  for (let start = 0; start < a.length; start += 1024) {
    const end = Math.min(a.length, start + 1024);
    let sum = 0;
    for (let i = start; i < end; i++) sum += a[i] * b[i];
    total += sum;
  }
  return total;
}

/** `gradients[to] ← Σ_from coefficients[to][from] · gradients[from]`, each in float64, rounded once. */
function mixInPlace(gradients: readonly Float32Array[], coefficients: readonly (readonly number[])[]): void {
  const old = new Float64Array(gradients.length);
  for (let i = 0; i < gradients[0].length; i++) {
    for (let k = 0; k < gradients.length; k++) old[k] = gradients[k][i];
    for (let to = 0; to < coefficients.length; to++) {
      let sum = 0;
      for (let k = 0; k < old.length; k++) sum += coefficients[to][k] * old[k];
      gradients[to][i] = sum;
    }
  }
}

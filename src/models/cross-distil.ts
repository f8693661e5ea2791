import { z } from "zod";
import { ConfigError, parseOptions } from "../core/index.ts";
import {
  auxiliaryLoss,
  type Batch,
  currentTrace,
  type Initializer,
  type LabelOf,
  Model,
  Parameter,
  State,
} from "../module/index.ts";
import {
  add,
  clip,
  div,
  maximum,
  mean,
  mul,
  neg,
  reshape,
  sigmoid,
  slice,
  softplus,
  stopGradient,
  sub,
  sum,
  where,
  minimum,
  greater,
} from "../ops/index.ts";
import { PairDraws } from "../layers/index.ts";
import type { FeatureMap, Label } from "../schema/index.ts";
import { constant, Tensor } from "../tensor/index.ts";
import type { LabelLogits } from "./heads.ts";

const share = z.number().min(0).max(1);

export const crossDistilOptions = z
  .strictObject({
    alpha: share.default(0.3).describe("Share of the distillation loss in the students' loss."),
    temperature: z
      .number()
      .positive()
      .default(1)
      .describe("T: logits are divided by it before they are compared."),
    teacher: z
      .enum(["ranking", "other-task"])
      .default("ranking")
      .describe(
        "Who teaches: towers that rank by both labels, or, without such towers, the other tasks' own predictions.",
      ),
    teacherWeight: z.number().nonnegative().default(1).describe("Factor on the teachers' ranking losses."),
    fineWeights: z
      .tuple([z.number().nonnegative(), z.number().nonnegative()])
      .default([0.5, 0.5])
      .describe("Weights of the order by the other label among positives and among negatives."),
    calibrate: z
      .boolean()
      .default(true)
      .describe("Scale and shift a teacher's scores to probabilities of its label before they teach."),
    margin: z
      .number()
      .nonnegative()
      .nullable()
      .default(0)
      .describe(
        "Error correction: a teacher's logit is at least this for positives, at most minus this for negatives; null: " +
          "none.",
      ),
    warmupSteps: z.number().int().nonnegative().default(0).describe("Steps over which alpha grows from 0."),
    pairs: z.number().int().positive().default(512).describe("Quadruplets drawn from each batch."),
    flipped: z
      .array(z.string())
      .default([])
      .describe("Labels whose positives rank below their negatives for other tasks, such as `hide`."),
  })
  .describe("tasks teach each other (CrossDistil); the model's tasks are its students");
export type CrossDistilOptions = z.input<typeof crossDistilOptions>;

/** Learning rate of the calibration relative to the rest, by its parameters' unit. */
const CALIBRATION_RATE = 10;
/** softplus(CALIBRATION_RATE · this) = 1. */
const unitScale: Initializer = (values) => {
  values.fill(0);
  for (let k = 0; k < values.length; k += 2) values[k] = Math.log(Math.E - 1) / CALIBRATION_RATE;
};

/** What a teacher's tower is called among the backbone's labels. */
export const teacherOf = (label: string): string => `${label}@teacher`;

/**
 * CrossDistil: what another task's label says about the order of a task's rows teaches that task, without
 * entering its loss as a label. Beside each student tower stands a teacher tower on the same shared layers,
 * trained to rank rows by the own label first and another task's label second,
 *
 *     L^{A+} = -mean[ b₁ ln σ(r_{++} - r_{+-}) + b₂ ln σ(r_{-+} - r_{--}) + ln σ(r_{+·} - r_{-·}) ],
 *
 * over pairs drawn from the batch. Its scores are scaled to logits of the own label, r̃ = P r + Q with P > 0
 * (`BCE(y, σ(P·stop(r) + Q))` trains P and Q alone), corrected where they contradict the label, and taught:
 *
 *     L^A = (1 - α) BCE(y, σ(r^A)) + α BCE(stop σ(r̃/T), σ(r^A/T)).
 *
 * Teachers, P and Q exist in training only. With more than two tasks a teacher's loss is averaged over the
 * other tasks. Yang et al., "Cross-Task Knowledge Distillation in Multi-Task Recommendation", AAAI 2022,
 * arXiv:2202.09852. Pairs are drawn from the whole batch, whoever the users are; real labels neither teach
 * nor learn here.
 */
export class CrossDistil extends Model {
  readonly backbone: Model;
  /** P before its softplus and Q, a row a task. */
  readonly calibration: Parameter;
  /** Steps taken, where alpha grows. */
  readonly taken: State | undefined;
  readonly #options: z.output<typeof crossDistilOptions>;
  readonly #schema: FeatureMap;
  readonly #tasks: readonly Label[];

  /**
   * @param create the backbone for a schema, whose labels are the data's and the teachers'
   * @throws ConfigError with fewer than two binary labels
   */
  constructor(schema: FeatureMap, create: (schema: FeatureMap) => Model, options: CrossDistilOptions = {}) {
    super();
    const given = parseOptions(crossDistilOptions, options, "CrossDistil");
    this.#options = given;
    this.#schema = schema;
    this.#tasks = schema.labels.filter(({ kind }) => kind === "binary");
    if (this.#tasks.length < 2) {
      throw new ConfigError("CrossDistil needs two binary labels or more, whose tasks teach each other", {
        details: { labels: schema.labels.map(({ name, kind }) => `${name} (${kind})`) },
      });
    }
    const teachers = this.#tasks.map((label) => ({ ...label, name: teacherOf(label.name) }));
    const labels = given.teacher === "ranking" ? [...schema.labels, ...teachers] : schema.labels;
    this.backbone = create({ ...schema, labels });
    this.calibration = new Parameter([this.#tasks.length, 2], { init: unitScale });
    this.taken = given.warmupSteps > 0 ? new State([1]) : undefined;
  }

  /** Logits of the students by label, `[batch]` each. */
  forward(batch: Batch): LabelLogits {
    const logits = this.backbone.forward(batch);
    const wanted = [...this.#tasks.map(({ name }) => name), ...this.#teacherNames()];
    const missing = logits instanceof Tensor ? wanted : wanted.filter((name) => logits[name] === undefined);
    if (logits instanceof Tensor || missing.length > 0) {
      throw new ConfigError("CrossDistil's model must have a tower for every label", {
        details: { missing },
        hint: "take a multi-task model, and leave out its option `tasks`",
      });
    }
    if (currentTrace().training) this.#teach(logits);
    const teachers = new Set(this.#teacherNames());
    return Object.fromEntries(Object.entries(logits).filter(([name]) => !teachers.has(name)));
  }

  #teacherNames(): string[] {
    return this.#options.teacher === "ranking" ? this.#tasks.map(({ name }) => teacherOf(name)) : [];
  }

  #teach(logits: LabelLogits): void {
    const { alpha, teacher, teacherWeight, calibrate } = this.#options;
    if (teacher === "ranking" && teacherWeight > 0) {
      const keys = this.#tasks.map(() => currentTrace().nextKey());
      auxiliaryLoss("teachers", (label) =>
        mul(
          total(
            this.#tasks.map(({ name }, k) =>
              this.#rankingLoss(logits[teacherOf(name)], name, label, keys[k]),
            ),
          ),
          teacherWeight,
        ),
      );
    }
    if (alpha === 0) return;
    const scores = this.#tasks.map(({ name }) => stopGradient(this.#teacherScore(logits, name)));
    if (calibrate) {
      auxiliaryLoss("calibration", (label) =>
        total(
          this.#tasks.map((task, k) =>
            this.#crossEntropy(task, this.#calibrated(scores[k], k), label(task.name), label),
          ),
        ),
      );
    }
    const grown = this.#alpha();
    auxiliaryLoss("distillation", (label) =>
      total(
        this.#tasks.map((task, k) => {
          const student = logits[task.name];
          const target = this.#target(scores[k], k, label(task.name));
          const soft = div(student, this.#options.temperature);
          const taught = this.#crossEntropy(task, soft, target, label);
          // The objective has the student's own loss once; this takes a share α of it back.
          const own = this.#crossEntropy(task, student, label(task.name), label);
          return mul(grown, sub(taught, own));
        }),
      ),
    );
  }

  /** r^{A+}, or the mean of the other tasks' logits. */
  #teacherScore(logits: LabelLogits, name: string): Tensor {
    if (this.#options.teacher === "ranking") return logits[teacherOf(name)];
    const others = this.#tasks.filter((task) => task.name !== name);
    return div(total(others.map((task) => logits[task.name])), others.length);
  }

  /** P r + Q. */
  #calibrated(score: Tensor, task: number): Tensor {
    const of = (column: number): Tensor => {
      const row = slice(this.calibration, { axis: 0, start: task, end: task + 1 });
      return mul(reshape(slice(row, { axis: 1, start: column, end: column + 1 }), []), CALIBRATION_RATE);
    };
    return add(mul(softplus(of(0)), score), of(1));
  }

  /** The probability that teaches, `[batch]`; no gradient flows through it. */
  #target(score: Tensor, task: number, label: Tensor): Tensor {
    const { margin, temperature, calibrate } = this.#options;
    const logit = stopGradient(calibrate ? this.#calibrated(score, task) : score);
    const corrected =
      margin === null
        ? logit
        : where(greater(label, 0.5), maximum(logit, constant(margin)), minimum(logit, constant(-margin)));
    return sigmoid(div(corrected, temperature));
  }

  /** Pairs of one teacher, by each other task's label in turn. */
  #rankingLoss(score: Tensor, name: string, label: LabelOf, key: Tensor): Tensor {
    const { fineWeights, pairs, flipped } = this.#options;
    const draws = new PairDraws(score, { pairs, key });
    const own = label(name);
    const others = this.#tasks.filter((task) => task.name !== name);
    const main = draws.rankingLoss(own, not(own));
    const fine = others.flatMap((task) => {
      const other = flipped.includes(task.name) ? not(label(task.name)) : label(task.name);
      return [own, not(own)].map((side, k) =>
        mul(draws.rankingLoss(mul(side, other), mul(side, not(other))), fineWeights[k]),
      );
    });
    return add(main, div(total(fine), others.length));
  }

  /** Weighted as the objective's losses are: by the data's weights, positives by their label's. */
  #crossEntropy({ name, positiveWeight = 1 }: Label, logit: Tensor, target: Tensor, label: LabelOf): Tensor {
    const each = sub(softplus(logit), mul(target, logit));
    const given = this.#schema.weight === undefined ? undefined : label("@weight");
    const own = positiveWeight === 1 ? undefined : add(mul(label(name), positiveWeight - 1), 1);
    const weights = given !== undefined && own !== undefined ? mul(given, own) : (given ?? own);
    return weights === undefined ? mean(each) : div(sum(mul(each, weights)), sum(weights));
  }

  /** α, growing over the first steps. */
  #alpha(): Tensor {
    const { alpha, warmupSteps } = this.#options;
    if (this.taken === undefined) return constant(alpha);
    currentTrace().stateUpdates.set(this.taken, add(this.taken, 1));
    const part = clip(div(this.taken, warmupSteps), 0, 1);
    return mul(reshape(part, []), alpha);
  }
}

function not(x: Tensor): Tensor {
  return add(neg(x), 1);
}

function total(parts: readonly Tensor[]): Tensor {
  return parts.reduce((all, part) => add(all, part));
}

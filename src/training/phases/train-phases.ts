/**
 * Training in phases: each is a run of the loop that begins with the weights the one before ended with (its
 * best by validation), moves some of them, and has an optimizer, a schedule and a seed of its own. What a
 * phase begins with counts as its best until an epoch beats it. D-Train is three of them:
 *
 *     pre-train    all weights, the domains' heads tied into one
 *     post-train   all weights, each row through its own domain's head
 *     fine-tune    for each domain alone: its head, everything below frozen
 *
 * Wang et al., "Decoupled Training: Return of Frustratingly Easy Multi-Domain Learning", AAAI 2024,
 * arXiv:2309.10302.
 */
import type { Model } from "../../module/index.ts";
import type { BatchSource } from "../../schema/index.ts";
import type { TrainInput, TrainResult } from "../train-input.ts";
import type { TrainingOptions } from "../training-options.ts";
import { checkFingerprint, fingerprintOf, TrainingRun, validation } from "../training-run.ts";
import { cloneWeights, type WeightTree } from "../weight-tree.ts";
import { domainSource } from "./domain-source.ts";
import type { PhaseOptions } from "./options.ts";
import { type Stage, stagesOf } from "./stages.ts";

export async function trainPhases(
  given: TrainInput,
  options: TrainingOptions,
  phases: readonly PhaseOptions[],
): Promise<TrainResult> {
  const { model, map } = given;
  const stages = stagesOf(phases, { model, map, options });
  const fingerprint = fingerprintOf(given, options);
  const trainable = trainableFlags(model);
  const saved = given.resume ? given.checkpoints?.loadCurrent()?.progress : undefined;
  if (saved !== undefined) checkFingerprint(saved, fingerprint);
  let start: WeightTree | undefined;
  let before: Pick<TrainResult, "history" | "steps" | "seconds"> = { history: [], steps: 0, seconds: 0 };
  try {
    for (let index = saved?.stage?.index ?? 0; ; index++) {
      const stage = stages[index];
      setTrainable(model, trainable, stage.moves);
      const resume = saved?.stage?.index === index;
      const sources = await sourcesOf(given, stage);
      const epochs = sources.train.rows === 0 ? 0 : stage.options.epochs;
      const run = await TrainingRun.start(
        { ...given, ...sources, resume },
        { ...stage.options, epochs },
        {
          index,
          name: stage.name,
          fingerprint,
          start,
          observeStart: index > 0,
          stepsBefore: resume ? (saved.stage?.stepsBefore ?? 0) : before.steps,
          secondsBefore: before.seconds,
          history: before.history,
          still: stage.still,
          tied: stage.tied,
        },
      );
      await run.train();
      const { learner, history, steps, seconds, bestEpoch } = run;
      if (index === stages.length - 1 || run.stopped) {
        const valid = given.valid === undefined ? undefined : await validation(learner, given, options);
        return { learner, history, steps, seconds, bestEpoch, valid };
      }
      start = cloneWeights(learner.weights);
      before = { history, steps, seconds };
      await learner.release();
    }
  } finally {
    setTrainable(model, trainable, undefined);
  }
}

/** The rows a stage learns from and validates on. */
async function sourcesOf(
  { train, valid }: TrainInput,
  { domains }: Stage,
): Promise<{ train: BatchSource; valid?: BatchSource }> {
  if (domains === undefined) return { train, valid };
  return {
    train: await domainSource(train, domains),
    valid: valid === undefined ? undefined : await domainSource(valid, domains),
  };
}

function trainableFlags(model: Model): ReadonlyMap<string, boolean> {
  return new Map(
    [...model.namedParameters(), ...model.namedTables()].map(([path, leaf]) => [path, leaf.trainable]),
  );
}

/** What the model itself freezes stays frozen. */
function setTrainable(
  model: Model,
  own: ReadonlyMap<string, boolean>,
  moves: ReadonlySet<string> | undefined,
): void {
  for (const [path, leaf] of [...model.namedParameters(), ...model.namedTables()]) {
    leaf.trainable = own.get(path) === true && (moves?.has(path) ?? true);
  }
}

/** The towers of a multi-task model: from vectors of its branches to a logit for each label. */
import type { z } from "zod";
import { repeat } from "../core/index.ts";
import { RowDomain } from "../embeddings/index.ts";
import { MLP } from "../layers/index.ts";
import { type Batch, Module } from "../module/index.ts";
import { slice, squeeze } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { mlpOptions } from "./options.ts";
import { tasksOf, type towerOptions } from "./task-options.ts";

type HeadsOptions = z.output<z.ZodObject<typeof towerOptions>> & {
  readonly tasks?: readonly string[];
  readonly branches: "task" | "domain";
  /** Width of a branch's vector. */
  readonly width: number;
};

/** Logits `[batch]` by label. */
export type LabelLogits = { readonly [label: string]: Tensor };

/** The columns of `[batch, tasks]`, one a task. */
export function logitsByLabel(tasks: readonly string[], logits: Tensor): LabelLogits {
  return Object.fromEntries(
    tasks.map((task, t) => [task, squeeze(slice(logits, { axis: 1, start: t, end: t + 1 }), 1)]),
  );
}

/** One a task, or one a known domain. @throws ConfigError for unknown tasks, or domains that are not there */
export function branchNames(
  schema: FeatureMap,
  { tasks, branches }: Pick<HeadsOptions, "tasks" | "branches">,
): readonly string[] {
  return branches === "task" ? tasksOf(schema, tasks) : new RowDomain(schema).values;
}

export class Heads extends Module {
  /** By label: one tower, or one a domain. */
  readonly towers: { readonly [label: string]: readonly MLP[] };
  readonly #domain: RowDomain | undefined;

  constructor(schema: FeatureMap, { tasks, branches, width, towerHiddenUnits, ...deep }: HeadsOptions) {
    super();
    this.#domain = branches === "domain" ? new RowDomain(schema) : undefined;
    const options = { ...mlpOptions({ ...deep, hiddenUnits: [] }), output: 1 };
    const count = this.#domain?.values.length ?? 1;
    this.towers = Object.fromEntries(
      tasksOf(schema, tasks).map((task) => [
        task,
        repeat(count, () => new MLP(width, towerHiddenUnits, options)),
      ]),
    );
  }

  /** @param branches `[batch, width]` each, in the order of `branchNames` */
  forward(batch: Batch, branches: readonly Tensor[]): LabelLogits {
    const domain = this.#domain;
    const logits = Object.entries(this.towers).map(([label, towers], task) => {
      if (domain === undefined) return [label, squeeze(towers[0].forward(branches[task]), 1)];
      const each = towers.map((tower, k) => tower.forward(branches[k])); // [batch, 1]
      return [label, squeeze(domain.select(batch, each), 1)];
    });
    return Object.fromEntries(logits);
  }

  /** The same from one vector for all branches. */
  forwardShared(batch: Batch, x: Tensor): LabelLogits {
    const branches = this.#domain?.values.length ?? Object.keys(this.towers).length;
    return this.forward(
      batch,
      repeat(branches, () => x),
    );
  }
}

/** What most components are: contenders on one data set, tuned alike, and comparisons between two of them. */
import { compareRows, type CompareOptions, type ConfigInput, type ResultRow } from "../../run/index.ts";
import type { RecipeContext } from "../recipe.ts";
import { type Contender, runStudy, type Study, type StudyRuns } from "../study.ts";
import { evaluationRows, type TaskRowsOptions } from "../task-rows.ts";
import type { Measured } from "./component.ts";

/** A method beside a baseline, by their titles. */
export interface Claimed {
  readonly method: string;
  readonly baseline: string;
  /** @default "auc" */
  readonly metric?: string;
  /** Of several labels; absent: the first. */
  readonly task?: string;
  /** What tells the rows apart from those of the whole test split, such as `{ items: "cold" }`. */
  readonly slice?: Study["setting"];
  readonly options?: CompareOptions;
}

export interface ComponentStudy {
  readonly component: string;
  readonly data: string;
  /** Dials beside the component's name. */
  readonly setting?: Study["setting"];
  readonly config: Study["config"];
  readonly contenders: readonly Contender[];
  /** Training in place of `componentTraining`'s. */
  readonly training?: ConfigInput["training"];
  readonly metrics?: readonly string[];
  readonly claims: readonly Claimed[];
  /** What a reader must know who weighs the figures. */
  readonly caution?: string;
  /** Rows of the finished runs beyond the metrics of the whole test split. */
  readonly more?: (finished: StudyRuns, options: TaskRowsOptions) => Promise<readonly ResultRow[]>;
}

/** Training that contenders have in common unless a study says otherwise. */
export function componentTraining(
  { quick }: RecipeContext,
  epochs = 10,
): NonNullable<ConfigInput["training"]> {
  return {
    batchSize: quick ? 256 : 1024,
    epochs: quick ? 1 : epochs,
    embeddingRegularizer: 1e-5,
    embeddingRegularizerScope: "batch",
    embeddingUpdate: "lazy",
    metrics: ["auc", "log_loss"],
    monitor: "auc",
  };
}

/** Tunes, trains and compares. */
export async function measureStudy(given: ComponentStudy, context: RecipeContext): Promise<Measured> {
  const { component, data, config, contenders, metrics = ["auc", "log_loss"], claims } = given;
  const setting = { component, ...given.setting };
  const training = { ...componentTraining(context), ...given.training };
  const finished = await runStudy({ data, setting, config }, contenders, training, context);
  const options = { data, setting, metrics, trials: finished.trials };
  const rows = finished.runs.flatMap((run) => evaluationRows(run, options, null, ({ test }) => test));
  rows.push(...((await given.more?.(finished, options)) ?? []));
  const row = (variant: string, { metric = "auc", task, slice }: Claimed): ResultRow | undefined => {
    const wanted = JSON.stringify({ ...setting, ...slice });
    return rows.find(
      (each) =>
        each.variant === variant &&
        each.metric === metric &&
        (task === undefined || each.task === task) &&
        JSON.stringify(each.setting) === wanted,
    );
  };
  const comparisons = claims.flatMap((claim) => {
    const [method, baseline] = [row(claim.method, claim), row(claim.baseline, claim)];
    return method === undefined || baseline === undefined
      ? []
      : [compareRows(method, baseline, claim.options)];
  });
  for (const { variant, task, metric, mean, std, setting: of } of rows) {
    if (metric === "log_loss") continue;
    const figures = `${mean?.toFixed(4) ?? "undefined"} ± ${std?.toFixed(4) ?? "-"}`;
    context.onLine(`${data} ${Object.values(of).join(" ")}: ${variant} ${task ?? ""} ${metric} ${figures}`);
  }
  const variants = finished.runs.map(({ variant }) => variant);
  const rates = variants.map(({ name }) => name.split("/").slice(-2).join(" ")).join(", ");
  const caution = given.caution === undefined ? "" : ` ${given.caution}`;
  return { rows, comparisons, variants, note: `${component} on ${data}: ${rates}.${caution}` };
}

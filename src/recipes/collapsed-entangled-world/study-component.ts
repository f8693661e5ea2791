/** What most components are: contenders on one data set, tuned alike, and comparisons between two of them. */
import { compareRows, type CompareOptions, type ResultRow } from "../../run/index.ts";
import type { RecipeContext } from "../recipe.ts";
import { type Contender, runStudy, type Study, type StudyRuns } from "../study.ts";
import { evaluationRows } from "../task-rows.ts";
import type { Measured } from "./component.ts";

/** A method beside a baseline, by their titles. */
export interface Claimed {
  readonly method: string;
  readonly baseline: string;
  /** @default "auc" */
  readonly metric?: string;
  /** Of several labels; absent: the first. */
  readonly task?: string;
  readonly options?: CompareOptions;
}

export interface ComponentStudy {
  readonly component: string;
  readonly data: string;
  /** Dials beside the component's name. */
  readonly setting?: Study["setting"];
  readonly config: Study["config"];
  readonly contenders: readonly Contender[];
  readonly training: Parameters<typeof runStudy>[2];
  readonly metrics?: readonly string[];
  readonly claims: readonly Claimed[];
  /** Rows of a finished study beyond the metrics of whole test splits. */
  readonly more?: (finished: StudyRuns) => Promise<readonly ResultRow[]>;
}

/** Tunes, trains and compares. */
export async function measureStudy(given: ComponentStudy, context: RecipeContext): Promise<Measured> {
  const { component, data, config, contenders, training, metrics = ["auc", "log_loss"], claims } = given;
  const setting = { component, ...given.setting };
  const finished = await runStudy({ data, setting, config }, contenders, training, context);
  const options = { data, setting, metrics, trials: finished.trials };
  const rows = finished.runs.flatMap((run) => evaluationRows(run, options, null, ({ test }) => test));
  rows.push(...((await given.more?.(finished)) ?? []));
  const row = (variant: string, metric: string, task: string | undefined): ResultRow | undefined =>
    rows.find(
      (each) =>
        each.variant === variant &&
        each.metric === metric &&
        each.domain === null &&
        (task === undefined || each.task === task),
    );
  const comparisons = claims.flatMap(({ method, baseline, metric = "auc", task, options: how }) => {
    const [better, worse] = [row(method, metric, task), row(baseline, metric, task)];
    return better === undefined || worse === undefined ? [] : [compareRows(better, worse, how)];
  });
  for (const { variant, task, metric, mean, std } of rows) {
    context.onLine(
      `${component}, ${data}: ${variant} ${task} ${metric} ${mean?.toFixed(4) ?? "undefined"} ± ${std?.toFixed(4) ?? "-"}`,
    );
  }
  const variants = finished.runs.map(({ variant }) => variant);
  const rates = variants.map(({ name }) => name.split("/").slice(-2).join(" ")).join(", ");
  return { rows, comparisons, variants, note: `${component} on ${data}: ${rates}.` };
}

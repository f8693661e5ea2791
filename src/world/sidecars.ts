/**
 * Tables beside the log: items and users as a model may see them, all candidates of the sampled requests, and
 * (in files named truth) the latents and effects behind everything, for measuring and never for training.
 */
import { FLOAT, INTEGER, LIST, listValue, TINYINT, VARCHAR, type DuckDBType } from "@duckdb/node-api";
import { neverRetires } from "./catalogue.ts";
import { makeContent } from "./content.ts";
import * as law from "./law.ts";
import { logColumns } from "./log-tables.ts";
import { PersonMaker } from "./population.ts";
import type { Simulation } from "./simulate.ts";
import type { TableColumn } from "./table-writer.ts";
import { makeTitles } from "./titles.ts";
import type { World } from "./world.ts";

const column = (name: string, type: DuckDBType, at: TableColumn["at"]): TableColumn => ({ name, type, at });
const vector = (values: ArrayLike<number>, row: number, width: number) =>
  listValue(Array.from({ length: width }, (_, k) => values[row * width + k]));

export function itemColumns({ options, catalogue, itemDays }: World): TableColumn[] {
  const content = makeContent(options, catalogue, itemDays);
  const titles = makeTitles(options, catalogue, itemDays);
  const { birthDay, retirementDay } = catalogue;
  return [
    column("item_id", INTEGER, (i) => i),
    column("category", INTEGER, (i) => catalogue.category[i]),
    column("subcategory", INTEGER, (i) => catalogue.subcategory[i]),
    column("advertiser", INTEGER, (i) => catalogue.advertiser[i]),
    column("format", INTEGER, (i) => catalogue.format[i]),
    column("price", FLOAT, (i) => catalogue.price[i]),
    column("bid", FLOAT, (i) => catalogue.bid[i]),
    column("birth_day", INTEGER, (i) => birthDay[i]),
    column("retirement_day", INTEGER, (i) => (retirementDay[i] === neverRetires ? null : retirementDay[i])),
    column("title", VARCHAR, (i) => titles[i]),
    column("content", LIST(FLOAT), (i) => vector(content, i, law.contentDim)),
  ];
}

export function truthItemColumns({ catalogue, itemDays }: World): TableColumn[] {
  const { latents } = itemDays.day(0);
  return [
    column("item_id", INTEGER, (i) => i),
    column("quality", FLOAT, (i) => catalogue.quality[i]),
    column("popularity_rank", INTEGER, (i) => catalogue.popularityRank[i]),
    column("clickbait", TINYINT, (i) => catalogue.clickbait[i]),
    column("latent", LIST(FLOAT), (i) => vector(latents, i, law.latentDim)),
  ];
}

export function truthUserColumns({ options, effects, population }: World): TableColumn[] {
  const people = new PersonMaker(options, effects, population);
  const width = law.latentDim;
  const domains = effects.domainCount;
  const own = Array.from({ length: options.users }, (_, u) => {
    const { bias, likeBias, logIncome, taste, likeTaste, domainTaste } = people.make(u);
    return {
      bias,
      likeBias,
      logIncome,
      taste: vector(taste, 0, width),
      likeTaste: vector(likeTaste, 0, width),
      domainTaste: vector(domainTaste, 0, domains * width),
    };
  });
  return [
    column("user_id", INTEGER, (u) => u),
    column("cluster", TINYINT, (u) => population.cluster[u]),
    column("bias", FLOAT, (u) => own[u].bias),
    column("like_bias", FLOAT, (u) => own[u].likeBias),
    column("log_income", FLOAT, (u) => own[u].logIncome),
    column("taste", LIST(FLOAT), (u) => own[u].taste),
    column("like_taste", LIST(FLOAT), (u) => own[u].likeTaste),
    column("domain_taste", LIST(FLOAT), (u) => own[u].domainTaste),
  ];
}

/** Effects as plain JSON: what `truth.json` holds. T1, T2 and M stand once for each period (`changeDays`). */
export function worldTruth({ options, effects, itemDays }: World): Record<string, unknown> {
  const rows = (values: Float64Array, width: number) =>
    Array.from({ length: values.length / width }, (_, r) =>
      Array.from(values.subarray(r * width, (r + 1) * width)),
    );
  const periods = options.changeDays.length + 1;
  const byPeriod = (values: Float64Array, width: number) =>
    Array.from({ length: periods }, (_, p) =>
      rows(values.subarray((p * values.length) / periods, ((p + 1) * values.length) / periods), width),
    );
  return {
    domainLogits: Array.from(effects.domainLogit),
    historyMatrix: byPeriod(effects.historyMatrix, law.categoryCount),
    ageCategory: byPeriod(effects.ageCategory, law.categoryCount),
    cityHourFormat: byPeriod(effects.cityHourFormat, law.hourBlockCount * law.formatCount),
    deviceClick: Array.from(effects.deviceClick),
    cityIncome: Array.from(effects.cityIncome),
    deviceIncome: Array.from(effects.deviceIncome),
    subcategoryLatents: rows(itemDays.day(0).subcategoryLatents, law.latentDim),
  };
}

/** Expressions that a candidate shares with a row of the log, then its own. */
export function candidateQueryColumns(maxHistory: number): readonly (readonly [string, string])[] {
  const fields = logColumns(maxHistory);
  const labelsBegin = fields.findIndex(([name]) => name === "click");
  return [
    ...fields.slice(0, labelsBegin).filter(([name]) => name !== "by_affinity"),
    ["shown_position", "CAST(r.shown_position AS INTEGER)"],
    ...["true_click", "true_like", "true_conversion", "true_conversion_given_click", "true_hide"].map(
      (name) => [name, `r.${name}`] as const,
    ),
  ];
}

export function candidateColumns({ candidates, requests }: Simulation): TableColumn[] {
  const request = (c: number) => candidates.request[c];
  return [
    column("request_id", INTEGER, request),
    column("user_id", INTEGER, (c) => requests.user[request(c)]),
    column("time", INTEGER, (c) => requests.time[request(c)]),
    column("domain", TINYINT, (c) => requests.domain[request(c)]),
    column("history_length", INTEGER, (c) => requests.historyLength[request(c)]),
    column("position", TINYINT, () => 1),
    column("item_id", INTEGER, (c) => candidates.item[c]),
    column("frequency", INTEGER, (c) => candidates.frequency[c]),
    column("propensity", FLOAT, (c) => candidates.propensity[c]),
    column("shown_position", TINYINT, (c) => candidates.shownPosition[c]),
    column("true_click", FLOAT, (c) => candidates.trueClick[c]),
    column("true_like", FLOAT, (c) => candidates.trueLike[c]),
    column("true_conversion", FLOAT, (c) => candidates.trueClick[c] * candidates.trueConversionGivenClick[c]),
    column("true_conversion_given_click", FLOAT, (c) => candidates.trueConversionGivenClick[c]),
    column("true_hide", FLOAT, (c) => candidates.trueHide[c]),
  ];
}

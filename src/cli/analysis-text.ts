/** The figures of an analysis for a terminal. */
import type { AnalysisPageInput } from "../report/index.ts";
import { count, textTable } from "./text-table.ts";

const figure = (value: number | null | undefined, digits = 3): string =>
  value === null || value === undefined ? "–" : value.toFixed(digits);

export function analysisText(study: Omit<AnalysisPageInput, "source">): string {
  const parts = [
    collapseText(study),
    correlationText(study),
    entanglementText(study),
    expertText(study),
    taskText(study),
    Object.entries(study.skipped).map(([tool, why]) => `${tool}: ${why}`),
  ];
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}

type Lines = readonly string[];
type Study = Omit<AnalysisPageInput, "source">;

function collapseText({ collapse }: Study): Lines {
  if (collapse === undefined) return [];
  const { tables, vocabularies, meanAbundance, subEmbeddings } = collapse;
  return [
    "Dimensional collapse",
    textTable([
      ["table", "rows", "width", "abundance", "drawn", "effective rank"],
      ...tables.map((table) => [
        table.name,
        count(table.rows),
        String(table.dim),
        figure(table.informationAbundance, 2),
        table.randomAbundance.toFixed(2),
        figure(table.effectiveRank, 2),
      ]),
    ]),
    `mean abundance ${figure(meanAbundance, 2)}`,
    ...(vocabularies.length === 0
      ? []
      : [
          "",
          textTable([
            ["vocabulary", "tables", "width", "abundance", "of one alone"],
            ...vocabularies.map((one) => [
              one.name,
              String(one.tables),
              String(one.dim),
              figure(one.informationAbundance, 2),
              figure(one.meanAbundance, 2),
            ]),
          ]),
        ]),
    ...subEmbeddings.flatMap(({ place, fields, abundance }) => [
      "",
      `What fields show each other (${place}): abundance of the row's field toward the column's`,
      textTable([
        ["", ...fields],
        ...fields.map((field, i) => [field, ...abundance[i].map((value) => figure(value, 2))]),
      ]),
    ]),
  ];
}

function correlationText({ correlation }: Study): Lines {
  if (correlation === undefined) return [];
  const { history, target, label, candidates, meanRankCorrelation } = correlation;
  return [
    `Feature correlation: attention to ${history} against its mutual information with ${label}`,
    textTable([
      [target, "rows", "rank correlation"],
      ...candidates.map((one) => [one.candidate, count(one.rows), figure(one.rankCorrelation, 2)]),
    ]),
    `mean rank correlation ${figure(meanRankCorrelation, 2)}`,
  ];
}

function entanglementText({ entanglement }: Study): Lines {
  if (entanglement === undefined) return [];
  const { user, item, tasks, views, shifts } = entanglement;
  const [first, second] = tasks;
  const columns = [`${first} only`, `${second} only`, "both"];
  return [
    `Interest entanglement: mean cosine distance of ${user} and ${item}`,
    textTable([
      ["view", ...columns],
      ...views.map(({ view, distances }) => [
        view,
        ...(["10", "01", "11"] as const).map((kind) => figure(distances[kind].mean)),
      ]),
    ]),
    ...(shifts.length === 0
      ? []
      : [
          "",
          textTable([
            ["views", `${first} only`, `${second} only`, "separation"],
            ...shifts.map(({ a, b, shift, separation }) => [
              `${a} - ${b}`,
              figure(shift["10"]),
              figure(shift["01"]),
              figure(separation),
            ]),
          ]),
        ]),
  ];
}

function expertText({ experts }: Study): Lines {
  if (experts === undefined) return [];
  const { covariance, diversity, rows } = experts;
  return [
    `Experts on ${count(rows)} rows: mean |covariance| ${figure(covariance.value, 5)}, diversity ${figure(diversity.value)}`,
  ];
}

function taskText({ tasks: study }: Study): Lines {
  if (study === undefined) return [];
  const { gradients, recorded, transfer, balance } = study;
  const { tasks, weights, cosine, conflict, batches } = gradients;
  return [
    `Tasks: gradients on shared weights, over ${batches} batches`,
    textTable([
      ["pair", "cosine", "in conflict"],
      ...Object.keys(cosine).map((pair) => [
        pair,
        figure(cosine[pair]),
        `${(conflict[pair] * 100).toFixed(0)} %`,
      ]),
    ]),
    "",
    textTable([
      ["share of squared gradient", ...tasks],
      ...weights.map(({ path, share }) => [path, ...tasks.map((task) => figure(share[task]))]),
    ]),
    ...(recorded?.dominance === undefined
      ? []
      : [
          "",
          textTable([
            ["share of squared updates (rAU)", ...tasks],
            ...Object.entries(recorded.dominance).map(([path, shares]) => [
              path,
              ...tasks.map((task) => figure(shares[task])),
            ]),
          ]),
        ]),
    ...(transfer.length === 0
      ? []
      : [
          "",
          textTable([
            ["task", "alone", `${transfer[0].metric} gained`],
            ...transfer.map(({ task, alone, gain }) => [task, alone, figure(gain.value, 4)]),
          ]),
        ]),
    ...(balance === undefined
      ? []
      : [
          "",
          textTable([
            [`share of ${balance.tasks[0]} in feedback`, "rows", ...tasks],
            ...balance.bins.map(({ from, to, rows, auc }) => [
              `${from} to ${to}`,
              count(rows),
              ...tasks.map((task) => figure(auc[task]?.value, 4)),
            ]),
          ]),
        ]),
  ];
}

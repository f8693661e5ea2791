/**
 * Census-Income (KDD), the published test half, as one table: the tasks of the MMoE paper's first pair, income
 * above 50,000 and never married. The split is drawn once, 70/15/15 by a fixed seed, since the train half
 * cannot be had; figures of other papers are therefore not comparable. As there, columns that nearly spell
 * out the marital status (tax filer, household) stay features: its AUC is near 0.99 whatever the model.
 */
import { type DataConfigInput, sqlText } from "../data/index.ts";
import { madeTables } from "./made-tables.ts";
import { publicFile } from "./public-data.ts";

const columns = [
  "age",
  "class_worker",
  "det_ind_code",
  "det_occ_code",
  "education",
  "wage_per_hour",
  "hs_college",
  "marital_stat",
  "major_ind_code",
  "major_occ_code",
  "race",
  "hisp_origin",
  "sex",
  "union_member",
  "unemp_reason",
  "full_or_part_emp",
  "capital_gains",
  "capital_losses",
  "stock_dividends",
  "tax_filer_stat",
  "region_prev_res",
  "state_prev_res",
  "det_hh_fam_stat",
  "det_hh_summ",
  "instance_weight",
  "mig_chg_msa",
  "mig_chg_reg",
  "mig_move_reg",
  "mig_same",
  "mig_prev_sunbelt",
  "num_emp",
  "fam_under_18",
  "country_father",
  "country_mother",
  "country_self",
  "citizenship",
  "own_or_self",
  "vet_question",
  "vet_benefits",
  "weeks_worked",
  "year",
  "income_50k",
] as const;

/** Labels, and the survey's weight. */
const notFeatures: readonly string[] = ["marital_stat", "instance_weight", "income_50k"];
const amounts: readonly string[] = [
  "age",
  "wage_per_hour",
  "capital_gains",
  "capital_losses",
  "stock_dividends",
  "num_emp",
  "weeks_worked",
];

export const censusTasks = ["income", "never_married"] as const;

/** Writes the table once; the data config reads it. */
export async function prepareCensus(dataDirectory: string, directory: string): Promise<DataConfigInput> {
  const source = publicFile(dataDirectory, "census-income", "census-income.test.gz");
  const table = "census-income";
  const { [table]: file } = await madeTables(directory, [], { [table]: rowsOf(source) });
  const features = columns.filter((name) => !notFeatures.includes(name));
  return {
    data: { train: file, split: { by: "ratio", train: 0.7, valid: 0.15, test: 0.15, seed: 2024 } },
    features: features.map((name) =>
      amounts.includes(name)
        ? { name, kind: "numeric", transform: "log_standard" }
        : { name, kind: "categorical" },
    ),
    labels: censusTasks.map((name) => ({ name })),
  };
}

function rowsOf(source: string): string {
  const names = columns.map((name) => sqlText(name)).join(", ");
  const cells = columns
    .filter((name) => !notFeatures.includes(name))
    .map((name) =>
      amounts.includes(name) ? `trim(${name})::DOUBLE AS ${name}` : `nullif(trim(${name}), '?') AS ${name}`,
    );
  return `
    SELECT ${cells.join(", ")},
           (trim(income_50k) = '50000+.')::INT AS income,
           (trim(marital_stat) = 'Never married')::INT AS never_married
    FROM read_csv(${sqlText(source)}, header = false, all_varchar = true, delim = ',', quote = '', names = [${names}])`;
}

/** GwPFM beside its relatives on Frappe: between FM, with one vector a value, and FFM, with one for every field. */
import { join } from "node:path";
import { exampleConfig } from "../../world/index.ts";
import type { Contender } from "../study.ts";
import { ensureWorld } from "../world-data.ts";
import { type Component, type Measured, together } from "./component.ts";
import { frappeConfig, prepareFrappe } from "./frappe-data.ts";
import { type Claimed, measureStudy } from "./study-component.ts";

const width = { embeddingDim: 8, embeddingStd: 0.01 };

function contenders(groups: string[][]): Contender[] {
  return [
    { name: "fm", role: "baseline", model: { name: "FM", ...width } },
    { name: "fwfm", role: "baseline", model: { name: "FwFM", ...width } },
    { name: "ffm", role: "baseline", model: { name: "FFM", ...width } },
    { name: "gwpfm", role: "method", model: { name: "GwPFM", ...width, groups } },
  ];
}

const claims: Claimed[] = [
  { method: "gwpfm", baseline: "fm" },
  { method: "gwpfm", baseline: "fwfm" },
  // FFM may be better: GwPFM is to come near it at a fraction of its size.
  { method: "gwpfm", baseline: "ffm", options: { claim: { kind: "not-worse", tolerance: 0.002 } } },
];

export const gwpfm: Component = {
  name: "gwpfm",
  claim: "GwPFM beats FM and FwFM, and is within 0.002 of FFM at fewer parameters (test AUC)",
  async measure(context) {
    const { quick, workDirectory, dataDirectory } = context;
    const parts: Measured[] = [];
    const shared = { component: gwpfm.name, claims };
    if (quick) {
      const directory = join(workDirectory, "world-fields");
      await ensureWorld(
        directory,
        { seed: 8, impressions: 6000, users: 200, items: 300, clickShift: 1 },
        context,
      );
      const groups = [["user_id", "age", "gender", "city", "device"]];
      const config = exampleConfig(directory);
      parts.push(
        await measureStudy({ ...shared, data: "world", config, contenders: contenders(groups) }, context),
      );
      return together(parts);
    }
    const config = frappeConfig(await prepareFrappe(dataDirectory, join(workDirectory, "frappe")));
    const groups = [
      ["user", "country", "city"],
      ["item", "cost"],
    ];
    parts.push(
      await measureStudy({ ...shared, data: "frappe", config, contenders: contenders(groups) }, context),
    );
    return together(parts);
  },
};

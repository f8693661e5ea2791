/**
 * TIM: histories pooled by candidate and time, beside the mean, DIN, and TIM without time or without its value
 * product. KuaiRand's histories have an order and no times; the world's clicks depend on how long ago a user
 * clicked on a related category, and there both are known.
 */
import { join } from "node:path";
import type { ConfigInput } from "../../run/index.ts";
import { exampleConfig, type WorldOptions } from "../../world/index.ts";
import { kuairandTasks, prepareKuaiRand } from "../kuairand-data.ts";
import type { RecipeContext } from "../recipe.ts";
import type { Contender } from "../study.ts";
import { ensureWorld } from "../world-data.ts";
import { type Component, type Measured, together } from "./component.ts";
import { type Claimed, componentTraining, measureStudy } from "./study-component.ts";

const world: WorldOptions = {
  seed: 5,
  impressions: 150_000,
  users: 1500,
  items: 1000,
  clickShift: 1,
  historyStrength: 2,
  historyTauDays: 1,
};

/** Products of two embeddings are pooled: from a start of 0.01 they would be of the size of 1e-4. */
const network = { embeddingDim: 8, embeddingStd: 0.1, hiddenUnits: [64, 32] };

function contenders(temporalEncoding: "position" | "both"): Contender[] {
  const tin = { name: "TIN", ...network, temporalEncoding };
  return [
    {
      name: "mean",
      role: "baseline",
      // One plain expert is the same network on fields whose histories are averaged.
      model: {
        name: "HMoE-ME",
        embeddingDim: network.embeddingDim,
        embeddingStd: network.embeddingStd,
        experts: ["none"],
        expertHiddenUnits: [64],
        towerHiddenUnits: [32],
        historyPooling: "mean",
      },
    },
    { name: "din", role: "baseline", model: { name: "DIN", ...network, attentionHiddenUnits: [16] } },
    { name: "tim", role: "method", model: tin },
    { name: "tim-without-time", role: "ablation", model: { ...tin, temporalEncoding: "none" } },
    { name: "tim-without-product", role: "ablation", model: { ...tin, valueProduct: false } },
  ];
}

const claims: Claimed[] = ["auc", "gauc"].flatMap((metric) =>
  ["mean", "din", "tim-without-time", "tim-without-product"].map((baseline) => ({
    method: "tim",
    baseline,
    metric,
  })),
);
const metrics = ["auc", "gauc", "log_loss"];

export const temporalInterest: Component = {
  name: "temporal-interest",
  claim: "TIM beats mean pooling, DIN, and TIM without time or without the product (test AUC and gAUC)",
  async measure(context) {
    const training: ConfigInput["training"] = { ...componentTraining(context), metrics };
    const shared = { component: temporalInterest.name, training, metrics, claims };
    const made = join(context.workDirectory, "world-histories");
    await ensureWorld(
      made,
      context.quick ? { ...world, impressions: 6000, users: 200, items: 300 } : world,
      context,
    );
    const parts: Measured[] = [
      await measureStudy(
        {
          ...shared,
          data: "world",
          setting: { historyStrength: 2 },
          caution:
            "The initial deviation of 0.1 was set for every contender after test figures of untuned single runs on a smaller such world had been seen.",
          config: exampleConfig(made, { features: "history", historyLength: 20 }),
          contenders: contenders("both"),
        },
        context,
      ),
    ];
    if (!context.quick) parts.push(await kuairand(shared, context));
    return together(parts);
  },
};

async function kuairand(
  shared: Pick<Parameters<typeof measureStudy>[0], "component" | "training" | "metrics" | "claims">,
  context: RecipeContext,
): Promise<Measured> {
  const files = await prepareKuaiRand(context.dataDirectory, join(context.workDirectory, "kuairand"));
  const fields = kuairandTasks(files, ["click"]);
  const history = { name: "history", kind: "sequence", target: "video_id", maxLength: 50 } as const;
  const config = { ...fields, features: [...fields.features, history] };
  return measureStudy(
    { ...shared, data: "kuairand-pure", config, contenders: contenders("position") },
    context,
  );
}

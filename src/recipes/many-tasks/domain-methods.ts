/** Every way to learn several domains at once, on one model width. */
import type { DomainStudy } from "../domain-studies.ts";
import type { RecipeContext } from "../recipe.ts";
import type { Contender } from "../study.ts";
import type { Method } from "./task-methods.ts";

const dim = 8;
const sets = 3;
const tower = { embeddingDim: dim, towerHiddenUnits: [16] };
const experts = { ...tower, expertHiddenUnits: [64, 32], gateHiddenUnits: [16] };
const domains = { branches: "domain" } as const;
const bottom = { name: "SharedBottom", ...tower, bottomHiddenUnits: [64, 32] };
const stem = { name: "STEM", ...experts, ...domains };

export function domainMethods(
  { prior }: Pick<DomainStudy, "prior">,
  { quick }: Pick<RecipeContext, "quick">,
): Method[] {
  const priorFeatures = [...prior];
  const model = (name: string, options: Contender["model"], more: Partial<Method> = {}): Method => ({
    name,
    role: "baseline",
    model: options,
    backbone: "shared-bottom",
    ...more,
  });
  const heads = { ...bottom, ...domains };
  const crocodile = {
    name: "Crocodile",
    ...tower,
    expertHiddenUnits: [64, 32],
    embeddingSets: sets,
    priorFeatures,
    priorDim: dim,
    covarianceWeight: 0.1,
  };
  return [
    model("separate", { ...stem, sharedExperts: 0, otherExperts: "none", gateInput: "own" }),
    model("pooled", bottom),
    model("shared-bottom", heads),
    model("mmoe", { name: "MMoE", ...experts, ...domains, experts: sets }),
    model("ple", { name: "PLE", ...experts, ...domains, specificExperts: 1, sharedExperts: 1 }),
    model("star", { name: "STAR", embeddingDim: dim, hiddenUnits: [64, 32] }),
    model("pepnet", {
      name: "PEPNet",
      embeddingDim: dim,
      hiddenUnits: [64, 32],
      priorFeatures,
      gateWidth: 16,
    }),
    model("sdem", { ...stem, sharedExperts: 1 }),
    model("me-mmoe", { ...crocodile, gate: "scalar", perDomainGate: true, covarianceWeight: 0 }),
    model("me-ple", { ...stem, sharedExperts: 1, otherExperts: "none" }),
    model("crocodile", crocodile, { role: "method", backbone: "mmoe", most: { passes: sets } }),
    model("d-train", heads, {
      role: "method",
      training: {
        phases: [
          { name: "pre-train", epochs: quick ? 1 : 5, tie: ["heads.towers.*.*"] },
          { name: "post-train", epochs: quick ? 1 : 3, learningRateFactor: 0.3 },
          {
            name: "fine-tune",
            epochs: quick ? 1 : 3,
            learningRateFactor: 0.1,
            earlyStopPatience: 1,
            eachDomain: true,
            train: ["heads.towers.*.{domain}"],
          },
        ],
      },
      // It trains three times; what a phase begins with is validated too.
      most: { passes: 3, validations: 5 },
    }),
  ];
}

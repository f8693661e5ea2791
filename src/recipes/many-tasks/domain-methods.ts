/** Every way to learn several domains at once, on one model width. */
import type { DomainStudy } from "../domain-studies.ts";
import type { RecipeContext } from "../recipe.ts";
import { type Method, method } from "./method.ts";

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
    method("separate", { ...stem, sharedExperts: 0, otherExperts: "none", gateInput: "own" }),
    method("pooled", bottom),
    method("shared-bottom", heads),
    method("mmoe", { name: "MMoE", ...experts, ...domains, experts: sets }),
    method("ple", { name: "PLE", ...experts, ...domains, specificExperts: 1, sharedExperts: 1 }),
    method("star", { name: "STAR", embeddingDim: dim, hiddenUnits: [64, 32] }),
    method("pepnet", {
      name: "PEPNet",
      embeddingDim: dim,
      hiddenUnits: [64, 32],
      priorFeatures,
      gateWidth: 16,
    }),
    method("sdem", { ...stem, sharedExperts: 1 }),
    method("me-mmoe", { ...crocodile, gate: "scalar", perDomainGate: true, covarianceWeight: 0 }),
    method("me-ple", { ...stem, sharedExperts: 1, otherExperts: "none" }),
    method("crocodile", crocodile, { role: "method", backbone: "mmoe", most: { passes: sets } }),
    method("d-train", heads, {
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

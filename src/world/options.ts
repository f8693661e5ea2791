/**
 * What a world is made of: its size and its dials (WORLD.md's, under descriptive names), each with its default.
 * Two worlds with equal options are equal byte for byte; recipes turn dials and never the law (`law.ts`).
 */
import { z } from "zod";
import { configError } from "../data/index.ts";

const count = (least: number, most: number) => z.int().min(least).max(most);
const cosine = () => z.number().min(-1).max(1);
const share = () => z.number().min(0).max(1);

export const worldOptionsSchema = z
  .strictObject({
    seed: z.int().min(0).default(1).describe("Seed of every random number."),
    users: count(10, 5_000_000).default(20_000).describe("Number of users."),
    items: count(100, 200_000).default(5_000).describe("Number of items, those born later included."),
    impressions: count(100, 100_000_000)
      .multipleOf(10)
      .default(1_000_000)
      .describe("Rows written over all splits; ten to a request, so a multiple of ten."),
    trainDays: count(1, 100).default(14).describe("Days of the training split."),
    validDays: count(1, 100).default(2).describe("Days of the validation split, after training."),
    testDays: count(1, 100).default(3).describe("Days of the test split, after validation."),
    warmupDays: count(0, 100)
      .default(0)
      .describe("Days before day 0 that are lived but not written: they only fill histories."),
    candidates: count(10, 2_000)
      .default(50)
      .describe("Candidates of a sampled request, the ten shown included."),
    candidateShare: share().default(0.1).describe("Share of requests whose candidates are all kept."),
    maxHistory: count(1, 10_000).default(200).describe("Longest history written: the most recent clicks."),

    domainLogits: z
      .array(z.number())
      .min(1)
      .max(16)
      .default([-3.75, -2.95, -1.75])
      .describe("beta: base click logit of each feed; the list's length is the number of feeds."),
    domainShares: z
      .array(z.number().positive())
      .min(1)
      .max(16)
      .default([5, 3, 2])
      .describe("Relative traffic of each feed."),
    clickShift: z.number().default(0).describe("Added to every click logit: the positive rate."),
    likeShift: z.number().default(0).describe("Added to every like logit."),
    conversionShift: z.number().default(0).describe("Added to every conversion logit."),
    hideShift: z.number().default(0).describe("Added to every hide logit."),

    affinityStrength: z.number().min(0).default(1).describe("alpha: weight of user-item affinity."),
    userBiasSd: z.number().min(0).default(0.5).describe("Standard deviation of the users' base rates b_u."),
    likeAgreement: cosine()
      .default(0.7)
      .describe(
        "rho: cosine of a user's click taste and like taste; 1 no conflict, 0 strong, below 0 opposed.",
      ),
    domainAgreement: z
      .union([cosine(), z.array(cosine())])
      .default(0.9)
      .describe(
        "kappa: cosine of a user's shared taste and the taste in one feed; one for all, or one for each.",
      ),
    historyStrength: z
      .number()
      .min(0)
      .default(1)
      .describe("gamma: weight of the history effect; 0 removes it."),
    historyTauDays: z
      .number()
      .positive()
      .default(3)
      .describe("tau: recency scale of the history effect, days."),
    historyKernel: z
      .enum(["recent", "distant"])
      .default("recent")
      .describe(
        "Which clicks count: exp(-age/tau), or 1 - exp(-age/tau), which rewards those older than tau.",
      ),
    drift: z
      .number()
      .min(0)
      .max(1)
      .default(0.02)
      .describe("Change a day: of item latents (radians), of log popularity and log category shares (sd)."),
    rateWander: z
      .number()
      .min(0)
      .default(0)
      .describe("Standard deviation of the daily steps by which the base click logit of all feeds wanders."),
    changeDays: z
      .array(z.int())
      .max(20)
      .default([])
      .describe("Days, ascending, on which the effects T1 and T2 and the history matrix M are drawn anew."),
    churn: z
      .number()
      .min(0)
      .max(0.5)
      .default(0.02)
      .describe("Share of living items born, and retired, a day."),
    userZipf: z.number().min(0).max(3).default(1.1).describe("Exponent of user activity, (rank + 50)^-x."),
    itemZipf: z.number().min(0).max(3).default(1.2).describe("Exponent of item popularity, rank^-x."),
    contentInformativeness: share()
      .default(0.8)
      .describe(
        "Cosine of an item's content vector with what its latent alone would give; also guides titles.",
      ),
    numericTail: z.number().min(0).max(4).default(1).describe("Scale of the spread of log prices."),
    deviceShift: z
      .number()
      .default(0)
      .describe("Click logits differ by up to this, either way, between devices."),
    burstiness: share().default(0.5).describe("Share of requests that follow another by minutes."),
    affinityShare: share().default(0.5).describe("Share of slots the logging policy fills by affinity."),
    loggingNoise: z
      .number()
      .min(0.1)
      .default(2)
      .describe("Gumbel noise on the affinities the logging policy ranks by; large is near uniform."),
    conversionDelayDays: z.number().positive().default(1.5).describe("Mean of the exponential delay, days."),
    clickbaitShare: share().default(0).describe("Share of items that draw clicks and hides alike."),
    newCategories: count(0, 10)
      .default(0)
      .describe("How many of the twenty categories have items in the test period only."),
    testFeedShare: share()
      .default(0)
      .describe("Traffic share, in the test period only, of one more feed that training never saw."),
  })
  .superRefine((options, context) => {
    if (options.domainShares.length !== options.domainLogits.length) {
      context.addIssue({
        code: "custom",
        path: ["domainShares"],
        message: `expected as many shares as domainLogits has entries (${options.domainLogits.length}), got ${options.domainShares.length}`,
      });
    }
    const { domainAgreement, changeDays } = options;
    if (Array.isArray(domainAgreement) && domainAgreement.length !== options.domainLogits.length) {
      context.addIssue({
        code: "custom",
        path: ["domainAgreement"],
        message: `expected one number or as many as domainLogits has (${options.domainLogits.length}), got ${domainAgreement.length}`,
      });
    }
    if (changeDays.some((day, i) => i > 0 && day <= changeDays[i - 1])) {
      context.addIssue({ code: "custom", path: ["changeDays"], message: "expected ascending days" });
    }
    if (options.candidates > options.items / 5) {
      context.addIssue({
        code: "custom",
        path: ["candidates"],
        message: `expected at most a fifth of the items (${Math.floor(options.items / 5)}), got ${options.candidates}`,
      });
    }
  });

/** Options as a caller gives them: any may be left out. */
export type WorldOptions = z.input<typeof worldOptionsSchema>;

/** Options with every default filled in. */
export type ResolvedWorldOptions = z.output<typeof worldOptionsSchema>;

/**
 * Fills in defaults.
 *
 * @param show how option names are written where the user wrote them @default as here
 * @throws ConfigError naming the option that is unknown, of the wrong type or out of range; all of them stand in
 *   `details.problems`
 */
export function resolveWorldOptions(
  options: WorldOptions = {},
  show: (name: string) => string = (name) => name,
): ResolvedWorldOptions {
  const parsed = worldOptionsSchema.safeParse(options);
  if (parsed.success) return parsed.data;
  throw configError(worldOptionsSchema, parsed.error, options, show);
}

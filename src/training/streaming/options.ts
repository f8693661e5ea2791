/** Training on a stream, as a configuration says it. */
import { z } from "zod";

export const streamingOptions = z
  .strictObject({
    window: z
      .union([z.enum(["hour", "day"]), z.number().positive()])
      .default("day")
      .describe("What is predicted before it is trained on: an hour, a day (UTC), or so many seconds."),
    start: z
      .string()
      .optional()
      .describe(
        "Directory of a finished run of the same model to go on from, with its vocabularies. Default: a fresh start.",
      ),
    grow: z
      .boolean()
      .default(true)
      .describe("With `start`: values that its vocabularies do not know get rows of their own."),
    alarm: z
      .number()
      .gt(1)
      .nullable()
      .default(1.2)
      .describe(
        "A window whose log loss is more than this times the recent median raises an alarm: the weights from " +
          "before the last window was trained on come back if they predict this one without one. null: never.",
      ),
    alarmWindows: z.number().int().positive().default(8).describe("Windows that the recent median is of."),
  })
  .describe(
    "One pass over the training split in order of time, test-then-train: each window is predicted, then trained " +
      "on. Rows must be stored in order of the `timestamp` column; `epochs` and `shuffle` play no part.",
  );

export type StreamingOptions = z.output<typeof streamingOptions>;

/** Seconds of a window. */
export function windowSeconds({ window }: Pick<StreamingOptions, "window">): number {
  return window === "hour" ? 3600 : window === "day" ? 86_400 : window;
}
